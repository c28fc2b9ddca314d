"""Values of the ComfyUI client: what is asked for, what comes back, what a prompt tells. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

from bot.comfyui.exceptions import ExecutionFailed

FileType: TypeAlias = Literal["output", "temp", "input"]


class Media(StrEnum):
    """What a file is, judged by its extension: ComfyUI reports video under `images`, so the key says nothing."""

    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    OTHER = "other"


@dataclass(frozen=True)
class OutputFile:
    """One file a run reported. `filename` and `subfolder` are the server's words: for `/view`, never a local path."""

    filename: str
    subfolder: str
    type: FileType
    node_id: str
    media: Media
    animated: bool = False
    """ComfyUI marked it `animated` (webp, png, mp4 of the Save nodes)."""

    @property
    def suffix(self) -> str:
        """The extension with its dot, lower case, safe in a local name (`.png`); `.bin` where there is no sane one."""
        suffix = PurePosixPath(self.filename.lower()).suffix
        return suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) else ".bin"


@dataclass(frozen=True)
class DownloadedFile:
    """A file on our disk, complete and synced. `size` in bytes, `sha256` in hex."""

    path: Path
    size: int
    sha256: str


# -- the server


@dataclass(frozen=True)
class Device:
    """One entry of `/system_stats` `devices`; memory in bytes."""

    name: str
    type: str
    vram_total: int
    vram_free: int
    torch_vram_free: int = 0
    """Held by torch but unused: `vram_free` may be small while this is large."""


@dataclass(frozen=True)
class SystemStats:
    """`/system_stats`. `version` is `()` where the server does not tell one; memory in bytes."""

    version: tuple[int, ...]
    version_text: str
    devices: tuple[Device, ...]
    ram_total: int
    ram_free: int
    argv: tuple[str, ...]
    os: str = ""
    python_version: str = ""
    pytorch_version: str = ""

    @property
    def takes_prompt_id(self) -> bool:
        """A client-chosen `prompt_id` works (0.3.45); where the version is unknown the reply tells."""
        return not self.version or self.version >= (0, 3, 45)

    @property
    def interrupts_by_id(self) -> bool:
        """`/interrupt` honours `prompt_id` (0.3.57); before, it stops whatever runs, whoever's it is."""
        return self.version >= (0, 3, 57)


@dataclass(frozen=True)
class QueuedPrompt:
    """An entry of `/queue`; of anybody."""

    prompt_id: str
    number: float
    client_id: str | None


@dataclass(frozen=True)
class QueueSnapshot:
    """`/queue`: `pending` is in the order of execution (the server sends raw heap order)."""

    running: tuple[QueuedPrompt, ...]
    pending: tuple[QueuedPrompt, ...]

    def position(self, prompt_id: str) -> int | None:
        """1 is next; None: not pending."""
        return next((n for n, entry in enumerate(self.pending, 1) if entry.prompt_id == prompt_id), None)

    def runs(self, prompt_id: str) -> QueuedPrompt | None:
        """The entry, if it runs now."""
        return next((entry for entry in self.running if entry.prompt_id == prompt_id), None)


# -- submitting


@dataclass(frozen=True)
class NodeProblem:
    """One error of one node from `node_errors`. `details` may hold paths of the server."""

    node_id: str
    class_type: str
    type: str
    """`value_not_in_list`, `required_input_missing`, `value_bigger_than_max`, ..."""
    message: str
    details: str
    input_name: str | None = None
    received: object = None
    options: tuple[str, ...] = ()
    """The allowed values, where ComfyUI sent them (lists up to 20 entries)."""


@dataclass(frozen=True)
class Submission:
    """The server has the prompt. `node_errors` not empty: accepted in part, it runs without those branches."""

    prompt_id: str
    client_id: str
    """Store it with the attempt: the events go to the socket registered under it."""
    number: float | None
    node_errors: tuple[NodeProblem, ...] = ()
    recovered: bool = False
    """The reply was lost and the prompt was found by asking, so that `number` and `node_errors` are not known."""


# -- how a prompt ended


@dataclass(frozen=True)
class Succeeded:
    """The run ended well. It may still have reported no file.

    Attributes:
        files: Every file of every node: type `output` first, then `temp`, then `input`; else in the server's order.
        texts: Strings from `text` outputs (PreviewAny, SaveText).
        node_errors: From the submission: branches that did not run.
        cached: Nothing was computed; the files are those of an earlier run, and may be gone.
        seconds: Execution time by the server's clock, None where it does not tell.
        blocked: Messages of nodes that blocked their branch (`ExecutionBlocked`), heard on the socket only.

    """

    files: tuple[OutputFile, ...]
    texts: tuple[str, ...] = ()
    node_errors: tuple[NodeProblem, ...] = ()
    cached: bool = False
    seconds: float | None = None
    blocked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed:
    """A node raised. `files` of branches that were done before."""

    error: ExecutionFailed
    files: tuple[OutputFile, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True)
class Interrupted:
    """Stopped while running (by whomever), or taken from the queue by our own `cancel`."""


@dataclass(frozen=True)
class Lost:
    """Absent from `/queue`, then from `/history`: the server restarted, or somebody cleared its queue."""


Outcome: TypeAlias = Succeeded | Failed | Interrupted | Lost


@dataclass(frozen=True)
class HistoryEntry:
    """`/history/{id}`, judged: `outcome` already tells interrupted from failed and a false success from a true one."""

    prompt_id: str
    outcome: Outcome
    client_id: str | None = None
    number: float = 0


@dataclass(frozen=True)
class Pending:
    """In `/queue`, waiting; `position` 1 is next."""

    position: int
    client_id: str | None = None


@dataclass(frozen=True)
class Running:
    """In `/queue`, running."""

    client_id: str | None = None


@dataclass(frozen=True)
class Finished:
    """In `/history`."""

    outcome: Outcome


@dataclass(frozen=True)
class Absent:
    """In neither: never arrived, deleted from the queue, or lost in a restart."""


Whereabouts: TypeAlias = Pending | Running | Finished | Absent


# -- what a tracked prompt tells while it runs


@dataclass(frozen=True)
class Queued:
    """Waits in the server's queue; `position` 1 is next."""

    position: int


@dataclass(frozen=True)
class Started:
    """Execution began."""


@dataclass(frozen=True)
class CachedNodes:
    """These nodes need not run."""

    node_ids: frozenset[str]


@dataclass(frozen=True)
class NodeStarted:
    """A node of the graph runs now (of a node that expands, the one the person drew)."""

    node_id: str


@dataclass(frozen=True)
class Stepped:
    """A node's own progress. Floats as well as ints; `max` may be below 1 (custom nodes)."""

    node_id: str
    value: float
    max: float


@dataclass(frozen=True)
class PreviewFrame:
    """A picture of the work so far, as the server encoded it."""

    data: bytes = field(repr=False)
    media_type: str
    """`image/jpeg` or `image/png`."""
    node_id: str | None = None


ExecutionUpdate: TypeAlias = Queued | Started | CachedNodes | NodeStarted | Stepped | PreviewFrame


def preferred(files: Sequence[OutputFile], *media: Media) -> tuple[OutputFile, ...]:
    """Of these kinds the saved ones; temp files (PreviewImage, PreviewAudio) only where nothing was saved."""
    wanted = [file for file in files if file.media in media]
    saved = tuple(file for file in wanted if file.type == "output")
    return saved or tuple(file for file in wanted if file.type == "temp")
