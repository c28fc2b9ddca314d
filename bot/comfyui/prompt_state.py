"""Where a prompt is on a server, and how it ended. Values without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from bot.comfyui.exceptions import ExecutionFailed
from bot.comfyui.node_problems import NodeProblem
from bot.comfyui.outputs import OutputFile


@dataclass(frozen=True)
class Succeeded:
    """The prompt ran to its end. It may still have reported no file.

    Attributes:
        files: Every file of every node, in the order of `parse_output_files`.
        texts: Strings of `text` outputs (nodes PreviewAny and SaveText).
        node_errors: From the submission: branches that did not run because their inputs were invalid.
        cached: ComfyUI computed nothing; the files are those of an earlier prompt, and may have been deleted since.
        seconds: Execution time by the server's clock; None where the server did not tell it.
        blocked: Messages of nodes that blocked their branch (`ExecutionBlocked`); ComfyUI tells them by WebSocket only.

    """

    files: tuple[OutputFile, ...]
    texts: tuple[str, ...] = ()
    node_errors: tuple[NodeProblem, ...] = ()
    cached: bool = False
    seconds: float | None = None
    blocked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed:
    """A node raised an error. `files` are those of branches that were done before it."""

    error: ExecutionFailed
    files: tuple[OutputFile, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True)
class Interrupted:
    """Interrupted while it ran, by anybody, or deleted from the queue by our own `cancel`."""


@dataclass(frozen=True)
class Lost:
    """Neither in `/queue` nor in `/history`: the server was restarted, or somebody cleared its queue."""


Outcome: TypeAlias = Succeeded | Failed | Interrupted | Lost


@dataclass(frozen=True)
class Pending:
    """Waits in `/queue`; `position` 1 is the next to run. `client_id` is that of whoever submitted it."""

    position: int
    client_id: str | None = None


@dataclass(frozen=True)
class Running:
    """Runs now, according to `/queue`. `client_id` is that of whoever submitted it."""

    client_id: str | None = None


@dataclass(frozen=True)
class Finished:
    """In `/history`."""

    outcome: Outcome


@dataclass(frozen=True)
class Absent:
    """Neither in `/queue` nor in `/history`: it never arrived, was deleted from the queue, or the server restarted."""


PromptState: TypeAlias = Pending | Running | Finished | Absent
