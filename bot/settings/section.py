"""The base class of the sections of `config.yaml`, and the types of their keys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator


def not_a_boolean(value: Any) -> Any:
    """Refuse true and false, which pydantic would take as the numbers 1 and 0."""
    if isinstance(value, bool):
        raise ValueError(f"must be a number, not {str(value).lower()}")  # noqa: TRY004 - pydantic wants ValueError
    return value


def from_config_folder(path: Path, info: ValidationInfo) -> Path:
    """Make a relative path count from the configuration file's folder, which the validation's context holds."""
    folder = cast("Mapping[str, Any]", info.context or {}).get("folder")
    path = path.expanduser()
    return folder / path if folder is not None else path


def _http_url(text: str) -> str:
    text = text.strip().rstrip("/")
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or any(character.isspace() for character in text):
        raise ValueError("must be an address such as http://127.0.0.1:8188")
    return text


Count = Annotated[int, BeforeValidator(not_a_boolean), Field(ge=1)]
Whole = Annotated[int, BeforeValidator(not_a_boolean), Field(ge=0)]
Seconds = Annotated[float, BeforeValidator(not_a_boolean), Field(gt=0, allow_inf_nan=False)]
Snowflake = Annotated[int, BeforeValidator(not_a_boolean), Field(ge=1, lt=2**63)]
LocalPath = Annotated[Path, AfterValidator(from_config_folder)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Emoji = Annotated[str, Field(min_length=1, max_length=100)]


class Section(BaseModel):
    """A frozen group of keys. A key without a value (`guild_ids:`) counts as left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_unset(cls, data: Any) -> Any:
        if isinstance(data, dict):
            items = cast("dict[Any, Any]", data)
            return {key: value for key, value in items.items() if value is not None}
        return data
