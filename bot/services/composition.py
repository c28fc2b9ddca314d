"""Opens everything the cogs and commands work with, in order; closes it in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.backup.restoring import require_finished_restore
from bot.batches.service import Batches
from bot.characters.library import CharacterLibrary
from bot.comfyui.client import ComfyClient
from bot.conversation.service import ConversationService
from bot.derived_jobs.picture_edits import PictureEdits
from bot.derived_jobs.service import DerivedJobs
from bot.domain.jobs import JobKind
from bot.errors import ConfigError
from bot.generation.input_files import InputFiles, InputLimits
from bot.generation.installation_watch import InstallationWatch
from bot.generation.options import GenerationOptions
from bot.generation.orchestrator import Orchestrator
from bot.generation.queue import QueueLimits
from bot.generation.reference_images import ReferenceImages
from bot.generation.value_limits import RequestLimits
from bot.instance_lock import hold_command_lock, lock_data_folder, lock_database, new_command_name
from bot.language_model.client import LanguageModel
from bot.media.ffmpeg import Ffmpeg
from bot.policy import Policy, RuleSet
from bot.saved_settings import SavedSettings
from bot.service_clock import ServiceClock
from bot.services.backup import scheduled_backups_of
from bot.services.comfy_servers import object_info_source, open_comfy_servers
from bot.services.conversation import open_conversation_services
from bot.services.ffmpeg import configured_ffmpeg
from bot.settings import Settings
from bot.settings.comfyui_section import Queue
from bot.storage.bindings import BindingRepository
from bot.storage.database import database_file
from bot.storage.deliveries import DeliveryRepository
from bot.storage.gallery import GalleryRepository
from bot.storage.guild_settings import GuildSettings
from bot.storage.jobs import JobRepository
from bot.storage.regions import RegionRepository
from bot.storage.reports import ReportRepository
from bot.storage.repositories import Repositories, open_repositories
from bot.storage.server_rules import ServerRules
from bot.storage.workflows import WorkflowRepository
from bot.voice.options import VoiceOptions
from bot.voice.samples import VoiceSamples
from bot.voice.service import VoiceService
from bot.workflow_store import InstalledModels, SavedWorkflows, TemplateGallery, WorkflowDrafts, WorkflowSharing
from bot.workflow_store.folder_conversion import FolderConversion
from bot.workflows.library import WorkflowLibrary
from bot.workflows.upload_screening import ScreeningRules

RUN = "run"
"""The owner name of the bot's jobs; each terminal command has a name of its own, and its jobs end with it."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything that is open while the bot or a command runs.

    Attributes:
        settings: The configuration.
        owner: Whose jobs this process dispatches and recovers.
        characters: Characters by id.
        workflows: Workflow files.
        comfy: Clients of the ComfyUI servers.
        orchestrator: Accepts and runs jobs.
        jobs: Stored jobs.
        workflow_versions: Stored versions of workflows.
        deliveries: Rows of messages sent to Discord.
        conversations: Hears people and lets characters answer.
        language_model: Chat completions.
        bindings: Which character a channel has.
        gallery: Rows of results.
        derived_jobs: What can be made from an earlier job.
        guild_settings: Settings made in Discord.
        server_rules: Who may do what in a server, as set there.
        reports: Of people about what the bot posted.
        voice: What is spoken, and with which sample.
        policy: Who may do what.
        discord_clock: Discord's time, as its answers tell it.
        ffmpeg: The program that decodes and encodes sound and video, for everything in this process.
        batches: Several pictures of one wish.
        saved_settings: Drafts of configuration panels, presets, and what each person set last.
        input_files: Keeps the files that people give for their jobs.
        picture_edits: Makes the files of a picture of which a part is changed.
        regions: What people have chosen on panels of regions.
        saved_workflows: Versions of workflows; saving, restoring and removing them.
        workflow_drafts: Workflows that were uploaded and are not saved yet.
        installations: What the ComfyUI servers have installed, and when that changes.
        installed_models: The model files of the first ComfyUI.
        template_gallery: The workflows that the first ComfyUI brings.
        workflow_sharing: Makes files of workflows for other servers.

    """

    settings: Settings
    owner: str
    characters: CharacterLibrary
    workflows: WorkflowLibrary
    comfy: tuple[ComfyClient, ...]
    orchestrator: Orchestrator
    jobs: JobRepository
    workflow_versions: WorkflowRepository
    deliveries: DeliveryRepository
    conversations: ConversationService
    language_model: LanguageModel
    bindings: BindingRepository
    gallery: GalleryRepository
    derived_jobs: DerivedJobs
    guild_settings: GuildSettings
    server_rules: ServerRules
    reports: ReportRepository
    voice: VoiceService
    policy: Policy
    discord_clock: ServiceClock
    ffmpeg: Ffmpeg
    batches: Batches
    saved_settings: SavedSettings
    input_files: InputFiles
    picture_edits: PictureEdits
    regions: RegionRepository
    saved_workflows: SavedWorkflows
    workflow_drafts: WorkflowDrafts
    installations: InstallationWatch
    installed_models: InstalledModels
    template_gallery: TemplateGallery
    workflow_sharing: WorkflowSharing


@asynccontextmanager
async def open_services(settings: Settings, *, owner: bool = False) -> AsyncGenerator[Services]:
    """Open everything; close it in reverse when the block ends.

    Args:
        settings: The configuration.
        owner: True for `chorus run` and the demo: lock the data folder and the database, so that this process alone
            dispatches and recovers the bot's jobs. False for other commands: only jobs that they make are touched.

    Raises:
        ConfigError: Another process has the data folder or the database locked, or one of them cannot be used.

    """
    async with AsyncExitStack() as stack:
        data_dir = settings.storage.data_dir
        await asyncio.to_thread(_make_data_dir, settings)
        await asyncio.to_thread(require_finished_restore, data_dir)
        name = RUN if owner else new_command_name()
        file = database_file(settings.storage.database_url)
        if owner:
            stack.enter_context(lock_data_folder(data_dir))
            if file is not None and file.parent.is_dir():  # else `Database.open` tells
                stack.enter_context(lock_database(file))
        else:
            stack.enter_context(hold_command_lock(_locks_dir(settings), name))
        store = await stack.enter_async_context(open_repositories(settings.storage.database_url))
        characters = await stack.enter_async_context(CharacterLibrary(settings.paths.characters, data_dir / "guilds"))
        workflows = await stack.enter_async_context(_workflow_library(settings, store))
        servers = await stack.enter_async_context(open_comfy_servers(settings))
        ffmpeg = configured_ffmpeg(settings)
        discord_clock = ServiceClock()
        input_files = InputFiles(data_dir, _input_limits(settings), ffmpeg=ffmpeg)
        server_rules = ServerRules(store.guild_settings)
        policy = policy_of(settings, server_rules)
        talk = await stack.enter_async_context(
            open_conversation_services(
                settings, store.conversations, characters, servers[0].gpu, clock=discord_clock, policy=policy
            )
        )
        orchestrator = await stack.enter_async_context(
            Orchestrator(
                _generation_options(settings, name),
                jobs=store.jobs,
                versions=store.workflow_versions,
                characters=characters,
                workflows=workflows,
                failures=store.workflow_failures,
                servers=servers,
                rewriter=talk.rewriter,
                ffmpeg=ffmpeg,
                references=ReferenceImages(input_files),
                policy=policy,
            )
        )
        saved = SavedWorkflows(
            workflows,
            store.workflow_history,
            store.workflow_versions,
            rules=screening_rules(settings),
            max_per_guild=settings.workflows.max_per_server,
        )
        if owner:
            await saved.start()
            stack.push_async_callback(saved.close)
            await stack.enter_async_context(scheduled_backups_of(settings))
        clients = tuple(server.client for server in servers)
        installations = InstallationWatch(clients)
        if owner:
            await stack.enter_async_context(installations)
            await stack.enter_async_context(FolderConversion(workflows, installations))
        installed_models = InstalledModels(clients[0])
        derived_jobs = _derived_jobs(settings, store, workflows, characters, orchestrator)
        yield Services(
            settings=settings,
            owner=name,
            characters=characters,
            workflows=workflows,
            comfy=clients,
            orchestrator=orchestrator,
            jobs=store.jobs,
            workflow_versions=store.workflow_versions,
            deliveries=store.deliveries,
            bindings=store.conversations,
            conversations=talk.conversations,
            language_model=talk.language_model,
            gallery=store.gallery,
            derived_jobs=derived_jobs,
            guild_settings=store.guild_settings,
            server_rules=server_rules,
            reports=store.reports,
            voice=_voice(settings, store, characters, workflows, orchestrator, ffmpeg),
            discord_clock=discord_clock,
            policy=policy,
            ffmpeg=ffmpeg,
            saved_settings=SavedSettings(
                store.drafts, store.presets, store.last_settings, workflows, lambda: orchestrator.object_info
            ),
            input_files=input_files,
            regions=store.regions,
            picture_edits=PictureEdits(derived_jobs, input_files, largest_canvas=settings.limits.max_pixels_per_image),
            batches=Batches(store.batches, orchestrator, owner=name, max_count=settings.batch.max_count),
            saved_workflows=saved,
            workflow_drafts=WorkflowDrafts(saved, object_info_source(clients[0]), installed_models, store.presets),
            installations=installations,
            installed_models=installed_models,
            template_gallery=TemplateGallery(clients[0], installed_models),
            workflow_sharing=WorkflowSharing(
                store.jobs, store.gallery, store.presets, data_dir=data_dir, max_pixels=settings.media.max_pixels
            ),
        )


def policy_of(settings: Settings, server_rules: ServerRules | None = None) -> Policy:
    """The rules as the configuration sets them, and those of each server."""
    host = settings.access.rules(settings.quotas.quotas())

    def rules_of(guild_id: int | None) -> RuleSet:
        return RuleSet(host) if server_rules is None else RuleSet(host, server_rules.rules_of(guild_id))

    return Policy(
        guild_ids=settings.discord.guild_ids,
        allow_dms=settings.discord.allow_dms,
        derive_by=settings.regenerate.by,
        rules_of=rules_of,
    )


def screening_rules(settings: Settings) -> ScreeningRules:
    """What is refused in workflows that people upload."""
    rules = settings.workflows
    return ScreeningRules(
        deny=rules.deny, allow=rules.allow, partner_nodes=rules.partner_nodes, max_nodes=rules.max_nodes
    )


def _make_data_dir(settings: Settings) -> None:
    folder = settings.storage.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"The data folder {folder} cannot be made.", advice="Set `storage.data_dir`.") from error


def _locks_dir(settings: Settings) -> Path:
    """Where commands are known to live: beside the database, because their jobs are in it."""
    file = database_file(settings.storage.database_url)
    return file.parent if file is not None and file.parent.is_dir() else settings.storage.data_dir


def _workflow_library(settings: Settings, store: Repositories) -> WorkflowLibrary:
    return WorkflowLibrary(
        settings.paths.workflows,
        guilds=settings.storage.data_dir / "guilds",
        guild_default=store.guild_settings.default_workflow,
        host_first=settings.workflows.host_first,
        conversions=settings.storage.conversions,
    )


def _generation_options(settings: Settings, owner: str) -> GenerationOptions:
    return GenerationOptions(
        data_dir=settings.storage.data_dir,
        timeout_seconds={kind: settings.comfyui.timeout_for(kind) for kind in JobKind},
        queue_limits=_queue_limits(settings.comfyui.queue),
        max_output_bytes=settings.media.max_download_bytes,
        max_pixels=settings.media.max_pixels,
        pause_ms=settings.voice.pause_ms,
        speech_bitrate=settings.voice.bitrate_kbps * 1000,
        limits=RequestLimits(settings.limits.max_pixels_per_image, settings.limits.max_steps, settings.batch.max_count),
        locks_dir=_locks_dir(settings),
        preferred_model=settings.visual_generation.model,
        screening=screening_rules(settings),
        owner=owner,
    )


def _input_limits(settings: Settings) -> InputLimits:
    media = settings.media
    return InputLimits(
        max_bytes=media.max_input_bytes,
        max_pixels=media.max_pixels,
        max_input_pixels=media.max_input_pixels,
        max_seconds=media.max_input_seconds,
    )


def _derived_jobs(
    settings: Settings,
    store: Repositories,
    workflows: WorkflowLibrary,
    characters: CharacterLibrary,
    orchestrator: Orchestrator,
) -> DerivedJobs:
    return DerivedJobs(
        characters=characters,
        jobs=store.jobs,
        versions=store.workflow_versions,
        workflows=workflows,
        gallery=store.gallery,
        data_dir=settings.storage.data_dir,
        can_run=orchestrator.can_run,
        delete_files=settings.media.delete_files_on_delete,
    )


def _voice(  # noqa: PLR0917 - what the voices are composed of
    settings: Settings,
    store: Repositories,
    characters: CharacterLibrary,
    workflows: WorkflowLibrary,
    orchestrator: Orchestrator,
    ffmpeg: Ffmpeg,
) -> VoiceService:
    voice = settings.voice
    options = VoiceOptions(
        data_dir=settings.storage.data_dir,
        max_chars=voice.max_chars,
        max_chunk_chars=voice.max_chunk_chars,
        read_actions=voice.read_actions,
        max_sample_bytes=voice.max_sample_bytes,
        max_sample_seconds=voice.max_sample_seconds,
    )
    return VoiceService(
        options,
        samples=VoiceSamples(options, store.voice_samples, store.guild_settings, ffmpeg=ffmpeg),
        characters=characters,
        workflows=workflows,
        orchestrator=orchestrator,
        jobs=store.jobs,
        deliveries=store.deliveries,
        conversations=store.conversations,
        settings=store.guild_settings,
    )


def _queue_limits(queue: Queue) -> QueueLimits:
    of_kinds = {JobKind.IMAGE: queue.max_images, JobKind.AUDIO: queue.max_audio, JobKind.VIDEO: queue.max_videos}
    return QueueLimits(
        total=queue.max_queue_size,
        per_user=queue.max_per_user,
        per_guild=queue.max_per_guild,
        by_kind={kind: limit for kind, limit in of_kinds.items() if limit is not None},
    )
