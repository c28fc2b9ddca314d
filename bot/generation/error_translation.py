"""From errors of the ComfyUI client to `ChorusError`s. Server paths and people's texts stay in the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.comfyui.exceptions import (
    AccessDenied,
    CertificateInvalid,
    ComfyConnectionError,
    ComfyError,
    ExecutionFailed,
    ExecutionOutOfMemory,
    FileGone,
    MissingModelFile,
    MissingNodeType,
    NotApiFormat,
    PromptRejected,
    ServerTooOld,
    UploadRefused,
)
from bot.comfyui.node_problems import NodeProblem
from bot.domain.jobs import JobError
from bot.errors import (
    ChorusError,
    ComfyUnavailable,
    ErrorCategory,
    GenerationFailed,
    InputInvalid,
    MissingModel,
    MissingNode,
    OutOfMemory,
    OutputFileNotFound,
    WorkflowInvalid,
    WorkflowNodeError,
)
from bot.workflows.graph import node_title

_LONGEST = 80

_PROBLEMS = {
    "required_input_missing": 'the input "{input}" is missing',
    "value_smaller_than_min": 'the value of "{input}" is too small',
    "value_bigger_than_max": 'the value of "{input}" is too large',
    "value_not_in_list": '"{input}" has a value that is not in its list',
    "invalid_input_type": 'the value of "{input}" has the wrong type',
    "return_type_mismatch": '"{input}" is connected to the wrong kind of output',
    "custom_validation_failed": "it does not accept one of its inputs",
}


def chorus_error(error: ComfyError, graph: Mapping[str, Any]) -> ChorusError:
    """The error to show; raise it `from` the client's error. `graph`: where the titles of nodes are taken from."""
    match error:
        case PromptRejected():
            return _rejected(error, graph)
        case ExecutionOutOfMemory():
            return OutOfMemory()
        case ExecutionFailed(node_id=node_id, exception_type=kind):
            what = f" ({_short(kind)})" if kind else ""
            message = f"ComfyUI failed in the node {_title(graph, node_id)}{what}."
            return GenerationFailed(message, category=ErrorCategory.WORKFLOW)
        case FileGone():
            return OutputFileNotFound()
        case UploadRefused():
            return InputInvalid("ComfyUI did not take the input file.")
        case _:
            return _unavailable(error)


def _rejected(error: PromptRejected, graph: Mapping[str, Any]) -> ChorusError:
    match error:
        case MissingNodeType(class_type=name):
            return MissingNode(f'ComfyUI does not have the node "{_short(name or "without a type")}".')
        case MissingModelFile(received=name):
            return MissingModel(f'ComfyUI does not have the model "{_short(str(name))}".')
        case NotApiFormat():
            return WorkflowInvalid("ComfyUI cannot read that workflow as a graph in API format.")
        case PromptRejected(node_errors=(first, *_)):
            return WorkflowNodeError(f"ComfyUI refused the node {_title(graph, first.node_id)}: {_problem(first)}.")
        case PromptRejected(error_type="prompt_no_outputs"):
            return WorkflowInvalid("ComfyUI sees no node in that workflow that saves anything.")
        case _:
            return WorkflowNodeError("ComfyUI refused that workflow.")


def _unavailable(error: ComfyError) -> ChorusError:
    if isinstance(error, ServerTooOld):
        advice = "The owner should update it to 0.3.45 or later."
        return ComfyUnavailable("ComfyUI is too old.", advice=advice, category=ErrorCategory.CONFIGURATION)
    if isinstance(error, AccessDenied):
        return ComfyUnavailable(
            f"ComfyUI's address wants a login (HTTP {error.status}).",
            advice="The owner should write it as http://name:password@host:port, or let the bot pass without one.",
            category=ErrorCategory.CONFIGURATION,
        )
    if isinstance(error, CertificateInvalid):
        return ComfyUnavailable(
            "ComfyUI's certificate is not trusted.",
            advice="The owner should make the bot's machine trust it (SSL_CERT_FILE names a file of certificates).",
            category=ErrorCategory.CONFIGURATION,
        )
    if isinstance(error, ComfyConnectionError):
        return ComfyUnavailable()
    message = "What answers at ComfyUI's address is not ComfyUI, or it failed."
    return ComfyUnavailable(message, category=ErrorCategory.SERVICE)


def left_out_note(problems: Sequence[NodeProblem], graph: Mapping[str, Any]) -> str:
    """The note for an accepted prompt with `node_errors` (HTTP 200): ComfyUI leaves out those branches."""
    titles = ", ".join(dict.fromkeys(_title(graph, problem.node_id) for problem in problems))
    return f"ComfyUI left out a branch of the workflow: {_short(titles)}."


def job_error(error: ChorusError) -> JobError:
    """The error as it is stored with a job."""
    return JobError(code=error.code, message=error.message, advice=error.advice)


def _problem(problem: NodeProblem) -> str:
    text = _PROBLEMS.get(problem.type)
    return text.format(input=_short(problem.input_name or "?")) if text else "it is not set up correctly"


def _title(graph: Mapping[str, Any], node_id: str) -> str:
    return f'"{_short(node_title(graph, node_id))}"' if node_id else "it ran last"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
