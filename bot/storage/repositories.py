"""All repositories over one database."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.storage.batches import BatchRepository
from bot.storage.conversations import ConversationRepository
from bot.storage.database import Database
from bot.storage.deliveries import DeliveryRepository
from bot.storage.drafts import DraftRepository
from bot.storage.gallery import GalleryRepository
from bot.storage.guild_settings import GuildSettings
from bot.storage.jobs import JobRepository
from bot.storage.last_settings import LastSettingsRepository
from bot.storage.presets import PresetRepository
from bot.storage.regions import RegionRepository
from bot.storage.reports import ReportRepository
from bot.storage.voice_samples import VoiceSampleRepository
from bot.storage.workflow_failures import WorkflowFailureRepository
from bot.storage.workflow_history import WorkflowHistory
from bot.storage.workflows import WorkflowRepository


@dataclass(frozen=True)
class Repositories:
    """Everything that reads and writes the database."""

    jobs: JobRepository
    workflow_versions: WorkflowRepository
    deliveries: DeliveryRepository
    conversations: ConversationRepository
    gallery: GalleryRepository
    guild_settings: GuildSettings
    voice_samples: VoiceSampleRepository
    batches: BatchRepository
    drafts: DraftRepository
    presets: PresetRepository
    last_settings: LastSettingsRepository
    workflow_history: WorkflowHistory
    reports: ReportRepository
    regions: RegionRepository
    workflow_failures: WorkflowFailureRepository


@asynccontextmanager
async def open_repositories(database_url: str) -> AsyncGenerator[Repositories]:
    """Open and migrate the database; close it when the block ends.

    Raises:
        ConfigError: The database cannot be opened, or belongs to a newer version.

    """
    async with Database.open(database_url) as database:
        guild_settings = GuildSettings(database)
        await guild_settings.load()
        yield Repositories(
            jobs=JobRepository(database),
            workflow_versions=WorkflowRepository(database),
            deliveries=DeliveryRepository(database),
            conversations=ConversationRepository(database),
            gallery=GalleryRepository(database),
            guild_settings=guild_settings,
            voice_samples=VoiceSampleRepository(database),
            batches=BatchRepository(database),
            drafts=DraftRepository(database),
            presets=PresetRepository(database),
            last_settings=LastSettingsRepository(database),
            workflow_history=WorkflowHistory(database),
            reports=ReportRepository(database),
            regions=RegionRepository(database),
            workflow_failures=WorkflowFailureRepository(database),
        )
