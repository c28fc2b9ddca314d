"""The sections of `config.yaml` as frozen pydantic models; `bot.settings` puts them together and reads the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

PROVIDER_URLS = {
    "ollama": "http://127.0.0.1:11434/v1",
    "lmstudio": "http://127.0.0.1:1234/v1",
    "koboldcpp": "http://127.0.0.1:5001/v1",
    "openai": "https://api.openai.com/v1",
}


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"must be a number, not {str(value).lower()}")  # noqa: TRY004 - pydantic wants ValueError
    return value


def _from_folder(path: Path, info: ValidationInfo) -> Path:
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


Count = Annotated[int, BeforeValidator(_number), Field(ge=1)]
Whole = Annotated[int, BeforeValidator(_number), Field(ge=0)]
Seconds = Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]
Snowflake = Annotated[int, BeforeValidator(_number), Field(ge=1, lt=2**63)]
LocalPath = Annotated[Path, AfterValidator(_from_folder)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Emoji = Annotated[str, Field(min_length=1, max_length=100)]


class Section(BaseModel):
    """A frozen group of keys. A key without a value (`guild_ids:`) keeps its default."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, data: Any) -> Any:
        if isinstance(data, dict):
            items = cast("dict[Any, Any]", data)
            return {key: value for key, value in items.items() if value is not None}
        return data


class Reactions(Section):
    """Which emoji means what on a result; a custom emoji is written `name:id`."""

    regenerate: Emoji = "🔁"
    speak: Emoji = "🔊"
    dm: Emoji = "✉️"
    delete: Emoji = "🗑️"
    cancel: Emoji = "❌"

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.model_dump().values())) < len(type(self).model_fields):
            raise ValueError("must name a different emoji for each action")
        return self


class DiscordSection(Section):
    """`discord`."""

    server: HttpUrl | None = None
    """Another Discord-compatible server: REST at `/api/v10`, CDN at `/cdn`, gateway at `/gateway`."""
    guild_ids: tuple[Snowflake, ...] = ()
    """The guilds the bot serves and syncs its commands to; empty: all of them, global sync."""
    allow_dms: bool = False
    offer_reactions: bool = False
    """Whether the bot adds the reactions to its own results."""
    notify_after_seconds: Seconds = 60
    """A short reply mentions the person when a result took longer, since edits do not notify."""
    progress_interval_seconds: Seconds = 1.5
    """At most one progress edit per this time."""
    reactions: Reactions = Reactions()


class Timeouts(Section):
    """Seconds of execution (not of waiting)."""

    image: Seconds = 300
    audio: Seconds = 300


class Polling(Section):
    """How often history is asked while the WebSocket cannot be had: from the first, slowly up to the second."""

    initial_interval_seconds: Seconds = 2
    max_interval_seconds: Seconds = 10


class Queue(Section):
    """Limits of jobs that wait."""

    max_queue_size: Count = 100
    max_per_user: Count = 3


class ComfyUISection(Section):
    """`comfyui`."""

    url: HttpUrl = "http://127.0.0.1:8188"
    urls: tuple[HttpUrl, ...] = ()
    """Several servers; takes the place of `url`."""
    timeout_seconds: Timeouts = Timeouts()
    """One number stands for both kinds."""
    video_timeout_seconds: Seconds = 900
    connection_retry_attempts: Count = 3
    connection_retry_backoff: Seconds = 1
    """Seconds before the first retry; doubled for each further one."""
    polling: Polling = Polling()
    queue: Queue = Queue()

    @field_validator("timeout_seconds", mode="before")
    @classmethod
    def _one_for_both(cls, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"image": value, "audio": value}
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.urls and "url" in self.model_fields_set:
            raise ValueError("takes `url` or `urls`, not both")
        if len(set(self.urls)) < len(self.urls):
            raise ValueError("names a server twice in `urls`")
        return self

    @property
    def servers(self) -> tuple[str, ...]:
        """Base URLs without a trailing slash, at least one."""
        return self.urls or (self.url,)

    def timeout_for(self, kind: str) -> float:
        """Seconds of execution for a `JobKind`."""
        return {"image": self.timeout_seconds.image, "audio": self.timeout_seconds.audio}.get(
            kind, self.video_timeout_seconds
        )


class LlmSection(Section):
    """`llm`."""

    provider: Literal["ollama", "lmstudio", "koboldcpp", "openai"] = "ollama"
    """`openai`: any server that speaks OpenAI's API, with or without a key."""
    base_url: HttpUrl | None = None
    """Always set once validated: the provider's usual address where left out; `/v1` is added to a bare host."""
    model: str | None = None
    """None: the first model the server lists."""
    context_window: Annotated[int, BeforeValidator(_number), Field(ge=512)] = 8192
    """Tokens: prompt and answer together."""
    max_response_tokens: Annotated[int, BeforeValidator(_number), Field(ge=16)] = 1024
    temperature: Annotated[float, BeforeValidator(_number), Field(ge=0, le=2)] = 0.8
    timeout_seconds: Seconds = 120
    """Silence of the model after which it counts as unavailable."""
    stop: tuple[str, ...] = ()
    """Further stop sequences; those that keep a character from speaking for others are added anyway."""
    tools: Literal["auto", "always", "never"] = "auto"
    """When requests offer the `draw` tool: until the server refuses it for the model, on every request, on none."""

    @field_validator("base_url", mode="after")
    @classmethod
    def _provider_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return PROVIDER_URLS.get(str(info.data.get("provider")))
        return value if urlsplit(value).path else f"{value}/v1"

    @model_validator(mode="after")
    def _room_to_read(self) -> Self:
        if self.max_response_tokens >= self.context_window:
            raise ValueError("needs `max_response_tokens` smaller than `context_window`")
        return self

    @property
    def url(self) -> str:
        """`base_url`, which validation has filled."""
        return self.base_url or PROVIDER_URLS[self.provider]


class VisualGenerationSection(Section):
    """`visual_generation`."""

    unload_during_image_generation: bool = False
    """The language model leaves the GPU before a job, and ComfyUI frees it before the model speaks again."""
    max_swap_wait_seconds: Seconds = 60
    """Turns and pictures are grouped to save swaps; nobody waits longer than this for the other group."""
    unload_timeout_seconds: Seconds = 30


class VoiceSection(Section):
    """`voice`: for all characters; a character's own `voice` keys go first."""

    delivery: Literal["voice_message", "attachment"] = "voice_message"
    format: Literal["ogg", "mp3"] = "ogg"
    """Of attachments; voice messages are OGG/Opus always."""
    max_chars: Count = 2000
    """Longer speech is shortened at a sentence, with a note."""
    max_chunk_chars: Annotated[int, BeforeValidator(_number), Field(ge=40)] = 400
    """Longer text is spoken in several ComfyUI prompts."""
    read_actions: Literal["skip", "read"] = "skip"
    """*asterisk actions*."""
    pause_ms: Whole = 250
    """Silence between chunks."""
    bitrate_kbps: Annotated[int, BeforeValidator(_number), Field(ge=8, le=320)] = 64
    max_sample_bytes: Count = 50_000_000
    max_sample_seconds: Seconds = 600
    """Longer voice samples are refused; 3-30 s is recommended."""
    ffmpeg: LocalPath | None = None
    """A system ffmpeg; None: the one that came with the installation."""


class MediaSection(Section):
    """`media`."""

    keep_metadata: bool = True
    """Post files as ComfyUI made them; false strips prompt and workflow from what is posted."""
    max_download_bytes: Count = 1_000_000_000
    max_pixels: Count = 150_000_000
    """Pictures with more are refused as decompression bombs."""
    delete_files_on_delete: bool = False
    """Whether deleting a result in Discord deletes the files in the data folder too."""


class RegenerateSection(Section):
    """`regenerate`."""

    by: Literal["anyone", "requester"] = "anyone"


class ConversationSection(Section):
    """`conversation`."""

    edit_interval_seconds: Seconds = 1.2
    """A streamed message grows by at most one edit per this time."""
    answer_missed_within_minutes: Annotated[float, BeforeValidator(_number), Field(ge=0)] = 10
    """Of messages written while the bot (or the model) was away, only the newest younger than this is answered."""
    allow_bots: bool = False
    max_bot_turns: Count = 4
    """Answers to bots in a row, without a human between, before the loop guard falls silent."""


class LoggingSection(Section):
    """`logging`: to the terminal and to `<data_dir>/logs/chorus.log`."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    max_bytes: Count = 5_000_000
    backups: Whole = 5


class StorageSection(Section):
    """`storage`."""

    data_dir: LocalPath = Path("data")
    database_url: str = ""
    """Always an async SQLAlchemy URL once validated; empty: SQLite in the data folder."""

    @field_validator("database_url", mode="after")
    @classmethod
    def _async_url(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            return f"sqlite+aiosqlite:///{(Path(info.data.get('data_dir', 'data')) / 'chorus.db').as_posix()}"
        scheme, separator, rest = value.partition("://")
        dialect = scheme.partition("+")[0]
        drivers = {"sqlite": "aiosqlite", "postgresql": "asyncpg", "postgres": "asyncpg"}
        if not separator or dialect not in drivers:
            raise ValueError("must begin with sqlite:/// or postgresql://")
        if dialect == "sqlite":
            name = rest.removeprefix("/")
            if name and name != ":memory:":
                rest = "/" + _from_folder(Path(name), info).as_posix()
        return f"{'sqlite' if dialect == 'sqlite' else 'postgresql'}+{drivers[dialect]}://{rest}"


class PathsSection(Section):
    """`paths`."""

    characters: LocalPath = Path("characters")
    workflows: LocalPath = Path("workflows")
