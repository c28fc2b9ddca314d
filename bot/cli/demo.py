"""`chorus demo`: the bot against local stand-ins for Discord, ComfyUI and the language model."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from bot.errors import ConfigError
from sandbox.demo import DemoOptions, run_demo


def options_of(*, folder: Path, comfyui: str | None, workflow: Path | None, stay: bool, debug: bool) -> DemoOptions:
    """Return the arguments of `chorus demo` as the sandbox takes them.

    Raises:
        ConfigError: A workflow was given without a ComfyUI that runs it.

    """
    if workflow is not None and comfyui is None:
        raise ConfigError("--workflow needs --comfyui URL.", advice="The stand-in draws with the shipped workflows.")
    return DemoOptions(folder=folder, comfyui=comfyui, workflow=workflow, stay=stay, debug=debug)


def demo(options: DemoOptions, console: Console) -> bool:
    """Run the demo, print its transcript, and return whether everything that was expected has arrived.

    Raises:
        ChorusError: The demo cannot begin.

    """
    return run_demo(options, console)
