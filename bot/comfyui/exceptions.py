"""What can go wrong between the client and one ComfyUI server.

::

    ComfyError
    |-- ComfyConnectionError            no answer: refused, reset, timed out, or a proxy's 502, 503 or 504
    |   |-- NotSubmitted                POST /prompt certainly did not arrive; another attempt is safe
    |   |-- SubmissionUncertain         POST /prompt may have arrived, and the server cannot be asked now
    |   `-- CertificateInvalid          the certificate of an https address is not trusted; nothing was sent
    |-- UnexpectedResponse              an answer that ComfyUI does not give (a login page, another program)
    |   `-- AccessDenied                401 or 403: the address wants a login
    |-- ServerTooOld                    before 0.3.45: it does not accept a `prompt_id` of the client
    |-- PromptRejected                  POST /prompt answered 400: nothing was queued
    |   |-- MissingNodeType             a class_type is not installed
    |   |-- MissingModelFile            a model file is not in the list of its loader node
    |   |-- NodeErrors                  any other fault of a node's inputs
    |   `-- NotApiFormat                500 text/plain: not an API-format graph (a UI-format file, from "Save")
    |-- ExecutionFailed                 a node raised an error while it ran
    |   `-- ExecutionOutOfMemory        ... because there was not enough memory
    |-- FileGone                        GET /view 404: listed in the history, no longer on the server's disk
    |-- FileRefused                     GET /view 400 or 403: the server does not give out that name
    |-- FileTooLarge                    larger than the caller allows
    `-- UploadRefused                   POST /upload/image did not take the file

Messages may repeat what the server said: its local paths, and texts of other people's prompts. They are for the log;
the callers write the sentences that people read.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.comfyui.node_problems import NodeProblem
from bot.comfyui.outputs import OutputFile


class ComfyError(Exception):
    """The root of everything that this package raises on purpose, apart from `OSError` for the client's own disk."""


class ComfyConnectionError(ComfyError):
    """The server did not answer: refused, reset, timed out, truncated, or a proxy answered 502, 503 or 504.

    Attributes:
        sent: False: no connection was made, so the server cannot have seen the request.

    """

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class CertificateInvalid(ComfyConnectionError):
    """The certificate of an https address is self-signed, expired, or of another name; nothing was sent."""


class NotSubmitted(ComfyConnectionError):
    """POST /prompt did not arrive: no connection was made, or the response was lost and the server lacks the prompt.

    With `sent`, the id must not be used again, because the request may still be on its way and ComfyUI does not check
    ids for uniqueness: repeat with a new id. Without `sent`, even the same id may be used again.
    """


class SubmissionUncertain(ComfyConnectionError):
    """POST /prompt broke after it was sent, and the server could not be asked. Ask `prompt_state` before repeating."""


class UnexpectedResponse(ComfyError):
    """The answer is not one of ComfyUI's: another program on that port, a login page, an unhandled error (500)."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class AccessDenied(UnexpectedResponse):
    """401 or 403: a proxy in front of ComfyUI, which itself has no logins, wants another login or any at all."""


class ServerTooOld(ComfyError):
    """The server is older than 0.3.45 and chooses `prompt_id` itself, so prompts could not be found again."""


class PromptRejected(ComfyError):
    """POST /prompt answered 400; nothing was queued.

    Raised itself for `prompt_no_outputs`, `no_prompt`, `invalid_prompt_id`, 413, and error types of later versions.

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
    """`value_not_in_list` where the value is the name of a model file.

    Attributes:
        options: The names that are installed; empty where ComfyUI leaves them out (lists above 20 entries).

    """

    def __init__(self, message: str, *, problem: NodeProblem, node_errors: Sequence[NodeProblem]) -> None:
        super().__init__(message, error_type="prompt_outputs_failed_validation", node_errors=node_errors)
        self.node_id = problem.node_id
        self.class_type = problem.class_type
        self.input_name = problem.input_name
        self.received = problem.received
        self.options = problem.options


class NodeErrors(PromptRejected):
    """`prompt_outputs_failed_validation`: inputs that are missing, out of range, of a wrong type or wrongly linked."""


class NotApiFormat(PromptRejected):
    """HTTP 500 `text/plain` on POST /prompt: ComfyUI raises on graphs in another format, such as UI-format files."""


class ExecutionFailed(ComfyError):
    """`execution_error`: a node raised an error while it ran.

    Attributes:
        exception_type: The class of the error as ComfyUI prints it: `RuntimeError`, `torch.OutOfMemoryError`.
        message: The text of the error, stripped. May hold paths of the server.

    """

    def __init__(self, message: str, *, node_id: str = "", node_type: str = "", exception_type: str = "") -> None:
        super().__init__(message or exception_type or "the run ended with an error")
        self.node_id = node_id
        self.node_type = node_type
        self.exception_type = exception_type
        self.message = message


class ExecutionOutOfMemory(ExecutionFailed):
    """`execution_error` because there was not enough memory; ComfyUI has unloaded all models by then."""


class FileGone(ComfyError):
    """GET /view answered 404 for a file that a prompt reported.

    Either it was deleted since (a prompt answered from the cache reports the file of an earlier one), or it was
    temporary and the server restarted. `break_cache(graph, nonce, [file.node_id])` makes a graph that writes it again.
    """

    def __init__(self, file: OutputFile) -> None:
        super().__init__(f"{file.type} file {file.filename!r} is no longer on the server")
        self.file = file


class FileRefused(ComfyError):
    """GET /view answered 400 or 403: a name with `..`, or a folder outside. Running the prompt again would not help."""

    def __init__(self, file: OutputFile, status: int) -> None:
        super().__init__(f"the server does not give {file.filename!r} (HTTP {status})")
        self.file = file
        self.status = status


class FileTooLarge(ComfyError):
    """More bytes than `max_bytes`, either announced by Content-Length or received; nothing is kept."""

    def __init__(self, file: OutputFile, *, max_bytes: int) -> None:
        super().__init__(f"{file.filename!r} is larger than {max_bytes} bytes")
        self.file = file
        self.max_bytes = max_bytes


class UploadRefused(ComfyError):
    """POST /upload/image answered 4xx or 5xx: too large (413), or a name or folder that the server does not accept."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status
