"""`chorus workflow try|share` and `chorus character export`, added to the command line by `bot.cli.app`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.cli.command_options import ConfigOption, GuildOption, WorkflowArgument, quietly, standard_output


def workflow_try(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A workflow in any form, as for convert.")],
    *,
    character: Annotated[str | None, typer.Option(help="In whose name; the default character if left out.")] = None,
    kind: Annotated[str | None, typer.Option(help="image, audio or video, where its nodes do not say it.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also copy the result here: a file or a folder.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Run what has never run here without asking.")] = False,
    config: ConfigOption = None,
) -> None:
    """Run a workflow once, with its own prompt, without saving it."""
    from bot.cli.workflow_sharing import TryOptions, try_workflow  # noqa: PLC0415

    with quietly(context, config) as settings:
        for path in try_workflow(settings, TryOptions(file, character, kind, out, yes), Console(stderr=True)):
            typer.echo(path)


def workflow_share(
    context: typer.Context,
    workflow: WorkflowArgument,
    *,
    out: Annotated[
        Path | None, typer.Option(help="The file; NAME.png in this folder if left out.", metavar="FILE")
    ] = None,
    server: GuildOption = None,
    config: ConfigOption = None,
) -> None:
    """Write a workflow as one picture that `upload` and `add` take elsewhere, without prompts and paths."""
    from bot.cli.workflow_sharing import share_workflow  # noqa: PLC0415

    with quietly(context, config) as settings:
        share_workflow(settings, workflow, out, standard_output(), server=server)


def character_export(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A character's id or name.")],
    *,
    out: Annotated[
        Path | None, typer.Option(help="The file; ID.png in this folder if left out.", metavar="FILE")
    ] = None,
    voice: Annotated[bool, typer.Option("--voice", help="With its voice samples.")] = False,
    references: Annotated[bool, typer.Option("--references", help="With its reference pictures.")] = False,
    workflows: Annotated[bool, typer.Option("--workflows", help="With its workflows, without prompts.")] = False,
    config: ConfigOption = None,
) -> None:
    """Write a character as a card (PNG, V2 and V3) that SillyTavern opens."""
    from bot.cli.export_character import export_character  # noqa: PLC0415
    from bot.services.character_cards import CardParts  # noqa: PLC0415

    with quietly(context, config) as settings:
        export_character(settings, name, CardParts(voice, references, workflows), out, standard_output())


def add_to(workflow_app: typer.Typer, character_app: typer.Typer) -> None:
    """Register the commands."""
    workflow_app.command("try")(workflow_try)
    workflow_app.command("share")(workflow_share)
    character_app.command("export")(character_export)
