"""Jobs as values: what was asked for, how far it is, what was made.

A request holds everything that is needed to do it again; a job is a request with a state. The database owns the state:
views and tasks hold ids only. States::

    QUEUED -> RUNNING -> GENERATED -> DELIVERED
       |         |           |
       +---------+-----------+--> FAILED | CANCELLED
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import AliasChoices, Field

from bot.domain.value import Value


class JobKind(StrEnum):
    """What a workflow makes; also its folder under `workflows/<character>/`."""

    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"


class JobState(StrEnum):
    """How far a job is. Each state is stored before anything is done that depends on it."""

    QUEUED = "queued"
    """Accepted; no part was prepared yet."""
    RUNNING = "running"
    """An attempt was stored; parts wait, run, or are fetched."""
    GENERATED = "generated"
    """All files are verified on our disk; they are not posted yet."""
    DELIVERED = "delivered"
    """The result was posted."""
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """No further change of state will come."""
        return self in {JobState.DELIVERED, JobState.FAILED, JobState.CANCELLED}


UNFINISHED = frozenset({JobState.QUEUED, JobState.RUNNING})
"""States without a result or an error."""


class Derivation(StrEnum):
    """How a job was made from an earlier job (`parent_job_id`) or from a message (`source_message_id`)."""

    AGAIN = "again"
    """The same request with a new seed."""
    VARY = "vary"
    """From the picture by the `vary` workflow, or the prompt in other words."""
    REMIX = "remix"
    """With a prompt and settings that the person changed."""
    UPSCALE = "upscale"
    """The picture, enlarged by the `upscale` workflow."""
    REPEAT = "repeat"
    """Exactly the same: parameters, seed and workflow."""
    ANIMATE = "animate"
    """A film that begins with the picture."""
    INPAINT = "inpaint"
    """A part of the picture, drawn anew by the `inpaint` workflow."""
    OUTPAINT = "outpaint"
    """The picture on a larger canvas, which the `outpaint` workflow fills."""
    DRAW = "draw"
    """A picture of what a message says."""


class Origin(Value):
    """Where a request came from and its result goes, as Discord ids; all None for a terminal command.

    `after_message_id` is the newest message known in the channel when the request was made: after a crash, delivery
    looks for its own messages after that one.
    """

    guild_id: int | None = None
    channel_id: int | None = None
    after_message_id: int | None = None
    interaction_id: int | None = None
    reply_to_message_id: int | None = None
    """The message that the answer replies to (buttons, reactions, speech)."""
    age_restricted: bool = False
    """Discord shows the channel to adults only."""
    parent_channel_id: int | None = None
    """Of a Discord thread, the channel that it belongs to."""


FileRole = Literal[
    "reference_image",
    "image2",
    "image3",
    "image4",
    "last_image",
    "mask",
    "film",
    "sound",
    "voice_sample",
    "character_reference",
    "character_reference2",
    "character_reference3",
    "character_reference4",
]
CHARACTER_REFERENCES: tuple[FileRole, ...] = (
    "character_reference",
    "character_reference2",
    "character_reference3",
    "character_reference4",
)
"""The roles of the character's own reference pictures, which nobody has attached."""


class InputFile(Value):
    """A file on our disk that is uploaded to ComfyUI before the job runs."""

    role: FileRole
    """What it was given as; `assign_files` finds its place in a workflow. `reference_image` is the first picture."""
    path: str
    sha256: str


class RegionStart(Value):
    """The choice of a region from which a job is started, once."""

    selection_id: uuid.UUID
    number: int
    """How many jobs were started from it before."""


class GenerationRequest(Value):
    """Everything that was asked for and chosen; nothing is looked up later."""

    kind: JobKind
    character_id: str
    requester_id: int
    """Discord user id; 0 for a terminal command."""
    requester_name: str = ""
    origin: Origin = Origin()
    positive: str = ""
    """The prompt of a picture or video."""
    negative: str | None = None
    """The negative prompt; None: the character's, else the workflow's own."""
    text_parts: tuple[str, ...] = ()
    """Text to speak, in chunks that the workflow can take; each is a part of the job."""
    workflow_name: str | None = None
    """None: the character's default for the kind."""
    workflow_hash: str | None = None
    """A stored version of the workflow (`/repeat`); None: the file as it is now."""
    seed: int | None = None
    """None: a random one."""
    overrides: Mapping[str, int | float | str | bool] = Field(default_factory=dict[str, int | float | str | bool])
    """Values for parameters of the workflow, by name (`steps`, `sampler`) or by node and input (`12.shift`)."""
    inputs: tuple[InputFile, ...] = ()
    voice_sample_id: int | None = None
    voice_transcript: str = ""
    parent_job_id: uuid.UUID | None = None
    derivation: Derivation | None = Field(
        default=None, validation_alias=AliasChoices("derivation", "follow_up"), serialization_alias="follow_up"
    )
    """None: a request of its own. Stored as `follow_up`, its name in databases and sidecars of version 0.1."""
    conversation_id: str | None = None
    thread_id: str | None = None
    message_id: str | None = None
    """The stored turn of a conversation that this picture or speech belongs to."""
    alternative: int | None = None
    """Which alternative of that turn is spoken."""
    source_message_id: int | None = None
    """The Discord message that is spoken, drawn or regenerated; outdated speech is found by it."""
    written_prompt: str | None = None
    """The person's own words, where `positive` is or will be written by the language model; of speech, its text."""
    rewrite: bool = False
    """The language model writes the prompt from `positive` while the job waits; `Job.parameters` hold what it wrote."""
    note: str | None = None
    """A sentence about what was changed before the job was accepted ("shortened"); shown beside the result."""
    live: bool = False
    """Speech of a live conversation: it goes before waiting pictures."""
    batch_id: uuid.UUID | None = None
    """The batch that the job belongs to."""
    batch_index: int | None = None
    """Its place in that batch, from 0, in reading order of the contact sheet."""
    fresh: bool = False
    """It is drawn anew, although the same picture may have been made before."""
    region_start: RegionStart | None = None
    """The choice of a region that this starts; stored with the job at once, so that a second press finds it."""
    trial: bool = False
    """A trial of a workflow before it is saved: its result is shown to the requester alone and is in no gallery."""

    @property
    def given_inputs(self) -> tuple[InputFile, ...]:
        """`inputs` without the character's own reference pictures."""
        return tuple(file for file in self.inputs if file.role not in CHARACTER_REFERENCES)


class JobError(Value):
    """The error of an ended job as it is stored: code, sentence and advice of a `ChorusError`."""

    code: str
    message: str
    advice: str = ""


class Artifact(Value):
    """A verified file of a finished job. Paths are relative to the data folder, with forward slashes."""

    kind: JobKind
    path: str
    sha256: str
    size: int
    """Bytes."""
    media_type: str
    """By the file's bytes: `image/png`, `audio/ogg`, `video/mp4`, ..."""
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None
    thumbnail: str | None = None
    waveform: str | None = None
    """Base64 of up to 256 bytes, as Discord takes it for voice messages."""
    original: str | None = None
    """The file that ComfyUI made, where `path` is a transcoded copy."""
    temporary: bool = False
    """It came from ComfyUI's `temp` folder (PreviewImage), not from a Save node."""


class NodeTime(Value):
    """How long a node ran."""

    node: str
    """Its id in the graph."""
    title: str
    seconds: float


_CHOSEN = ("negative", "width", "height", "steps", "cfg")


class Job(Value):
    """A row of the table `jobs`."""

    id: uuid.UUID
    request: GenerationRequest
    state: JobState
    workflow_name: str
    workflow_hash: str
    character_version: str
    seed: int
    parameters: Mapping[str, Any] = Field(default_factory=dict[str, Any])
    """What was written into the graph: positive, negative, seed, width, height, steps, cfg, ..."""
    artifacts: tuple[Artifact, ...] = ()
    error: JobError | None = None
    note: str | None = None
    """Sentences for the person beside the result ("The language model was unavailable: ...")."""
    created_at: datetime
    started_at: datetime | None = None
    generated_at: datetime | None = None
    ended_at: datetime | None = None
    delivered_at: datetime | None = None
    """When the result or the error was shown to the person; a failed job stays FAILED."""
    execution_seconds: float | None = None
    quota_pieces: int = 1
    """How many pictures, films or speeches it counts for; 0: it was answered with what was made before."""
    quota_seconds: float | None = None
    """Of a GPU, as expected when it was accepted; counts until the execution is over."""

    @property
    def effective_settings(self) -> dict[str, Any]:
        """What ComfyUI got, whether somebody changed it or not: `prompt`, `negative`, `steps`, `loras`, ...

        Before the job was prepared, and of jobs of version 0.1, only what the person chose is known.
        """
        chosen = {name: self.parameters[name] for name in _CHOSEN if name in self.parameters}
        return {**chosen, **self.parameters.get("effective", {})}

    @property
    def node_times(self) -> tuple[NodeTime, ...]:
        """The slowest nodes of the execution, slowest first; empty if ComfyUI's events were not all received."""
        return tuple(NodeTime.model_validate(entry) for entry in self.parameters.get("node_times", ()))

    @property
    def digest(self) -> str:
        """12 hex characters that name the job in files and messages, by which they are recognised after a crash."""
        return job_digest(self.id)


def job_digest(job_id: uuid.UUID) -> str:
    """The last 12 hexadecimal digits."""
    return job_id.hex[-12:]


class JobQuery(Value):
    """Which jobs to list, newest first. All given conditions must hold; `before` is the last job of the page before."""

    requester_id: int | None = None
    guild_id: int | None = None
    channel_id: int | None = None
    states: tuple[JobState, ...] = ()
    before: uuid.UUID | None = None
    limit: int = 10
