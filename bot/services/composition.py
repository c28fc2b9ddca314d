"""The composition root: everything the cogs and commands work with, opened in order and closed in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bot.characters.library import CharacterLibrary
from bot.comfyui.client import ComfyClient
from bot.comfyui.options import ClientOptions
from bot.conversation.service import ConversationService
from bot.conversation.store import BindingStore
from bot.derived_jobs.service import DerivedJobs
from bot.domain.deliveries import DeliveryStore
from bot.domain.gallery import Gallery
from bot.domain.jobs import JobKind
from bot.errors import ConfigError
from bot.generation.orchestrator import Orchestrator
from bot.generation.settings import GenerationSettings
from bot.generation.store import JobStore, WorkflowStore
from bot.instance_lock import hold_command_lock, lock_data_folder, new_command_name
from bot.language_model.client import LanguageModel
from bot.media.ffmpeg import Ffmpeg
from bot.services.conversation import open_talk
from bot.settings import Settings
from bot.storage.conversations import ConversationRepository
from bot.storage.database import Database
from bot.storage.deliveries import DeliveryRepository
from bot.storage.guild_settings import GuildSettings
from bot.storage.jobs import JobRepository
from bot.storage.media import GalleryRepository
from bot.storage.voice_samples import VoiceSampleRepository
from bot.storage.workflows import WorkflowRepository
from bot.voice.options import VoiceOptions
from bot.voice.samples import VoiceSamples
from bot.voice.service import VoiceService
from bot.workflows.library import WorkflowLibrary

RUN = "run"
"""The owner name of the bot's jobs; a terminal command has one of its own, whose jobs end with it."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """What is open while the bot runs."""

    settings: Settings
    owner: str
    """Whose jobs this process dispatches and recovers."""
    characters: CharacterLibrary
    workflows: WorkflowLibrary
    comfy: tuple[ComfyClient, ...]
    orchestrator: Orchestrator
    jobs: JobStore
    workflow_versions: WorkflowStore
    deliveries: DeliveryStore
    conversations: ConversationService
    language_model: LanguageModel
    bindings: BindingStore
    gallery: Gallery
    follow_ups: DerivedJobs
    guild_settings: GuildSettings
    voice: VoiceService


@asynccontextmanager
async def open_services(settings: Settings, *, owner: bool = False) -> AsyncGenerator[Services]:
    """Open everything; close it in reverse when the block ends.

    Args:
        settings: From the command line's configuration.
        owner: `chorus run` and the demo: hold the data folder's lock, so that this process alone dispatches and
            recovers the bot's jobs. Without it, only jobs made here are touched.

    Raises:
        ConfigError: Another process owns the data folder, or the folder or the database cannot be used.

    """
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(_make_data_dir, settings)
        name = RUN if owner else new_command_name()
        data_dir = settings.storage.data_dir
        stack.enter_context(lock_data_folder(data_dir) if owner else hold_command_lock(data_dir, name))
        database = await stack.enter_async_context(Database.open(settings.storage.database_url))
        characters = await stack.enter_async_context(
            CharacterLibrary(settings.paths.characters, settings.storage.data_dir / "guilds")
        )
        workflows = await stack.enter_async_context(WorkflowLibrary(settings.paths.workflows))
        client_options = _client_options(settings)
        comfy = tuple(
            [await stack.enter_async_context(ComfyClient(url, client_options)) for url in settings.comfyui.servers]
        )
        jobs = JobRepository(database)
        versions = WorkflowRepository(database)
        gallery = GalleryRepository(database)
        guild_settings = GuildSettings(database)
        await guild_settings.load()
        ffmpeg = Ffmpeg(str(settings.voice.ffmpeg) if settings.voice.ffmpeg else None)
        generation = _generation_settings(settings, name)
        talk = await stack.enter_async_context(open_talk(settings, ConversationRepository(database), characters, comfy))
        orchestrator = await stack.enter_async_context(
            Orchestrator(
                generation,
                store=jobs,
                versions=versions,
                characters=characters,
                workflows=workflows,
                gpus=talk.gpus,
                rewriter=talk.rewriter,
                ffmpeg=ffmpeg,
            )
        )
        deliveries = DeliveryRepository(database)
        options = _voice_options(settings)
        voice = VoiceService(
            options,
            samples=VoiceSamples(options, VoiceSampleRepository(database), guild_settings, ffmpeg=ffmpeg),
            characters=characters,
            workflows=workflows,
            generation=orchestrator,
            jobs=jobs,
            deliveries=deliveries,
            turns=talk.conversations.store,
            settings=guild_settings,
        )
        yield Services(
            settings=settings,
            owner=generation.owner,
            characters=characters,
            workflows=workflows,
            comfy=comfy,
            orchestrator=orchestrator,
            jobs=jobs,
            workflow_versions=versions,
            deliveries=deliveries,
            bindings=talk.conversations.store,
            conversations=talk.conversations,
            language_model=talk.model,
            gallery=gallery,
            follow_ups=DerivedJobs(
                jobs=jobs,
                versions=versions,
                workflows=workflows,
                gallery=gallery,
                data_dir=settings.storage.data_dir,
                delete_files=settings.media.delete_files_on_delete,
            ),
            guild_settings=guild_settings,
            voice=voice,
        )


def _make_data_dir(settings: Settings) -> None:
    folder = settings.storage.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"The data folder {folder} cannot be made.", advice="Set `storage.data_dir`.") from error


def _client_options(settings: Settings) -> ClientOptions:
    comfyui = settings.comfyui
    return ClientOptions(
        retry_attempts=comfyui.connection_retry_attempts,
        retry_backoff=comfyui.connection_retry_backoff,
        poll_initial=comfyui.polling.initial_interval_seconds,
        poll_max=comfyui.polling.max_interval_seconds,
    )


def _generation_settings(settings: Settings, owner: str) -> GenerationSettings:
    return GenerationSettings(
        data_dir=settings.storage.data_dir,
        timeout_seconds={kind: settings.comfyui.timeout_for(kind) for kind in JobKind},
        max_queue_size=settings.comfyui.queue.max_queue_size,
        max_per_user=settings.comfyui.queue.max_per_user,
        max_output_bytes=settings.media.max_download_bytes,
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
