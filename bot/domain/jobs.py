"""Jobs as values: what was asked, where it stands, what came of it.

A request holds everything needed to do it again; a job is a request with a state. The store owns the state: views and
tasks hold ids only. State graph::

    QUEUED -> RUNNING -> GENERATED -> DELIVERED
       |         |           |
       +---------+-----------+--> FAILED(code) | CANCELLED
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from bot.domain.value import Value


class JobKind(StrEnum):
    """What a workflow makes; also its folder under `workflows/<character>/`."""

    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"


class JobState(StrEnum):
    """Committed before the act that depends on it."""

    QUEUED = "queued"
    RUNNING = "running"
    GENERATED = "generated"
    """Files are verified on disk and the GPU is free; delivery is outstanding."""
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """No further transition will come."""
        return self in {JobState.DELIVERED, JobState.FAILED, JobState.CANCELLED}


class Derivation(StrEnum):
    """How a job came from another one (`parent_job_id`), or from a message that is drawn."""

    AGAIN = "again"
    """The same with a new seed."""
    VARY = "vary"
    REMIX = "remix"
    UPSCALE = "upscale"
    REPEAT = "repeat"
    """Exactly the same."""
    DRAW = "draw"
    """The scene of somebody's message (`source_message_id`)."""


class Origin(Value):
    """Where a request came from, and so where its result goes. Discord snowflakes; all None in a terminal.

    `after_message_id` is the newest message known in the channel when the request was accepted: delivery reads the
    channel after it to find what a crash left unrecorded.
    """

    guild_id: int | None = None
    channel_id: int | None = None
    after_message_id: int | None = None
    interaction_id: int | None = None
    reply_to_message_id: int | None = None
    """The message the answer replies to (buttons, reactions, speech); None: none."""
    age_restricted: bool = False


class InputFile(Value):
    """A file to upload to ComfyUI before the job runs; `path` is one of our own, never from a server's reply."""

    role: Literal["reference_image", "voice_sample"]
    path: str
    sha256: str


class GenerationRequest(Value):
    """One wish. Everything chosen by the person or the character; nothing looked up later."""

    kind: JobKind
    character_id: str
    requester_id: int
    """Discord user id; 0 in a terminal."""
    requester_name: str = ""
    origin: Origin = Origin()
    positive: str = ""
    """The person's prompt for pictures and video (`text` is speech)."""
    negative: str | None = None
    """None: the character's, else the workflow's own."""
    text_parts: tuple[str, ...] = ()
    """Speakable text in chunks the workflow can take; one ComfyUI prompt ("part") each."""
    workflow_name: str | None = None
    """None: the character's default for the kind."""
    workflow_hash: str | None = None
    """Pin a stored version (`/repeat`); None: the file as it is now."""
    seed: int | None = None
    """None: a fresh one."""
    overrides: Mapping[str, int | float | str] = Field(default_factory=dict[str, int | float | str])
    """`width`, `height`, `steps`, `cfg`."""
    inputs: tuple[InputFile, ...] = ()
    voice_sample_id: int | None = None
    voice_transcript: str = ""
    parent_job_id: uuid.UUID | None = None
    follow_up: Derivation | None = None
    conversation_id: str | None = None
    thread_id: str | None = None
    message_id: str | None = None
    """The stored conversation message this belongs to (a drawn scene, a spoken turn)."""
    alternative: int | None = None
    """Which alternative of that turn is spoken."""
    source_message_id: int | None = None
    """The Discord message that is spoken, drawn or regenerated; stale speech is found by it."""
    written_prompt: str | None = None
    """The person's own words where a prompt writer made `positive` from them."""
    rewrite: bool = False
    """The language model writes the prompt from `positive` while the job waits; `parameters` hold what it wrote."""
    note: str | None = None
    """What became of the wish before it was one ("shortened"); shown beside the result."""
    live: bool = False
    """Speech of a live conversation: goes before waiting pictures, without starving them."""


class JobError(Value):
    """An ended job's error as stored and shown: a `ChorusError` code, its sentence, its advice."""

    code: str
    message: str
    advice: str = ""


class Artifact(Value):
    """One verified file of a finished job. Paths are relative to the data folder, with forward slashes."""

    kind: JobKind
    path: str
    sha256: str
    size: int
    """Bytes."""
    media_type: str
    """From the bytes, not from the name: `image/png`, `audio/ogg`, `video/mp4`, ..."""
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None
    thumbnail: str | None = None
    waveform: str | None = None
    """Base64 of up to 256 bytes (Discord's voice message form)."""
    original: str | None = None
    """What ComfyUI made, where `path` is a transcoded copy."""
    temporary: bool = False
    """It came from ComfyUI's `temp` folder (PreviewImage), not from a Save node."""


class Job(Value):
    """A row of `jobs` as a value."""

    id: uuid.UUID
    request: GenerationRequest
    state: JobState
    workflow_name: str
    workflow_hash: str
    character_version: str
    seed: int
    parameters: Mapping[str, Any] = Field(default_factory=dict[str, Any])
    """What was really written into the graph: positive, negative, seed, width, ..."""
    artifacts: tuple[Artifact, ...] = ()
    error: JobError | None = None
    note: str | None = None
    """Something the person should know beside the result ("shortened", "the model was unavailable")."""
    created_at: datetime
    started_at: datetime | None = None
    generated_at: datetime | None = None
    ended_at: datetime | None = None
    delivered_at: datetime | None = None
    """When the result, or the error, was shown to the person; a failed job stays FAILED."""
    execution_seconds: float | None = None

    @property
    def digest(self) -> str:
        """12 hex characters that name this job in file names, so that a posted file can be recognised."""
        return self.id.hex[-12:]
