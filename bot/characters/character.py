"""A character as a value: the keys of a character file, validated."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

MAX_NAME_LENGTH = 80
"""Discord's limit for the name of a webhook, under which the character writes."""
MAX_ID_LENGTH = 50
MAX_TEXT_LENGTH = 200_000
"""Characters of any text in a character file."""

# Names that Windows reserves, and the folder of the workflows that every character has.
_RESERVED_IDS = {"con", "prn", "aux", "nul", "_shared"} | {f"{name}{n}" for name in ("com", "lpt") for n in range(10)}
_ID = re.compile(rf"(?=.*[a-z0-9])[a-z0-9_-]{{1,{MAX_ID_LENGTH}}}\Z")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
# YAML 1.1 counts all of these as line ends and reads them back as one of them.
_LINE_ENDS = re.compile("\r\n|[\r\x85\u2028\u2029]")


def check_id(text: str) -> str:
    """Return an id unchanged if it is valid: ids are parts of file paths and of Discord's custom ids.

    Raises:
        ValueError: It is not 1 to 50 lower-case letters, digits, `-` and `_`, or it is reserved.

    """
    if not _ID.match(text) or text in _RESERVED_IDS:
        raise ValueError(f"must be 1 to {MAX_ID_LENGTH} lower-case letters, digits, - and _, and no reserved name")
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


def _as_list(value: Any) -> Any:
    """A single text in place of a list counts as a list of one."""
    return [value] if isinstance(value, str) else value


Text = Annotated[str, Field(max_length=MAX_TEXT_LENGTH), AfterValidator(_clean)]
Line = Annotated[str, Field(max_length=500), AfterValidator(_one_line)]
Lines = Annotated[tuple[Line, ...], BeforeValidator(_as_list), Field(max_length=200)]
Amount = Annotated[int, BeforeValidator(_no_bool), Field(ge=1)]


class CharacterSection(BaseModel):
    """A frozen group of keys. Keys of other programs are ignored; a key without a value counts as left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _drop_unset(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in cast("dict[Any, Any]", data).items() if value is not None}
        return data


class CharacterLora(CharacterSection):
    """An entry of `visual_identity.loras`; a text in its place is the file name."""

    name: Annotated[Line, AfterValidator(_not_empty)]
    """File name in ComfyUI's folder of LoRAs; folder and extension may be left out."""
    strength: Annotated[float, BeforeValidator(_no_bool), Field(ge=-100, le=100)] | None = None
    """None: as the workflow's loader has it, else 1."""
    trigger: Line = ""
    """Words that the prompt must have for it."""

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, data: Any) -> Any:
        return {"name": data} if isinstance(data, str) else data


class VisualIdentity(CharacterSection):
    """`visual_identity`: how the character looks in pictures."""

    default_workflow: Line | None = None
    prompt_context: Text = ""
    """What every picture of the character shows, such as "a woman with short red hair"."""
    negative_prompt: Text = ""
    reference_images: Lines = ()
    """File names inside the character's folder."""
    appearance: Literal["auto", "always", "never"] = "auto"
    """When `prompt_context` is added to a prompt; auto: where the character is meant."""
    prompt_style: Literal["prose", "tags"] = "prose"
    """How the language model writes prompts."""
    quality_tags: Text = ""
    """Words at the end of the prompts that the language model writes."""
    loras: Annotated[tuple[CharacterLora, ...], Field(max_length=8)] = ()
    style_lora: Line | None = None
    """File name of one more LoRA, without trigger words."""

    @property
    def all_loras(self) -> tuple[CharacterLora, ...]:
        """`loras` and `style_lora`."""
        return (*self.loras, CharacterLora(name=self.style_lora)) if self.style_lora else self.loras


class Voice(CharacterSection):
    """`voice`: how the character speaks. Where a key is None, that of `voice` in the configuration applies."""

    enabled: bool = True
    always_on: bool = False
    """Whether every answer is spoken in channels in which nobody has chosen that."""
    read_actions: Literal["skip", "read"] | None = None
    max_chunk_chars: Annotated[int, BeforeValidator(_no_bool), Field(ge=20)] | None = None
    max_chars: Amount | None = None
    voice_sample: Line | None = None
    """File name of the default voice sample inside of the character's folder; None: `voice/default.*`."""
    voice_transcript: Text = ""
    """The words that are spoken in it; empty: those of the text file beside the sample."""


class PreferredLlm(CharacterSection):
    """`preferred_llm`: how the character's answers are written. None: as `llm` in the configuration says."""

    model: Line | None = None
    temperature: Annotated[float, BeforeValidator(_no_bool), Field(ge=0, le=2)] | None = None
    max_tokens: Amount | None = None
    context_window: Amount | None = None
    top_p: Annotated[float, BeforeValidator(_no_bool), Field(ge=0, le=1)] | None = None


class ImageGeneration(CharacterSection):
    """`image_generation`: whether the character draws at all."""

    enabled: bool = True


class Character(CharacterSection):
    """One character: the keys of its file, and what was found in its folder.

    Only `id`, `name` and `system_prompt` are required. The fields that are excluded from serialisation are set by
    `read_character`; a file cannot set them.
    """

    id: Annotated[str, AfterValidator(check_id)]
    name: Annotated[str, Field(max_length=MAX_NAME_LENGTH), AfterValidator(_one_line), AfterValidator(_not_empty)]
    aliases: Lines = ()
    """Further names that people may call it by."""
    role: Text = ""
    system_prompt: Annotated[Text, AfterValidator(_not_empty)]
    greeting: Text = ""
    """Its first words in a new conversation."""
    core_memories: tuple[Text, ...] = ()
    """Facts that are in every prompt, one or two sentences each."""
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
    """`<id>/` beside its file, for avatar, reference images and voice samples; it need not exist."""
    guild_id: int | None = Field(default=None, exclude=True)
    """The only guild in which it is visible; None: it belongs to the bot's owner and is visible everywhere."""
    avatar_path: Path | None = Field(default=None, exclude=True)
    avatar_sha256: str | None = Field(default=None, exclude=True)
    """SHA-256 (hex) of the avatar's file, by which a webhook with an older picture is recognised."""
    reference_paths: tuple[Path, ...] = Field(default=(), exclude=True)
    """The files of `visual_identity.reference_images` that exist."""

    @field_validator("core_memories", mode="before")
    @classmethod
    def _texts_of_memories(cls, value: Any) -> Any:
        """Chorus Engine writes a memory as `{content: ..., tags: [...]}`; its content is taken."""
        if not isinstance(value, list | tuple):
            return _as_list(value)
        memories = cast("list[Any] | tuple[Any, ...]", value)
        contents = [
            cast("dict[str, Any]", item).get("content") if isinstance(item, dict) else item for item in memories
        ]
        return [item for item in contents if item is not None]

    @cached_property
    def version(self) -> str:
        """SHA-256 (hex) of the file's keys; comments, order, and keys that repeat a default do not count."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        content = json.dumps(given, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def default_workflow(self, kind: str) -> str | None:
        """Return the name, without `.json`, of the workflow for a `JobKind`; None: the one named `default`."""
        name = {
            "image": self.default_image_workflow or self.visual_identity.default_workflow,
            "audio": self.default_audio_workflow,
            "video": self.default_video_workflow,
        }.get(kind)
        return name.removesuffix(".json") if name else None

    def has_name(self, name: str) -> bool:
        """Whether `name` is its id, its name or an alias, ignoring case."""
        wanted = name.strip().casefold()
        return wanted in {self.id, self.name.casefold(), *(alias.casefold() for alias in self.aliases)}
