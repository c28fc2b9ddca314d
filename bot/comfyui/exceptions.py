"""What can go wrong between us and one ComfyUI server.

::

    ComfyError
    |-- ComfyConnectionError            no answer: refused, reset, timed out, or a proxy's 502/503/504
    |   |-- NotSubmitted                POST /prompt certainly did not arrive; a new attempt is safe
    |   `-- SubmissionUncertain         POST /prompt may have arrived and nobody can be asked now
    |-- UnexpectedReply                 an answer that is not ComfyUI's (login page, other program, 401)
    |-- ServerTooOld                    before 0.3.45: it would not take our `prompt_id`
    |-- PromptRejected                  POST /prompt answered 400: nothing was queued
    |   |-- MissingNodeType             a class_type is not installed
    |   |-- MissingModelFile            a loader's file is not in its list
    |   |-- NodeErrors                  any other fault of a node's inputs
    |   `-- NotApiFormat                500 text/plain: no API-format graph (a UI-format "Save" file)
    |-- ExecutionFailed                 a node raised while running
    |   `-- ExecutionOutOfMemory        ... for want of memory
    |-- FileGone                        /view 404: listed in the history, no longer on the server's disk
    |-- FileRefused                     /view 400/403: the server does not give that name
    |-- FileTooLarge                    beyond the cap we were given
    `-- UploadRefused                   /upload/image did not take the file

Messages may hold what the server said: its local paths, other texts of the prompt. They are for the log; what people
read is written by whoever catches these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.comfyui.models import NodeProblem, OutputFile


class ComfyError(Exception):
    """The root of everything this package raises on purpose (besides `OSError` for our own disk)."""


class ComfyConnectionError(ComfyError):
    """The server did not answer: refused, reset, timed out, truncated, or a proxy said 502, 503 or 504.

    Attributes:
        sent: False: no connection was made, so the server cannot have seen the request.

    """

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class NotSubmitted(ComfyConnectionError):
    """POST /prompt did not arrive: every connection was refused, or the reply was lost and the server has no such id.

    Where `sent`, the id is burnt (ComfyUI does not check ids for uniqueness): repeat as a new attempt with a new id.
    Where not, not one byte left, and even the same id may be used again.
    """


class SubmissionUncertain(ComfyConnectionError):
    """POST /prompt broke after it was sent, and the server could not be asked. Ask `whereabouts` before any repeat."""


class UnexpectedReply(ComfyError):
    """The answer is not one ComfyUI gives: another program on that port, a login page, an unhandled 500."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class ServerTooOld(ComfyError):
    """The server is older than 0.3.45 and chooses `prompt_id` itself, so that work could not be found again."""


class PromptRejected(ComfyError):
    """POST /prompt answered 400; nothing was queued.

    Raised itself for `prompt_no_outputs`, `no_prompt`, `invalid_prompt_id` and types of later versions.

    Attributes:
        error_type: ComfyUI's `error.type`.
        message: ComfyUI's `error.message`.
        node_errors: Every problem of every node; empty for faults of the whole graph.

    """

    def __init__(self, message: str, *, error_type: str = "", node_errors: Sequence[NodeProblem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.error_type = error_type
        self.node_errors = tuple(node_errors)


class MissingNodeType(PromptRejected):
    """`missing_node_type`: not installed, failed to import, or a node without class_type (`class_type` None)."""

    def __init__(self, message: str, *, class_type: str | None, node_id: str | None, node_title: str | None) -> None:
        super().__init__(message, error_type="missing_node_type")
        self.class_type = class_type
        self.node_id = node_id
        self.node_title = node_title


class MissingModelFile(PromptRejected):
    """`value_not_in_list` where the value is a model's file name.

    Attributes:
        options: The names that are there; empty where ComfyUI left them out (lists above 20 entries).

    """

    def __init__(self, message: str, *, problem: NodeProblem, node_errors: Sequence[NodeProblem]) -> None:
        super().__init__(message, error_type="prompt_outputs_failed_validation", node_errors=node_errors)
        self.node_id = problem.node_id
        self.class_type = problem.class_type
        self.input_name = problem.input_name
        self.received = problem.received
        self.options = problem.options


class NodeErrors(PromptRejected):
    """`prompt_outputs_failed_validation`: inputs missing, out of range, of the wrong type, badly linked."""


class NotApiFormat(PromptRejected):
    """HTTP 500 `text/plain` on POST /prompt: the server fell over the graph, as it does over UI-format files."""


class ExecutionFailed(ComfyError):
    """`execution_error`: a node raised while running.

    Attributes:
        exception_type: Its class as ComfyUI prints it, `RuntimeError` or `torch.OutOfMemoryError`.
        message: Its text, stripped. May hold paths of the server.

    """

    def __init__(self, message: str, *, node_id: str = "", node_type: str = "", exception_type: str = "") -> None:
        super().__init__(message or exception_type or "the run ended with an error")
        self.node_id = node_id
        self.node_type = node_type
        self.exception_type = exception_type
        self.message = message


class ExecutionOutOfMemory(ExecutionFailed):
    """`execution_error` of an out-of-memory kind; ComfyUI has unloaded all models by then."""


class FileGone(ComfyError):
    """/view 404 for a file that a run reported: deleted since (a cached run names the old file), or temp and restarted.

    Run again with `break_cache(graph, nonce, [file.node_id])`.
    """

    def __init__(self, file: OutputFile) -> None:
        super().__init__(f"{file.type} file {file.filename!r} is no longer on the server")
        self.file = file


class FileRefused(ComfyError):
    """/view 400 or 403: a name with `..`, or a folder outside; a run again would not help."""

    def __init__(self, file: OutputFile, status: int) -> None:
        super().__init__(f"the server does not give {file.filename!r} (HTTP {status})")
        self.file = file
        self.status = status


class FileTooLarge(ComfyError):
    """More bytes than `max_bytes`, announced (Content-Length) or sent; nothing is kept."""

    def __init__(self, file: OutputFile, *, max_bytes: int) -> None:
        super().__init__(f"{file.filename!r} is larger than {max_bytes} bytes")
        self.file = file
        self.max_bytes = max_bytes


class UploadRefused(ComfyError):
    """/upload/image answered 4xx or 5xx: too large (413), or a name or folder it does not like."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status
