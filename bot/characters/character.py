"""A character as a value: what its file says, checked."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

NAME_LENGTH = 80
"""Discord's limit for a webhook's name."""
TEXT_LENGTH = 200_000

# What Windows reserves, and the folder of workflows that belong to everybody.
_RESERVED_IDS = {"con", "prn", "aux", "nul", "_shared"} | {f"{name}{n}" for name in ("com", "lpt") for n in range(10)}
_ID = re.compile(r"(?=.*[a-z0-9])[a-z0-9_-]{1,50}\Z")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
# YAML 1.1 counts all of these as line ends and reads them back as one of them.
_LINE_ENDS = re.compile("\r\n|[\r\x85\u2028\u2029]")


def check_id(text: str) -> str:
    """An id is part of paths and custom ids: lower-case letters, digits, `-` and `_`, at most 50."""
    if not _ID.match(text) or text in _RESERVED_IDS:
        raise ValueError("must be 1 to 50 lower-case letters, digits, - and _, and no reserved name")
    return text


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"must be a number, not {str(value).lower()}")  # noqa: TRY004 - pydantic wants ValueError
    return value


def _clean(text: str) -> str:
    return _CONTROL.sub("", _LINE_ENDS.sub("\n", text)).strip()


def _one_line(text: str) -> str:
    return " ".join(_clean(text).split())


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


def _many(value: Any) -> Any:
    """A lone text where a list is meant."""
    return [value] if isinstance(value, str) else value


Text = Annotated[str, Field(max_length=TEXT_LENGTH), AfterValidator(_clean)]
Line = Annotated[str, Field(max_length=500), AfterValidator(_one_line)]
Lines = Annotated[tuple[Line, ...], BeforeValidator(_many), Field(max_length=200)]
Amount = Annotated[int, BeforeValidator(_no_bool), Field(ge=1)]
Number = Annotated[float, BeforeValidator(_no_bool)]


class Part(BaseModel):
    """A frozen group of keys; keys of other programs are passed over, and a key without a value keeps its default."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in cast("dict[Any, Any]", data).items() if value is not None}
        return data


class VisualIdentity(Part):
    """How the character looks and draws."""

    default_workflow: Line | None = None
    prompt_context: Text = ""
    """What every picture of the character shows ("a woman with short red hair, ...")."""
    negative_prompt: Text = ""
    reference_images: Lines = ()
    """File names inside the character's folder."""
    style_lora: Line | None = None


class Voice(Part):
    """How the character sounds. None: as `voice` in the configuration says."""

    enabled: bool = True
    always_on: bool = False
    """Auto voice where a channel has not chosen."""
    read_actions: Literal["skip", "read"] | None = None
    max_chunk_chars: Annotated[int, BeforeValidator(_no_bool), Field(ge=20)] | None = None
    max_chars: Amount | None = None
    voice_sample: Line | None = None
    """File name of the default sample inside the character's folder; None: `voice/default.*`."""
    voice_transcript: Text = ""
    """What is said in it; empty: the text file beside the sample."""


class PreferredLlm(Part):
    """None: as `llm` in the configuration says."""

    model: Line | None = None
    temperature: Annotated[float, BeforeValidator(_no_bool), Field(ge=0, le=2)] | None = None
    max_tokens: Amount | None = None
    context_window: Amount | None = None
    top_p: Annotated[float, BeforeValidator(_no_bool), Field(ge=0, le=1)] | None = None


class ImageGeneration(Part):
    """Whether the character may draw by itself or when asked in words."""

    enabled: bool = True


class Character(Part):
    """One character. Built from a file by `CharacterLibrary`; tests need only `id`, `name` and `system_prompt`."""

    id: Annotated[str, AfterValidator(check_id)]
    name: Annotated[str, Field(max_length=NAME_LENGTH), AfterValidator(_one_line), AfterValidator(_not_empty)]
    aliases: Lines = ()
    """Further names it listens to."""
    role: Text = ""
    system_prompt: Annotated[Text, AfterValidator(_not_empty)]
    greeting: Text = ""
    """Its first words in a new conversation."""
    core_memories: tuple[Text, ...] = ()
    """Facts it never forgets, one sentence or two each."""
    personality_traits: Lines = ()
    example_dialogue: Text = ""
    default_image_workflow: Line | None = None
    default_audio_workflow: Line | None = None
    default_video_workflow: Line | None = None
    visual_identity: VisualIdentity = VisualIdentity()
    voice: Voice = Voice()
    preferred_llm: PreferredLlm = PreferredLlm()
    image_generation: ImageGeneration = ImageGeneration()
    profile_image: Line | None = None
    """File name of the avatar; None: `<id>/avatar.png` (or jpg, webp, gif)."""
    nsfw: bool = False
    """Answers and draws only in age-restricted channels."""

    folder: Path | None = Field(default=None, exclude=True)
    """`<id>/` beside its file: avatar, reference images, voice samples. It need not exist."""
    guild_id: int | None = Field(default=None, exclude=True)
    """The one guild that sees it; None: the host's, visible everywhere."""
    avatar_path: Path | None = Field(default=None, exclude=True)
    avatar_sha256: str | None = Field(default=None, exclude=True)
    """Hex digest of the avatar's bytes: a webhook with another one needs the new picture."""
    reference_paths: tuple[Path, ...] = Field(default=(), exclude=True)

    @field_validator("core_memories", mode="before")
    @classmethod
    def _sentences(cls, value: Any) -> Any:
        """Chorus Engine writes `- content: ...` with tags; the sentence is what counts here."""
        if not isinstance(value, list | tuple):
            return _many(value)
        memories = cast("list[Any] | tuple[Any, ...]", value)
        contents = [
            cast("dict[str, Any]", item).get("content") if isinstance(item, dict) else item for item in memories
        ]
        return [item for item in contents if item is not None]

    @cached_property
    def version(self) -> str:
        """SHA-256 (hex) of what the file says; comments, order, and keys that repeat a default do not count."""
        said = self.model_dump(mode="json", exclude_defaults=True)
        content = json.dumps(said, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def default_workflow(self, kind: str) -> str | None:
        """The workflow's name for a `JobKind`, without `.json`; None: the one called `default`."""
        name = {
            "image": self.default_image_workflow or self.visual_identity.default_workflow,
            "audio": self.default_audio_workflow,
            "video": self.default_video_workflow,
        }.get(kind)
        return name.removesuffix(".json") if name else None

    def is_called(self, name: str) -> bool:
        """Whether `name` is its id, name or alias, whatever the case."""
        wanted = name.strip().casefold()
        return wanted in {self.id, self.name.casefold(), *(alias.casefold() for alias in self.aliases)}
