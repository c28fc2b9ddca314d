"""What generation is told at the composition root, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain.jobs import JobKind


def _timeouts() -> Mapping[JobKind, float]:
    return {JobKind.IMAGE: 300.0, JobKind.AUDIO: 300.0, JobKind.VIDEO: 900.0}


@dataclass(frozen=True, kw_only=True)
class GenerationSettings:
    """Limits and folders.

    Attributes:
        data_dir: Where `images/`, `audio/` and `video/` are; every stored path is relative to it.
        timeout_seconds: Seconds of execution, by kind; waiting does not count. Of speech in several parts, each part.
        max_queue_size: Jobs that wait, of everybody.
        max_per_user: Waiting jobs of one person; live speech and terminals do not count.
        max_live_in_a_row: Live speech goes before waiting pictures so many times, then one of those has its turn.
        max_output_bytes: A larger file of ComfyUI's is not downloaded.
        max_losses: So often a job may get lost in restarts of ComfyUI before it is given up.
        pause_ms: Silence between the parts of a long speech.
        speech_bitrate: Bits per second.
        owner: Which process family dispatches our jobs. `run`: the bot, which recovers them at start; anything else:
            a terminal command, whose jobs nobody else touches.

    """

    data_dir: Path
    timeout_seconds: Mapping[JobKind, float] = field(default_factory=_timeouts)
    max_queue_size: int = 100
    max_per_user: int = 3
    max_live_in_a_row: int = 3
    max_output_bytes: int = 512 * 2**20
    max_losses: int = 3
    pause_ms: int = 250
    speech_bitrate: int = 64_000
    owner: str = "run"
