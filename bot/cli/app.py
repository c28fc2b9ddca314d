"""The `chorus` command line: parses the arguments and calls the module of the command.

Exit codes: 0 it worked; 1 it did not (an error is one sentence, what to do, and its code); 2 the configuration or the
arguments are wrong.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from bot.cli import sharing_commands
from bot.cli.command_options import (
    ConfigOption,
    GuildOption,
    WorkflowArgument,
    quietly,
    settings_of,
    standard_output,
)
from bot.errors import ChorusError, ConfigError

app = typer.Typer(
    name="chorus",
    help="A Discord bot that gives a server characters: they talk, draw and speak through your own ComfyUI workflows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
workflow_app = typer.Typer(
    help="Workflows: look into them, convert, save, and go back to earlier versions.", no_args_is_help=True
)
character_app = typer.Typer(help="Characters on this machine.", no_args_is_help=True)
sharing_commands.add_to(workflow_app, character_app)
app.add_typer(workflow_app, name="workflow")
app.add_typer(character_app, name="character")

_INTERRUPTED = 130
"""Typer's exit code after Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Args:
        arguments: Without the program's name; None: those of this process.

    Raises:
        Exception: Any error, with `--debug` only; without it errors are printed as sentences.

    """
    # What a stream cannot write becomes a question mark: names of files that are not UTF-8, and any letter beyond the
    # old code page of a pipe on Windows.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    problems = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        app(given, prog_name="chorus")
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            problems.print("Cancelled.")
        return end.code if isinstance(end.code, int) else 0
    except Exception as error:  # command boundary: everything else is told in one line, `--debug` shows it all
        if "--debug" in given:
            raise
        if not isinstance(error, ChorusError):
            kind = type(error).__name__
            problems.print(f"[red]That should not happen[/]: {escape(kind)}: {escape(str(error)[:500])}")
            problems.print("Run it again with `chorus --debug ...` and report what it prints.")
            return 1
        config = isinstance(error, ConfigError)
        problems.print(f"[red]{escape(error.message)}[/] [dim]({error.code})[/]")
        if not (config and error.advice == ConfigError.default_advice):
            problems.print(escape(error.advice))
        return 2 if config else 1
    return 0


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415

        typer.echo(f"chorus {version('chorus-discord')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Log everything; show tracebacks.")] = False,
    version: Annotated[  # noqa: ARG001 - handled by the callback
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that stand before the command."""
    context.obj = debug


@app.command()
def run(context: typer.Context, config: ConfigOption = None) -> None:
    """Connect to Discord and stay, until Ctrl-C."""
    from bot.cli.run import run as run_command  # noqa: PLC0415

    run_command(settings_of(config), debug=bool(context.obj))


@app.command()
def demo(
    context: typer.Context,
    *,
    comfyui: Annotated[
        str | None, typer.Option(help="Draw with this ComfyUI, not the stand-in.", metavar="URL")
    ] = None,
    workflow: Annotated[
        Path | None, typer.Option(help="With --comfyui: what to draw with; exported with Export (API).")
    ] = None,
    folder: Annotated[Path, typer.Option(help="Its own folder; emptied first.")] = Path("data/demo"),
    stay: Annotated[bool, typer.Option("--stay", help="Go on after the visit, until Ctrl-C.")] = False,
) -> None:
    """Visit a sandbox: a local Discord, a stand-in ComfyUI and language model; exit code 0 if everything arrived."""
    from bot.cli.demo import demo as demo_command  # noqa: PLC0415
    from bot.cli.demo import options_of  # noqa: PLC0415

    options = options_of(folder=folder, comfyui=comfyui, workflow=workflow, stay=stay, debug=bool(context.obj))
    raise typer.Exit(0 if demo_command(options, standard_output()) else 1)


@app.command()
def imagine(
    context: typer.Context,
    character: Annotated[str, typer.Argument(help="A character's id or name.")],
    prompt: Annotated[str, typer.Argument(help="What to draw.")],
    *,
    workflow: Annotated[str | None, typer.Option(help="One of the character's workflows.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed draws the same picture.")] = None,
    negative: Annotated[str | None, typer.Option(help="What not to draw.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting, such as steps=30; may be repeated.", metavar="NAME=VALUE"),
    ] = None,
    image: Annotated[
        list[Path] | None,
        typer.Option(help="A picture to start from; may be repeated. Also a film or a sound.", metavar="FILE"),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(help="Where the picture may change: what is white or transparent in this one.", metavar="FILE"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also copy the pictures here: a file or a folder.")] = None,
    config: ConfigOption = None,
) -> None:
    """Draw from the terminal, with the bot's own workflows and queue."""
    from bot.cli.imagine import ImagineOptions  # noqa: PLC0415
    from bot.cli.imagine import imagine as imagine_command  # noqa: PLC0415
    from bot.log import open_log  # noqa: PLC0415

    configuration = settings_of(config)
    options = ImagineOptions(
        character=character,
        prompt=prompt,
        negative=negative,
        workflow=workflow,
        seed=seed,
        settings=tuple(settings or ()),
        images=tuple(image or ()),
        mask=mask,
        out=out,
    )
    with open_log(configuration.with_log_level("WARNING"), debug=bool(context.obj), to_file=False):
        for path in imagine_command(configuration, options):
            typer.echo(path)


@app.command()
def repeat(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The .json file that lies beside a result, or the result itself.")],
    *,
    use: Annotated[
        str | None, typer.Option(help="Where the workflow has changed since: then or now.", metavar="then|now")
    ] = None,
    character: Annotated[str | None, typer.Option(help="In whose name, if not in the same.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also copy the result here: a file or a folder.")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Run a workflow that only the file has without asking.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Make exactly the same again: workflow, settings and seed."""
    from bot.cli.repeat import RepeatOptions, WorkflowVersionChoice  # noqa: PLC0415
    from bot.cli.repeat import repeat as repeat_command  # noqa: PLC0415
    from bot.log import open_log  # noqa: PLC0415

    if use is not None and use not in set(WorkflowVersionChoice):
        raise typer.BadParameter("must be then or now", param_hint="--use")
    settings = settings_of(config)
    choice = WorkflowVersionChoice(use) if use else None
    options = RepeatOptions(file=file, use=choice, character=character, out=out, trusted=yes)
    with open_log(settings.with_log_level("WARNING"), debug=bool(context.obj), to_file=False):
        for path in repeat_command(settings, options, Console(stderr=True)):
            typer.echo(path)


@app.command()
def doctor(context: typer.Context, config: ConfigOption = None) -> None:
    """Check everything the bot needs and say what to do; exit code 1 if something is broken."""
    from bot.cli.doctor import doctor as doctor_command  # noqa: PLC0415
    from bot.log import open_log  # noqa: PLC0415

    settings = settings_of(config)
    with open_log(settings.with_log_level("ERROR"), debug=bool(context.obj), to_file=False):
        healthy = doctor_command(settings, standard_output())
    raise typer.Exit(0 if healthy else 1)


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The archive to write, such as chorus.zip.", metavar="FILE")],
    config: ConfigOption = None,
) -> None:
    """Copy everything that the bot keeps into one archive, while it runs or not."""
    from bot.cli.backup import backup as backup_command  # noqa: PLC0415

    with quietly(context, config) as settings:
        backup_command(settings, file, standard_output())


@app.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="An archive of `chorus backup`.", metavar="FILE")],
    config: ConfigOption = None,
) -> None:
    """Put a backup in place; what is there now is kept beside it. The bot must not run."""
    from bot.cli.backup import restore as restore_command  # noqa: PLC0415

    with quietly(context, config) as settings:
        restore_command(settings, file, standard_output())


@workflow_app.command("inspect")
def workflow_inspect(
    file: Annotated[Path, typer.Argument(help="A workflow exported from ComfyUI with Export (API).")],
    comfyui: Annotated[str | None, typer.Option(help="Also compare with this ComfyUI.", metavar="URL")] = None,
) -> None:
    """Show where the prompt, seed, size and outputs of a workflow were found, and what it needs."""
    from bot.cli.inspect_workflow import inspect_workflow  # noqa: PLC0415

    raise typer.Exit(0 if inspect_workflow(file, standard_output(), server=comfyui) else 1)


@workflow_app.command("convert")
def workflow_convert(
    file: Annotated[
        Path, typer.Argument(help="A workflow saved by ComfyUI, or a picture, sound, film or sidecar with one inside.")
    ],
    *,
    comfyui: Annotated[
        str | None, typer.Option(help="The ComfyUI whose nodes the workflow uses.", metavar="URL")
    ] = None,
    object_info: Annotated[
        Path | None, typer.Option(help="In its place: a saved answer of its /object_info.", metavar="FILE")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write it here and not to standard output.", metavar="FILE")] = None,
) -> None:
    """Make the API format of a workflow in any form, as ComfyUI's own editor does."""
    from bot.cli.convert_workflow import convert_workflow, write_file  # noqa: PLC0415

    notes = Console(stderr=True, highlight=False)
    graph = convert_workflow(file, notes, object_info=object_info, server=comfyui)
    if out is None:
        typer.echo(graph, nl=False)
    else:
        write_file(out, graph)


ServerOption = Annotated[str, typer.Option("--comfyui", help="The ComfyUI to ask.", metavar="URL")]
DEFAULT_SERVER = "http://127.0.0.1:8188"


@workflow_app.command("templates")
def workflow_templates(
    words: Annotated[list[str] | None, typer.Argument(help="List only those with these words.")] = None,
    *,
    get: Annotated[str | None, typer.Option(help="Write this one to a file, in API format.", metavar="NAME")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file; NAME.json in this folder if left out.", metavar="FILE")
    ] = None,
    comfyui: ServerOption = DEFAULT_SERVER,
) -> None:
    """List the workflows of ComfyUI's own gallery, or take one with the list of what it needs."""
    from bot.cli.templates import get_template, list_templates  # noqa: PLC0415

    if get is None:
        list_templates(comfyui, " ".join(words or ()), standard_output())
    else:
        get_template(comfyui, get, out or Path(f"{get}.json"), standard_output())


@workflow_app.command("models")
def workflow_models(
    folder: Annotated[str | None, typer.Argument(help="Such as checkpoints or loras; all if left out.")] = None,
    search: Annotated[str, typer.Argument(help="List only files with this in their name.")] = "",
    comfyui: ServerOption = DEFAULT_SERVER,
) -> None:
    """List the model files that ComfyUI has."""
    from bot.cli.templates import list_models  # noqa: PLC0415

    list_models(comfyui, folder, search, standard_output())


@workflow_app.command("add")
def workflow_add(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A workflow in any form, as for convert.")],
    *,
    character: Annotated[str, typer.Option(help="Whose it will be; _shared for every character.", metavar="ID")],
    kind: Annotated[str | None, typer.Option(help="image, audio or video, where its nodes do not say it.")] = None,
    name: Annotated[str | None, typer.Option(help="What it will be called; as the file if left out.")] = None,
    server: GuildOption = None,
    config: ConfigOption = None,
) -> None:
    """Save a workflow where the bot finds it, as a new version if there is one of that name."""
    from bot.cli.saved_workflows import AddOptions, add_workflow  # noqa: PLC0415

    with quietly(context, config) as settings:
        add_workflow(settings, AddOptions(file, character, kind, name, server), standard_output())


@workflow_app.command("list")
def workflow_list(context: typer.Context, server: GuildOption = None, config: ConfigOption = None) -> None:
    """List the workflows, their versions, and whether ComfyUI can run them now."""
    from bot.cli.saved_workflows import list_workflows  # noqa: PLC0415

    with quietly(context, config) as settings:
        list_workflows(settings, standard_output(), server=server)


@workflow_app.command("versions")
def workflow_versions(
    context: typer.Context, workflow: WorkflowArgument, server: GuildOption = None, config: ConfigOption = None
) -> None:
    """List every version of a workflow."""
    from bot.cli.saved_workflows import show_versions  # noqa: PLC0415

    with quietly(context, config) as settings:
        show_versions(settings, workflow, standard_output(), server=server)


@workflow_app.command("diff")
def workflow_diff(
    context: typer.Context,
    workflow: WorkflowArgument,
    first: Annotated[int, typer.Argument(help="The number of a version.")],
    second: Annotated[int | None, typer.Argument(help="Another one; the newest if left out.")] = None,
    *,
    server: GuildOption = None,
    config: ConfigOption = None,
) -> None:
    """Show what differs between two versions, by node and input."""
    from bot.cli.saved_workflows import show_differences  # noqa: PLC0415

    with quietly(context, config) as settings:
        show_differences(settings, workflow, (first, second), standard_output(), server=server)


@workflow_app.command("rollback")
def workflow_rollback(
    context: typer.Context,
    workflow: WorkflowArgument,
    version: Annotated[int, typer.Argument(help="The number of the version, as `versions` shows it.")],
    *,
    server: GuildOption = None,
    config: ConfigOption = None,
) -> None:
    """Make an older version of a workflow the newest one."""
    from bot.cli.saved_workflows import roll_back  # noqa: PLC0415

    with quietly(context, config) as settings:
        roll_back(settings, workflow, version, standard_output(), server=server)


@character_app.command("import")
def character_import(
    file: Annotated[Path, typer.Argument(help="A character card: PNG, JSON or CHARX.")], config: ConfigOption = None
) -> None:
    """Make a character of a SillyTavern/TavernAI card."""
    from bot.cli.import_character import import_character  # noqa: PLC0415

    import_character(file, settings_of(config).paths.characters, standard_output())
