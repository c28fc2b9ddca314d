"""Opens everything the cogs and commands work with, in order; closes it in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bot.characters.library import CharacterLibrary
from bot.comfyui.client import ComfyClient
from bot.conversation.service import ConversationService
from bot.derived_jobs.service import DerivedJobs
from bot.domain.jobs import JobKind
from bot.errors import ConfigError
from bot.generation.options import GenerationOptions
from bot.generation.orchestrator import Orchestrator
from bot.instance_lock import hold_command_lock, lock_data_folder, new_command_name
from bot.language_model.client import LanguageModel
from bot.media.ffmpeg import Ffmpeg
from bot.policy import Policy
from bot.services.comfy_servers import open_comfy_servers
from bot.services.conversation import open_conversation_services
from bot.services.ffmpeg import configured_ffmpeg
from bot.settings import Settings
from bot.storage.bindings import BindingRepository
from bot.storage.conversations import ConversationRepository
from bot.storage.database import Database
from bot.storage.deliveries import DeliveryRepository
from bot.storage.gallery import GalleryRepository
from bot.storage.guild_settings import GuildSettings
from bot.storage.jobs import JobRepository
from bot.storage.voice_samples import VoiceSampleRepository
from bot.storage.workflows import WorkflowRepository
from bot.voice.options import VoiceOptions
from bot.voice.samples import VoiceSamples
from bot.voice.service import VoiceService
from bot.workflows.library import WorkflowLibrary

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
        voice: What is spoken, and with which sample.
        policy: Who may do what.
        ffmpeg: The program that decodes and encodes sound and video, for everything in this process.

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
    voice: VoiceService
    policy: Policy
    ffmpeg: Ffmpeg


@asynccontextmanager
async def open_services(settings: Settings, *, owner: bool = False) -> AsyncGenerator[Services]:
    """Open everything; close it in reverse when the block ends.

    Args:
        settings: The configuration.
        owner: True for `chorus run` and the demo: lock the data folder, so that this process alone dispatches and
            recovers the bot's jobs. False for other commands: only jobs that they make are touched.

    Raises:
        ConfigError: Another process has the data folder locked, or the folder or the database cannot be used.

    """
    async with AsyncExitStack() as stack:
        data_dir = settings.storage.data_dir
        await asyncio.to_thread(_make_data_dir, settings)
        name = RUN if owner else new_command_name()
        stack.enter_context(lock_data_folder(data_dir) if owner else hold_command_lock(data_dir, name))
        database = await stack.enter_async_context(Database.open(settings.storage.database_url))
        characters = await stack.enter_async_context(CharacterLibrary(settings.paths.characters, data_dir / "guilds"))
        workflows = await stack.enter_async_context(WorkflowLibrary(settings.paths.workflows))
        servers = await stack.enter_async_context(open_comfy_servers(settings))
        jobs, versions = JobRepository(database), WorkflowRepository(database)
        gallery, deliveries = GalleryRepository(database), DeliveryRepository(database)
        guild_settings = GuildSettings(database)
        await guild_settings.load()
        ffmpeg = configured_ffmpeg(settings)
        talk = await stack.enter_async_context(
            open_conversation_services(settings, ConversationRepository(database), characters, servers[0].gpu)
        )
        orchestrator = await stack.enter_async_context(
            Orchestrator(
                _generation_options(settings, name),
                jobs=jobs,
                versions=versions,
                characters=characters,
                workflows=workflows,
                servers=servers,
                rewriter=talk.rewriter,
                ffmpeg=ffmpeg,
            )
        )
        voice_options = _voice_options(settings)
        voice = VoiceService(
            voice_options,
            samples=VoiceSamples(voice_options, VoiceSampleRepository(database), guild_settings, ffmpeg=ffmpeg),
            characters=characters,
            workflows=workflows,
            orchestrator=orchestrator,
            jobs=jobs,
            deliveries=deliveries,
            conversations=talk.conversations.repository,
            settings=guild_settings,
        )
        derived_jobs = DerivedJobs(
            jobs=jobs,
            versions=versions,
            workflows=workflows,
            gallery=gallery,
            data_dir=data_dir,
            delete_files=settings.media.delete_files_on_delete,
        )
        yield Services(
            settings=settings,
            owner=name,
            characters=characters,
            workflows=workflows,
            comfy=tuple(server.client for server in servers),
            orchestrator=orchestrator,
            jobs=jobs,
            workflow_versions=versions,
            deliveries=deliveries,
            bindings=talk.conversations.repository,
            conversations=talk.conversations,
            language_model=talk.language_model,
            gallery=gallery,
            derived_jobs=derived_jobs,
            guild_settings=guild_settings,
            voice=voice,
            policy=policy_of(settings),
            ffmpeg=ffmpeg,
        )


def policy_of(settings: Settings) -> Policy:
    """The rules as the configuration sets them."""
    return Policy(
        guild_ids=settings.discord.guild_ids,
        allow_dms=settings.discord.allow_dms,
        derive_by=settings.regenerate.by,
    )


def _make_data_dir(settings: Settings) -> None:
    folder = settings.storage.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"The data folder {folder} cannot be made.", advice="Set `storage.data_dir`.") from error


def _generation_options(settings: Settings, owner: str) -> GenerationOptions:
    return GenerationOptions(
        data_dir=settings.storage.data_dir,
        timeout_seconds={kind: settings.comfyui.timeout_for(kind) for kind in JobKind},
        max_queue_size=settings.comfyui.queue.max_queue_size,
        max_per_user=settings.comfyui.queue.max_per_user,
        max_output_bytes=settings.media.max_download_bytes,
        max_pixels=settings.media.max_pixels,
        pause_ms=settings.voice.pause_ms,
        speech_bitrate=settings.voice.bitrate_kbps * 1000,
        owner=owner,
    )


def _voice_options(settings: Settings) -> VoiceOptions:
    voice = settings.voice
    return VoiceOptions(
        data_dir=settings.storage.data_dir,
        max_chars=voice.max_chars,
        max_chunk_chars=voice.max_chunk_chars,
        read_actions=voice.read_actions,
        max_sample_bytes=voice.max_sample_bytes,
        max_sample_seconds=voice.max_sample_seconds,
    )
