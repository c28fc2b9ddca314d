"""Checks of `chorus doctor`: every character file, and every workflow against what the ComfyUI servers have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from bot.characters import Character, CharacterLibrary
from bot.diagnostics.check_result import CheckResult, broken, note, ok
from bot.diagnostics.comfyui import ObjectInfos
from bot.domain.jobs import JobKind
from bot.domain.workflow_failures import WorkflowFailures
from bot.errors import ChorusError, MissingModel, MissingNode
from bot.generation.failing_workflows import failing_error
from bot.generation.installed_models import InstalledModels
from bot.settings import Settings
from bot.workflows import SHARED, Workflow, WorkflowLibrary, validate_installed, validate_structure
from bot.workflows.misplaced_files import misplaced_files
from bot.workflows.model_files import model_files
from bot.workflows.object_info import ObjectInfo
from bot.workflows.run_warnings import run_warnings

WORKFLOWS = "Workflows"
CHARACTERS = "Characters"

FailuresOf = Callable[[Workflow], WorkflowFailures | None]
"""A workflow, as it is sent -> its failures in a row, if it is refused because of them."""


def check_workflows(
    settings: Settings,
    object_infos: ObjectInfos,
    models: InstalledModels,
    *,
    guild_id: int | None = None,
    failures: FailuresOf | None = None,
) -> Iterator[CheckResult]:
    """Check every character file and every workflow file. Blocking.

    Args:
        settings: The configuration.
        object_infos: What the ComfyUI servers have; empty: workflows are only read.
        models: Which models the servers have.
        guild_id: The guild whose characters and workflows are checked beside the owner's; None: those of all guilds.
        failures: Tells of workflows that are refused because they failed too often; None: it is not known.

    """
    guilds = settings.storage.data_dir / "guilds"
    characters = CharacterLibrary(settings.paths.characters, guilds)
    for path, error in characters.load().problems.items():
        if guild_id is None or not path.is_relative_to(guilds) or path.is_relative_to(guilds / str(guild_id)):
            yield broken(CHARACTERS, error.message, error.advice)
    yield _check_default_character(settings, characters)
    library = WorkflowLibrary(
        settings.paths.workflows, guilds=guilds if guilds.is_dir() else None, conversions=settings.storage.conversions
    )
    library.load()
    hidden = _ids_of_other_guilds(characters, guilds, guild_id)
    for path, problem in library.problems.items():
        owner = path.parent.parent.name
        if owner.casefold() not in hidden and (whose := _whose_file(path, guilds, guild_id)) is not None:
            label = f"{owner}/{path.parent.name}/{path.name}{whose}"
            yield broken(WORKFLOWS, f"{label}: {problem.message}", problem.advice)
    for file in misplaced_files(settings.paths.workflows, characters.names(guild_id)):
        if file.path.parts[0].casefold() not in hidden:
            yield note(WORKFLOWS, f"{file.path.as_posix()} is never read", f"Move it to {file.place.as_posix()}.")
    visible = characters.all(guild_id)
    for character in visible:
        yield from _check_workflows_of(character, library, guild_id)
    workflows = _visible_workflows(library, {SHARED, *(character.id for character in visible)}, guild_id)
    without_model: dict[tuple[str, str, str], list[str]] = {}
    for workflow in workflows:
        yield from _compare_with_servers(workflow, object_infos, models, without_model, failures)
    for (where, message, advice), labels in without_model.items():
        yield broken(WORKFLOWS, f"{message}{where} Until then these cannot draw: {', '.join(labels)}", advice)
    if not object_infos and workflows:
        files = "1 file" if len(workflows) == 1 else f"{len(workflows)} files"
        yield note(WORKFLOWS, f"{files} not compared with ComfyUI's nodes and models", "Start ComfyUI, run this again.")


def _ids_of_other_guilds(characters: CharacterLibrary, guilds: Path, guild_id: int | None) -> set[str]:
    """Ids, in lower case, of characters that the guild does not see; its people must not read their names."""
    if guild_id is None or not guilds.is_dir():
        return set()
    others = {int(folder.name) for folder in guilds.iterdir() if folder.name.isdecimal()}
    ids = {name.casefold() for other in others for name in characters.names(other)}
    return ids - {name.casefold() for name in characters.names(guild_id)}


def unusable_workflows(
    workflows: Iterable[Workflow], object_infos: ObjectInfos, models: InstalledModels
) -> dict[str, str]:
    """Return the workflows for which something is missing on every server: what each is called -> what is missing.

    Blocking. Workflows that no server could run for reasons of their own are left out.

    Args:
        workflows: Which to check.
        object_infos: What the ComfyUI servers have; at least one.
        models: Which models the servers have.

    """
    found: dict[str, str] = {}
    for workflow in workflows:
        problems = [_missing_on(workflow, object_info, models) for object_info in object_infos.values()]
        if all(problems) and problems[0] is not None:
            found[label_of(workflow)] = problems[0]
    return found


def label_of(workflow: Workflow) -> str:
    """What the results of checks call a workflow."""
    owner = "every character" if workflow.character_id == SHARED else workflow.character_id
    own = "" if workflow.guild_id is None else " (uploaded)"
    return f"{owner}: {workflow.kind.value}/{workflow.name}{own}"


def _missing_on(workflow: Workflow, object_info: ObjectInfo, models: InstalledModels) -> str | None:
    try:
        validate_installed(models.adapted(workflow, object_info).graph, object_info)
    except (MissingNode, MissingModel) as error:
        return error.message
    return None


def _whose_file(path: Path, guilds: Path, guild_id: int | None) -> str | None:
    """What is said of the server that a file belongs to, empty for the host's; None: it is hidden from `guild_id`."""
    if not path.is_relative_to(guilds):
        return ""
    owner = path.relative_to(guilds).parts[0]
    if guild_id is None:
        return f" of server {owner}"
    return " of this server" if owner == str(guild_id) else None


def _visible_workflows(library: WorkflowLibrary, owners: Collection[str], guild_id: int | None) -> list[Workflow]:
    """The host's workflows of these characters and all of the guild's own; without a guild every workflow."""
    if guild_id is None:
        return [workflow for key in library.all_keys() if (workflow := library.at(key)) is not None]
    return [found for found in library.all(guild_id) if found.guild_id is not None or found.character_id in owners]


def _check_default_character(settings: Settings, characters: CharacterLibrary) -> CheckResult:
    names = characters.names()
    if settings.default_character in names:
        return ok(CHARACTERS, f"{len(names)}: {', '.join(names.values())}")
    return broken(
        CHARACTERS,
        f"`default_character` names {settings.default_character}, which does not exist",
        f"Choose one of: {', '.join(names) or 'none is there; look at paths.characters'}.",
    )


def _check_workflows_of(character: Character, library: WorkflowLibrary, guild_id: int | None) -> Iterator[CheckResult]:
    """Check that the workflows that its file names exist, and that it has one for what it is allowed to do."""
    for kind in JobKind:
        names = library.names(character.id, kind, guild_id)
        wanted = character.default_workflow(kind.value)
        if wanted and wanted not in names:
            known = f", or name one of: {', '.join(names)}" if names else ""
            yield broken(
                WORKFLOWS,
                f"{character.name}'s {kind.value} workflow {wanted} does not exist",
                f"Put {wanted}.json into workflows/{character.id}/{kind.value}/{known}.",
            )
    if character.image_generation.enabled and not library.names(character.id, JobKind.IMAGE, guild_id):
        yield note(
            WORKFLOWS,
            f"{character.name} cannot draw: no workflow",
            f"Export one from ComfyUI (API) to workflows/{character.id}/image/default.json.",
        )
    if character.voice.enabled and not library.names(character.id, JobKind.AUDIO, guild_id):
        yield note(
            WORKFLOWS,
            f"{character.name} has no voice: no workflow",
            f"Export a TTS workflow to workflows/{character.id}/audio/default.json, or set voice.enabled: false.",
        )


def _compare_with_servers(
    workflow: Workflow,
    object_infos: ObjectInfos,
    models: InstalledModels,
    without_model: dict[tuple[str, str, str], list[str]],
    failures: FailuresOf | None,
) -> Iterator[CheckResult]:
    label = label_of(workflow)
    try:
        validate_structure(workflow)
    except ChorusError as error:
        yield broken(WORKFLOWS, f"{label}: {error.message}", error.advice)
        return
    for server, object_info in object_infos.items():
        where = f" ({server})" if len(object_infos) > 1 else ""
        try:
            found = models.adapted(workflow, object_info)
        except MissingModel as error:
            without_model.setdefault((where, error.message, error.advice), []).append(label)
            continue
        try:
            validate_structure(found, object_info=object_info)
            validate_installed(found.graph, object_info)
        except ChorusError as error:
            yield broken(WORKFLOWS, f"{label}{where}: {error.message}", error.advice)
            continue
        failing = failures(found) if failures is not None else None
        if failing is not None:
            refused = failing_error(failing)
            yield broken(WORKFLOWS, f"{label}{where}: {refused.message}", refused.advice)
            continue
        for warning in run_warnings(found, object_info):
            yield note(WORKFLOWS, f"{label}{where}: {warning}", "Correct it in ComfyUI, or set it for each run.")
        yield ok(WORKFLOWS, f"{label}{where}: everything is installed{_drawn_with(workflow, found)}")


def _drawn_with(workflow: Workflow, found: Workflow) -> str:
    """Which model was chosen, for a workflow that takes any."""
    if found is workflow:
        return ""
    named = [file.name for file in model_files(found.graph, found.graph)]
    return f"; draws with {', '.join(named)}"
