"""The whole configuration as one frozen value."""

from __future__ import annotations

from typing import Any, Literal, cast
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, model_validator

from bot.settings.comfyui_section import ComfyUISection
from bot.settings.discord_section import DiscordSection
from bot.settings.llm_section import LlmSection
from bot.settings.section import Section
from bot.settings.sections import (
    AccessSection,
    BackupSection,
    BatchSection,
    ConversationSection,
    LimitsSection,
    LoggingSection,
    MediaSection,
    PathsSection,
    QuotasSection,
    RegenerateSection,
    VisualGenerationSection,
    VoiceSection,
    WorkflowsSection,
)
from bot.settings.storage_section import StorageSection


class Settings(Section):
    """The whole configuration. `Settings.model_validate({...})` makes one without reading files or the environment."""

    discord: DiscordSection = DiscordSection()
    comfyui: ComfyUISection = ComfyUISection()
    llm: LlmSection = LlmSection()
    visual_generation: VisualGenerationSection = VisualGenerationSection()
    voice: VoiceSection = VoiceSection()
    media: MediaSection = MediaSection()
    limits: LimitsSection = LimitsSection()
    access: AccessSection = AccessSection()
    quotas: QuotasSection = QuotasSection()
    regenerate: RegenerateSection = RegenerateSection()
    batch: BatchSection = BatchSection()
    workflows: WorkflowsSection = WorkflowsSection()
    conversation: ConversationSection = ConversationSection()
    storage: StorageSection = StorageSection()
    backup: BackupSection = BackupSection()
    paths: PathsSection = PathsSection()
    logging: LoggingSection = LoggingSection()
    default_character: str = "nova"
    """Id of the character of channels that have none of their own."""
    discord_token: SecretStr | None = Field(default=None, exclude=True)
    llm_api_key: SecretStr | None = Field(default=None, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _validate_defaults(cls, data: Any) -> Any:
        """Validate sections that were left out, so that their default paths count from the file's folder too."""
        if isinstance(data, dict):
            sections: dict[str, Any] = {"storage": {}, "paths": {}, "voice": {}, "backup": {}}
            given = cast("dict[str, Any]", data)
            return sections | {key: value for key, value in given.items() if value is not None}
        return data

    def with_log_level(self, level: Literal["WARNING", "ERROR"]) -> Settings:
        """Return the same settings with another `logging.level`, for commands whose output is something else."""
        return self.model_copy(update={"logging": self.logging.model_copy(update={"level": level})})

    def secrets(self) -> tuple[str, ...]:
        """Return the strings that must never be written to a log: token, key, and passwords in addresses."""
        found = [secret.get_secret_value() for secret in (self.discord_token, self.llm_api_key) if secret]
        urls = (self.storage.database_url, *self.comfyui.servers, self.llm.url, self.discord.server or "")
        for password in (urlsplit(url).password or "" for url in urls):
            found.extend({password, unquote(password)})
        return tuple(text for text in found if text)
