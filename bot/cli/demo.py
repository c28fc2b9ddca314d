"""`chorus demo`: a visit in a sandbox, without Discord, a GPU or a language model."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from bot.errors import ConfigError
from sandbox.demo import DemoOptions, run_demo


def options_of(*, folder: Path, comfyui: str | None, workflow: Path | None, stay: bool, debug: bool) -> DemoOptions:
    """What was typed.

    Raises:
        ConfigError: A workflow without the ComfyUI that shall run it.

    """
    if workflow is not None and comfyui is None:
        raise ConfigError("--workflow needs --comfyui URL.", advice="The stand-in draws with the shipped workflows.")
    return DemoOptions(folder=folder, comfyui=comfyui, workflow=workflow, stay=stay, debug=debug)


def demo(options: DemoOptions, console: Console) -> bool:
    """Print the transcript of the visit; whether everything arrived.

    Raises:
        ChorusError: It could not begin.

    """
    return run_demo(options, console)
