"""The answer to `POST /prompt`: the queued prompt, or the exception that tells why nothing was queued."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bot.comfyui.exceptions import (
    MissingModelFile,
    MissingNodeType,
    NodeErrors,
    NotApiFormat,
    PromptRejected,
    UnexpectedResponse,
)
from bot.comfyui.json_values import as_int, as_object
from bot.comfyui.node_problems import NodeProblem, parse_node_errors
from bot.comfyui.transport import Response

_MODEL_SUFFIXES: Final = (".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".onnx", ".pkl")


def parse_submission_response(response: Response) -> tuple[str, float | None, tuple[NodeProblem, ...]]:
    """The prompt's id, its number in the queue, and the errors of nodes whose branches will not run.

    Raises:
        PromptRejected: Or one of its subclasses: status 400, 413 or 500.
        UnexpectedResponse: Anything else that is not ComfyUI's answer.

    """
    body = as_object(response.json())
    if response.status == 200 and isinstance(body.get("prompt_id"), str):
        number = body.get("number")
        return (
            body["prompt_id"],
            number if isinstance(number, int | float) else None,
            parse_node_errors(body.get("node_errors")),
        )
    if response.status == 400 and "error" in body:
        raise _rejection(body)
    if response.status == 413:
        msg = "the graph is larger than the server takes"
        raise PromptRejected(msg, error_type="too_large")
    if response.status == 500:
        # ComfyUI's own code raised on the graph: a UI-format file, a list, null in place of an object.
        raise NotApiFormat(response.text() or "HTTP 500", error_type="not_api_format")
    msg = f"POST /prompt: HTTP {response.status}, not what ComfyUI answers"
    raise UnexpectedResponse(msg, status=response.status)


def _rejection(body: Mapping[str, Any]) -> PromptRejected:
    error = as_object(body["error"])
    error_type, message = str(error.get("type") or ""), str(error.get("message") or body["error"])
    extra = as_object(error.get("extra_info"))
    if error_type == "missing_node_type":
        return MissingNodeType(
            message,
            class_type=_text(extra.get("class_type")),
            node_id=_text(extra.get("node_id")),
            node_title=_text(extra.get("node_title")),
        )
    problems = parse_node_errors(body.get("node_errors"))
    if not problems:
        return PromptRejected(message, error_type=error_type)
    missing_model = next((problem for problem in problems if _names_model_file(problem)), None)
    if missing_model is not None:
        return MissingModelFile(missing_model.details or message, problem=missing_model, node_errors=problems)
    first = problems[0]
    return NodeErrors(f"{first.message}: {first.details}", error_type=error_type, node_errors=problems)


def _names_model_file(problem: NodeProblem) -> bool:
    """The received value is the name of a model file, not of a sampler or of another choice."""
    if problem.type != "value_not_in_list" or not isinstance(problem.received, str):
        return False
    name = problem.input_name or ""
    return problem.received.lower().endswith(_MODEL_SUFFIXES) or (
        "Loader" in problem.class_type and name.endswith(("_name", "model", "lora", "ckpt"))
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None if as_int(value) is None else str(value)
