"""How large what people ask for may be. Pure values; `bot.generation.value_limits` applies them to a request."""

from __future__ import annotations

from bot.domain.value import Value


class SizeLimits(Value):
    """The limits of a server, or those of `config.yaml` for all servers; None: no limit of its own.

    Attributes:
        max_pixels: Of one picture, width times height.
        max_steps: Of a sampler.
        max_batch: Pictures of one batch, or of one job.
        max_text_chars: Of a prompt, or of a text to speak.
        max_film_seconds: Of a film.

    """

    max_pixels: int | None = None
    max_steps: int | None = None
    max_batch: int | None = None
    max_text_chars: int | None = None
    max_film_seconds: float | None = None
