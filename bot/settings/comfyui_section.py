"""`comfyui` in `config.yaml`."""

from __future__ import annotations

from typing import Any, Self

from pydantic import field_validator, model_validator

from bot.settings.section import Count, HttpUrl, Seconds, Section


class Timeouts(Section):
    """`comfyui.timeout_seconds`: the longest execution of a job, without the time that it waits."""

    image: Seconds = 300
    audio: Seconds = 300


class Polling(Section):
    """`comfyui.polling`: how often `/history` is asked while there is no WebSocket; the interval grows."""

    initial_interval_seconds: Seconds = 2
    max_interval_seconds: Seconds = 10


class Queue(Section):
    """`comfyui.queue`: how many jobs may wait; a batch counts as one. None: as many as `max_queue_size`."""

    max_queue_size: Count = 100
    """Of everybody."""
    max_per_user: Count = 3
    max_per_guild: Count | None = None
    """Of one Discord server; live speech does not count."""
    max_images: Count | None = None
    max_audio: Count | None = None
    max_videos: Count | None = None


class ComfyUISection(Section):
    """`comfyui`: the servers, and limits of their jobs."""

    url: HttpUrl = "http://127.0.0.1:8188"
    urls: tuple[HttpUrl, ...] = ()
    """Base URLs of several servers, in place of `url`."""
    timeout_seconds: Timeouts = Timeouts()
    """One number is used for both kinds."""
    video_timeout_seconds: Seconds = 900
    connection_retry_attempts: Count = 3
    """Attempts of a request, on connection errors only."""
    connection_retry_backoff: Seconds = 1
    """Seconds before the second attempt; doubled for each further one."""
    polling: Polling = Polling()
    queue: Queue = Queue()

    @field_validator("timeout_seconds", mode="before")
    @classmethod
    def _one_for_both(cls, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"image": value, "audio": value}
        return value

    @model_validator(mode="after")
    def _refuse_conflicting_urls(self) -> Self:
        if self.urls and "url" in self.model_fields_set:
            raise ValueError("takes `url` or `urls`, not both")
        if len({url.rpartition("@")[2] for url in self.urls}) < len(self.urls):
            raise ValueError("names a server twice in `urls`")
        return self

    @property
    def servers(self) -> tuple[str, ...]:
        """The base URLs of the servers, without a trailing slash; at least one."""
        return self.urls or (self.url,)

    def timeout_for(self, kind: str) -> float:
        """Return the longest execution, in seconds, of a job of that `JobKind`."""
        return {"image": self.timeout_seconds.image, "audio": self.timeout_seconds.audio}.get(
            kind, self.video_timeout_seconds
        )
