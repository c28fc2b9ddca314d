"""`chorus doctor`: each ComfyUI, and every workflow of every character against what it has installed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

from bot.characters import Character, CharacterLibrary
from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyError
from bot.comfyui.options import ClientOptions
from bot.comfyui.system_stats import SystemStats
from bot.diagnostics.findings import Finding, broken, note, ok
from bot.domain.jobs import JobKind
from bot.errors import ChorusError
from bot.settings import Settings
from bot.workflows import SHARED, Workflow, WorkflowLibrary, validate_installed, validate_structure

AREA = "ComfyUI"
WORKFLOWS = "Workflows"
CHARACTERS = "Characters"
OLDEST = "0.3.45"
GIB = 2**30

ObjectInfos = dict[str, Mapping[str, Any]]
"""Server -> what it has installed; only servers that answered."""


async def check_servers(settings: Settings, object_infos: ObjectInfos) -> AsyncGenerator[Finding]:
    """Version, memory, and fills `object_infos` for `check_workflows`."""
    options = ClientOptions(connect_timeout=3.0, retry_attempts=1, request_timeout=20.0)
    for server in settings.comfyui.servers:
        try:
            async with ComfyClient(server, options) as client:
                stats = await client.system_stats()
                object_infos[server] = await client.object_info()
        except ComfyError as error:
            advice = "Start ComfyUI, or correct `comfyui.url`. Jobs wait until it is there."
            yield broken(AREA, f"{server} cannot be used ({type(error).__name__})", advice)
        else:
            yield _server(server, stats, len(object_infos[server]))


def _server(server: str, stats: SystemStats, nodes: int) -> Finding:
    memory = ", ".join(
        f"{device.name.split(' : ')[0]}: {device.vram_free / GIB:.1f} of {device.vram_total / GIB:.1f} GiB free"
        for device in stats.devices
    )
    text = f"{server}: version {stats.version_text or 'unknown'}, {nodes} nodes; {memory or 'no device'}"
    if not stats.takes_prompt_id:
        return broken(AREA, text, f"Update ComfyUI: {OLDEST} or newer is needed.")
    return ok(AREA, text)


def check_workflows(settings: Settings, object_infos: ObjectInfos) -> Iterator[Finding]:
    """Every character file and every workflow file, read from disk. Blocking."""
    characters = CharacterLibrary(settings.paths.characters, settings.storage.data_dir / "guilds")
    for error in characters.load().problems.values():
        yield broken(CHARACTERS, error.message, error.advice)
    yield _default_character(settings, characters)
    library = WorkflowLibrary(settings.paths.workflows)
    library.load()
    for path, problem in library.problems.items():
        yield broken(
            WORKFLOWS, f"{path.parent.parent.name}/{path.parent.name}/{path.name}: {problem.message}", problem.advice
        )
    for character in characters.all():
        yield from _of_character(character, library)
    for workflow in library.all():
        yield from _against_servers(workflow, object_infos)


def _default_character(settings: Settings, characters: CharacterLibrary) -> Finding:
    names = characters.names()
    if settings.default_character in names:
        return ok(CHARACTERS, f"{len(names)}: {', '.join(names.values())}")
    return broken(
        CHARACTERS,
        f"`default_character` names {settings.default_character}, which does not exist",
        f"Choose one of: {', '.join(names) or 'none is there; look at paths.characters'}.",
    )


def _of_character(character: Character, library: WorkflowLibrary) -> Iterator[Finding]:
    """Whether the workflows its file names exist, and whether it can do what it says."""
    for kind in JobKind:
        names = library.names(character.id, kind)
        wanted = character.default_workflow(kind.value)
        if wanted and wanted not in names:
            known = f", or name one of: {', '.join(names)}" if names else ""
            yield broken(
                WORKFLOWS,
                f"{character.name}'s {kind.value} workflow {wanted} does not exist",
                f"Put {wanted}.json into workflows/{character.id}/{kind.value}/{known}.",
            )
    if character.image_generation.enabled and not library.names(character.id, JobKind.IMAGE):
        yield note(
            WORKFLOWS,
            f"{character.name} cannot draw: no workflow",
            f"Export one from ComfyUI (API) to workflows/{character.id}/image/default.json.",
        )
    if character.voice.enabled and not library.names(character.id, JobKind.AUDIO):
        yield note(
            WORKFLOWS,
            f"{character.name} has no voice: no workflow",
            f"Export a TTS workflow to workflows/{character.id}/audio/default.json, or set voice.enabled: false.",
        )


def _against_servers(workflow: Workflow, object_infos: ObjectInfos) -> Iterator[Finding]:
    owner = "every character" if workflow.character_id == SHARED else workflow.character_id
    label = f"{owner}: {workflow.kind.value}/{workflow.name}"
    try:
        validate_structure(workflow)
    except ChorusError as error:
        yield broken(WORKFLOWS, f"{label}: {error.message}", error.advice)
        return
    if not object_infos:
        yield note(WORKFLOWS, f"{label}: readable, not compared with ComfyUI", "Start ComfyUI and run this again.")
    for server, object_info in object_infos.items():
        where = f" ({server})" if len(object_infos) > 1 else ""
        try:
            validate_structure(workflow, object_info=object_info)
            validate_installed(workflow.graph, object_info)
        except ChorusError as error:
            yield broken(WORKFLOWS, f"{label}{where}: {error.message}", error.advice)
        else:
            yield ok(WORKFLOWS, f"{label}{where}: everything is installed")
