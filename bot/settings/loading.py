"""Everything the owner can set, as one frozen value: `config.yaml`, the environment, and `.env` beside the file.

Read once in `bot.cli` and passed in; nothing else looks at the environment. Secrets come from the environment or
`.env` only. Any other key can be overridden there too, for containers: `CHORUS__COMFYUI__URL=http://gpu:8188`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

import yaml
from dotenv import dotenv_values
from pydantic import Field, SecretStr, model_validator

from bot.errors import ConfigError
from bot.settings.sections import (
    ComfyUISection,
    ConversationSection,
    DiscordSection,
    LlmSection,
    LoggingSection,
    MediaSection,
    PathsSection,
    Polling,
    Queue,
    Reactions,
    RegenerateSection,
    Section,
    StorageSection,
    Timeouts,
    VisualGenerationSection,
    VoiceSection,
)
from bot.yaml_documents import Document, build, nearest_key, read_yaml

__all__ = [
    "ComfyUISection",
    "ConversationSection",
    "DiscordSection",
    "LlmSection",
    "LoggingSection",
    "MediaSection",
    "PathsSection",
    "Polling",
    "Queue",
    "Reactions",
    "RegenerateSection",
    "Section",
    "Settings",
    "StorageSection",
    "Timeouts",
    "VisualGenerationSection",
    "VoiceSection",
    "default_settings",
    "load_settings",
]

SECRETS = {"DISCORD_TOKEN": "discord_token", "LLM_API_KEY": "llm_api_key"}
"""Environment variable -> field of `Settings`."""
OVERRIDE = "CHORUS__"


class Settings(Section):
    """The whole configuration. Tests build one with `Settings.model_validate({...})`, which reads nothing else."""

    discord: DiscordSection = DiscordSection()
    comfyui: ComfyUISection = ComfyUISection()
    llm: LlmSection = LlmSection()
    visual_generation: VisualGenerationSection = VisualGenerationSection()
    voice: VoiceSection = VoiceSection()
    media: MediaSection = MediaSection()
    regenerate: RegenerateSection = RegenerateSection()
    conversation: ConversationSection = ConversationSection()
    storage: StorageSection = StorageSection()
    paths: PathsSection = PathsSection()
    logging: LoggingSection = LoggingSection()
    default_character: str = "nova"
    """Id of the character of channels that have none of their own."""
    discord_token: SecretStr | None = Field(default=None, exclude=True)
    llm_api_key: SecretStr | None = Field(default=None, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _validate_defaults(cls, data: Any) -> Any:
        """Paths of sections left out count from the file's folder too: a section given as `{}` is validated."""
        if isinstance(data, dict):
            sections: dict[str, Any] = {"storage": {}, "paths": {}, "voice": {}}
            given = cast("dict[str, Any]", data)
            return sections | {key: value for key, value in given.items() if value is not None}
        return data

    def quieter(self, level: Literal["WARNING", "ERROR"] = "WARNING") -> Settings:
        """The same with a log that says less: for commands whose output is something else."""
        return self.model_copy(update={"logging": self.logging.model_copy(update={"level": level})})

    def secrets(self) -> tuple[str, ...]:
        """Strings that must never be written to a log."""
        found = [secret.get_secret_value() for secret in (self.discord_token, self.llm_api_key) if secret]
        urls = (self.storage.database_url, *self.comfyui.servers, self.llm.url, self.discord.server or "")
        found.extend(urlsplit(url).password or "" for url in urls)
        return tuple(text for text in found if text)


def load_settings(path: Path | None = None, *, environment: Mapping[str, str] | None = None) -> Settings:
    """Read `path` (None: `config.yaml` in the working folder if there is one), `.env` beside it, and the environment.

    Raises:
        ConfigError: one sentence naming file, key, line and the nearest valid key.

    """
    if path is None:
        path = Path("config.yaml")
        document = read_yaml(path) if path.exists() else Document("the environment", {}, {})
    else:
        document = read_yaml(path)
    for key in ("discord_token", "llm_api_key"):
        if key in document.data:
            raise _secret_in_file(document, (key,))
    discord: Any = document.data.get("discord")
    if isinstance(discord, dict) and "token" in discord:
        raise _secret_in_file(document, ("discord", "token"))
    folder = path.absolute().parent
    variables = _variables(folder / ".env", os.environ if environment is None else environment)
    _override(document, variables)
    settings = build(Settings, document, context={"folder": folder})
    secrets = {field: SecretStr(variables[name].strip()) for name, field in SECRETS.items() if variables.get(name)}
    return settings.model_copy(update=secrets)


def default_settings(folder: Path, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The defaults with relative paths counted from `folder`; for the demo and for tests. Reads no environment."""
    return build(Settings, Document("settings", dict(overrides or {}), {}), context={"folder": folder.absolute()})


def _secret_in_file(document: Document, key: tuple[str, ...]) -> ConfigError:
    name = "LLM_API_KEY" if "llm" in key[0] else "DISCORD_TOKEN"
    return ConfigError(
        f"{document.where(key)}: `{'.'.join(key)}` is a secret; write it to the file .env beside it, as {name}=..."
    )


def _variables(dotenv: Path, environment: Mapping[str, str]) -> dict[str, str]:
    try:
        # No interpolation: a token may hold a dollar sign.
        from_file = dotenv_values(dotenv, interpolate=False, encoding="utf-8-sig") if dotenv.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("The file .env beside the configuration cannot be read as UTF-8 text.") from error
    # A variable set to nothing (compose files do that) does not hide the one in .env.
    both = (*from_file.items(), *environment.items())
    return {key: value for key, value in both if value}


def _override(document: Document, variables: Mapping[str, str]) -> None:
    for name, text in sorted(variables.items()):
        if not name.startswith(OVERRIDE):
            continue
        path = tuple(part.lower() for part in name.removeprefix(OVERRIDE).split("__"))
        try:
            value: Any = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"Environment variable {name}: the value is not YAML.") from error
        document.origins[path] = f"environment variable {name}"
        _put(document.data, path, value, name)


def _put(data: dict[str, Any], path: Iterable[str], value: Any, name: str) -> None:
    *sections, last = path
    for section in sections:
        inner: Any = data.get(section)
        if inner is None:
            inner = data[section] = {}
        if not isinstance(inner, dict):
            key = nearest_key(Settings, (*sections, last))
            raise ConfigError(f"Environment variable {name}: no such key; the nearest valid key is `{key}`.")
        data = cast("dict[str, Any]", inner)
    data[last] = value
