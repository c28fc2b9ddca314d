"""How the orchestrator works, given by the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.circuit_breaker import BreakerOptions
from bot.domain.jobs import JobKind
from bot.errors import ErrorCategory
from bot.generation.queue import QueueLimits
from bot.generation.retry_rules import MAX_REPEATS
from bot.generation.value_limits import RequestLimits
from bot.workflows.upload_screening import ScreeningRules


def _timeouts() -> Mapping[JobKind, float]:
    return {JobKind.IMAGE: 300.0, JobKind.AUDIO: 300.0, JobKind.VIDEO: 900.0}


@dataclass(frozen=True, kw_only=True)
class GenerationOptions:
    """Limits and folders.

    Attributes:
        data_dir: Folder of `images/`, `audio/` and `video/`; every stored path is relative to it.
        timeout_seconds: Longest execution of one part in seconds, by kind; waiting does not count.
        queue_limits: How many jobs may wait.
        max_live_in_a_row: How many live speech jobs may go before the oldest waiting picture.
        max_output_bytes: Larger files of ComfyUI are not downloaded.
        max_pixels: Images with a larger width times height are not opened.
        max_repeats: How often a part is run again, by what went wrong.
        breaker: When a server that gives wrong answers is left alone.
        pause_ms: Silence between the parts of a long speech, in milliseconds.
        speech_bitrate: Of finished speech, in bits per second.
        limits: Of what people choose in Discord.
        locks_dir: Folder of the locks of running commands; None: `data_dir`.
        preferred_model: A model file or family that workflows for any model draw with; None: by the order of families.
        screening: What is refused in workflows of servers.
        owner: Whose jobs this process dispatches: `run` for the bot, a name of its own for each terminal command.

    """

    data_dir: Path
    max_pixels: int
    timeout_seconds: Mapping[JobKind, float] = field(default_factory=_timeouts)
    queue_limits: QueueLimits = field(default_factory=QueueLimits)
    max_live_in_a_row: int = 3
    max_output_bytes: int = 512 * 2**20
    max_repeats: Mapping[ErrorCategory, int] = field(default_factory=lambda: MAX_REPEATS)
    breaker: BreakerOptions = field(default_factory=BreakerOptions)
    pause_ms: int = 250
    speech_bitrate: int = 64_000
    limits: RequestLimits = field(default_factory=RequestLimits)
    locks_dir: Path | None = None
    preferred_model: str | None = None
    screening: ScreeningRules = field(default_factory=ScreeningRules)
    owner: str = "run"
