"""What several commands of the command line have in common: options, the configuration, where they print."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from bot.settings import Settings

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The configuration; config.yaml in this folder if left out.", metavar="FILE"),
]
GuildOption = Annotated[int | None, typer.Option(help="The workflows of this Discord server, by its id.", metavar="ID")]
WorkflowArgument = Annotated[str, typer.Argument(help="character/kind/name, such as nova/image/default.")]


def settings_of(config: Path | None) -> Settings:
    """Load the configuration.

    Raises:
        ConfigError: It is wrong, or not there.

    """
    from bot.settings import load_settings  # noqa: PLC0415

    return load_settings(config)


def standard_output() -> Console:
    """Standard output; wide where it goes to a file or pipe, so that tables do not break words."""
    return Console() if sys.stdout.isatty() else Console(width=160)


@contextmanager
def quietly(context: typer.Context, config: Path | None) -> Generator[Settings]:
    """The settings, while only warnings are logged."""
    from bot.log import open_log  # noqa: PLC0415

    settings = settings_of(config)
    with open_log(settings.with_log_level("WARNING"), debug=bool(context.obj), to_file=False):
        yield settings
