"""Reading the configuration: `config.yaml`, `.env` beside it, and the environment.

Read once by the command line and passed on; nothing else looks at the environment. Secrets come from the environment or
`.env` only. Any other key can be overridden there too, for containers: `CHORUS__COMFYUI__URL=http://gpu:8188`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import yaml
from dotenv import dotenv_values
from pydantic import SecretStr

from bot.errors import ConfigError
from bot.settings.settings import Settings
from bot.yaml_documents import YamlDocument, nearest_key, read_yaml, validate_document

SECRETS = {"DISCORD_TOKEN": "discord_token", "LLM_API_KEY": "llm_api_key"}
"""Environment variable -> field of `Settings`."""
OVERRIDE_PREFIX = "CHORUS__"
"""Of environment variables that override a key; further double underscores stand for the dots of the key."""


def load_settings(path: Path | None = None, *, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the configuration.

    Args:
        path: The configuration file; None: `config.yaml` in the working folder, or none at all if it does not exist.
            `.env` is read from the same folder.
        environment: The environment variables; None: those of this process.

    Raises:
        ConfigError: A file cannot be read, or a key is unknown or has a wrong value; the error names file, line and
            key.

    """
    if path is None:
        path = Path("config.yaml")
        document = read_yaml(path) if path.exists() else YamlDocument("the environment", {}, {})
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
    settings = validate_document(Settings, document, context={"folder": folder})
    secrets = {field: SecretStr(variables[name].strip()) for name, field in SECRETS.items() if variables.get(name)}
    return settings.model_copy(update=secrets)


def default_settings(folder: Path, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Return the defaults with `overrides`, relative paths counting from `folder`; reads no file and no environment."""
    return validate_document(
        Settings, YamlDocument("settings", dict(overrides or {}), {}), context={"folder": folder.absolute()}
    )


def _secret_in_file(document: YamlDocument, key: tuple[str, ...]) -> ConfigError:
    name = "LLM_API_KEY" if "llm" in key[0] else "DISCORD_TOKEN"
    where = document.location_of(key)
    return ConfigError(f"{where}: `{'.'.join(key)}` is a secret; write it to the file .env beside it, as {name}=...")


def _variables(dotenv: Path, environment: Mapping[str, str]) -> dict[str, str]:
    try:
        # No interpolation: a token may hold a dollar sign.
        from_file = dotenv_values(dotenv, interpolate=False, encoding="utf-8-sig") if dotenv.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("The file .env beside the configuration cannot be read as UTF-8 text.") from error
    # A variable set to nothing (compose files do that) does not hide the one in .env.
    both = (*from_file.items(), *environment.items())
    return {key: value for key, value in both if value}


def _override(document: YamlDocument, variables: Mapping[str, str]) -> None:
    for name, text in sorted(variables.items()):
        if not name.startswith(OVERRIDE_PREFIX):
            continue
        path = tuple(part.lower() for part in name.removeprefix(OVERRIDE_PREFIX).split("__"))
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
