"""POST /prompt: sent once, believed only when the server says so, refused in types."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from bot.comfyui.events import as_int, as_list, as_object
from bot.comfyui.exceptions import (
    ComfyConnectionError,
    MissingModelFile,
    MissingNodeType,
    NodeErrors,
    NotApiFormat,
    NotSubmitted,
    PromptRejected,
    SubmissionUncertain,
    UnexpectedReply,
)
from bot.comfyui.models import Absent, NodeProblem, Submission, Whereabouts
from bot.comfyui.options import ClientOptions
from bot.comfyui.transport import Reply, Transport

_log = logging.getLogger(__name__)

_MODEL_SUFFIXES: Final = (".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".onnx", ".pkl")


class Submitter:
    """Sends one prompt.

    Args:
        transport: To the server.
        options: Attempts and backoff.
        whereabouts: Asks `/queue`, then `/history`.
        heard: Whether the socket already told something of that prompt, which proves that it arrived.

    """

    def __init__(
        self,
        transport: Transport,
        options: ClientOptions,
        whereabouts: Callable[[str], Awaitable[Whereabouts]],
        heard: Callable[[str], bool],
    ) -> None:
        self._transport = transport
        self._options = options
        self._whereabouts = whereabouts
        self._heard = heard

    async def submit(self, body: Mapping[str, Any]) -> Submission:
        """POST it, again only where no connection was made, and never without asking for it first.

        Raises:
            PromptRejected: And subclasses.
            NotSubmitted: It is not there.
            SubmissionUncertain: Nobody knows.
            UnexpectedReply: Not a ComfyUI.

        """
        prompt_id, client_id = str(body["prompt_id"]), str(body["client_id"])
        failure: ComfyConnectionError | None = None
        for attempt in range(self._options.retry_attempts):
            if attempt:
                await self._pause(attempt)
                try:
                    if await self._arrived(prompt_id):
                        return Submission(prompt_id, client_id, None, recovered=True)
                except ComfyConnectionError as error:
                    failure = error
                    continue
            try:
                reply = await self._transport.post("/prompt", body)
            except ComfyConnectionError as error:
                failure = error
                if error.sent:
                    return await self._find(prompt_id, client_id, error)
            else:
                return parse_reply(reply, client_id)
        msg = "no connection for POST /prompt"
        raise NotSubmitted(msg, sent=False) from failure

    async def _find(self, prompt_id: str, client_id: str, failure: ComfyConnectionError) -> Submission:
        """Find out whether a request whose reply was lost arrived; the server may still be about to take it."""
        denials = 0
        for attempt in range(self._options.retry_attempts):
            if attempt:
                await self._pause(attempt)
            try:
                if await self._arrived(prompt_id):
                    return Submission(prompt_id, client_id, None, recovered=True)
                denials += 1
            except ComfyConnectionError as error:
                _log.info("cannot ask for %s: %s", prompt_id, error)
            if denials == 2:
                msg = "the reply to POST /prompt was lost, and the server does not have it"
                raise NotSubmitted(msg) from failure
        msg = "the reply to POST /prompt was lost, and the server cannot be asked"
        raise SubmissionUncertain(msg) from failure

    async def _arrived(self, prompt_id: str) -> bool:
        return self._heard(prompt_id) or not isinstance(await self._whereabouts(prompt_id), Absent)

    async def _pause(self, attempt: int) -> None:
        await asyncio.sleep(self._options.retry_backoff * 2 ** (attempt - 1))


def parse_reply(reply: Reply, client_id: str) -> Submission:
    """The answer to POST /prompt.

    Raises:
        PromptRejected: 400, 413 and 500, by kind.
        UnexpectedReply: Anything else.

    """
    body = as_object(reply.json())
    if reply.status == 200 and isinstance(body.get("prompt_id"), str):
        number = body.get("number")
        return Submission(
            prompt_id=body["prompt_id"],
            client_id=client_id,
            number=number if isinstance(number, int | float) else None,
            node_errors=node_problems(body.get("node_errors")),
        )
    if reply.status == 400 and "error" in body:
        raise _rejection(body)
    if reply.status == 413:
        msg = "the graph is larger than the server takes"
        raise PromptRejected(msg, error_type="too_large")
    if reply.status == 500:
        # The server's own code fell over the graph: a UI-format file, a list, null where an object belongs.
        raise NotApiFormat(reply.text() or "HTTP 500", error_type="not_api_format")
    msg = f"POST /prompt: HTTP {reply.status}, not what ComfyUI answers"
    raise UnexpectedReply(msg, status=reply.status)


def node_problems(node_errors: object) -> tuple[NodeProblem, ...]:
    """`node_errors`, flat: one entry per error per node."""
    found: list[NodeProblem] = []
    for node_id, value in as_object(node_errors).items():
        node = as_object(value)
        class_type = str(node.get("class_type") or "")
        found += [_problem(node_id, class_type, as_object(error)) for error in as_list(node.get("errors"))]
    return tuple(found)


def _problem(node_id: str, class_type: str, error: Mapping[str, Any]) -> NodeProblem:
    extra = as_object(error.get("extra_info"))
    name = extra.get("input_name")
    return NodeProblem(
        node_id=node_id,
        class_type=class_type,
        type=str(error.get("type") or ""),
        message=str(error.get("message") or ""),
        details=str(error.get("details") or ""),
        input_name=name if isinstance(name, str) else None,
        received=extra.get("received_value"),
        options=_options(extra.get("input_config")),
    )


def _options(config: object) -> tuple[str, ...]:
    """Both dialects: `[["a", ...], {...}]` and `["COMBO", {"options": ["a", ...]}]`."""
    kind, details = [*as_list(config), None, None][:2]
    choices = as_list(kind) or as_list(as_object(details).get("options"))
    return tuple(choice for choice in choices if isinstance(choice, str))


def _rejection(body: Mapping[str, Any]) -> PromptRejected:
    error = as_object(body["error"])
    kind, message = str(error.get("type") or ""), str(error.get("message") or body["error"])
    extra = as_object(error.get("extra_info"))
    if kind == "missing_node_type":
        return MissingNodeType(
            message,
            class_type=_text(extra.get("class_type")),
            node_id=_text(extra.get("node_id")),
            node_title=_text(extra.get("node_title")),
        )
    problems = node_problems(body.get("node_errors"))
    if not problems:
        return PromptRejected(message, error_type=kind)
    model = next((problem for problem in problems if _names_model(problem)), None)
    if model is not None:
        return MissingModelFile(model.details or message, problem=model, node_errors=problems)
    first = problems[0]
    return NodeErrors(f"{first.message}: {first.details}", error_type=kind, node_errors=problems)


def _names_model(problem: NodeProblem) -> bool:
    """A value outside its list that is a file of a model, not a sampler's name or the like."""
    if problem.type != "value_not_in_list" or not isinstance(problem.received, str):
        return False
    name = problem.input_name or ""
    return problem.received.lower().endswith(_MODEL_SUFFIXES) or (
        "Loader" in problem.class_type and name.endswith(("_name", "model", "lora", "ckpt"))
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None if as_int(value) is None else str(value)
