"""`POST /prompt`: sent so that no prompt is queued twice, and believed only when the server confirms it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.comfyui.exceptions import ComfyConnectionError, NotSubmitted, SubmissionUncertain
from bot.comfyui.node_problems import NodeProblem
from bot.comfyui.options import ClientOptions
from bot.comfyui.prompt_state import Absent, PromptState
from bot.comfyui.submission_response import parse_submission_response
from bot.comfyui.transport import Transport

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Submission:
    """The server has the prompt.

    Attributes:
        prompt_id: As the server confirmed it.
        client_id: Events go to the WebSocket that is connected under it. To be stored, so that a later process can
            connect under it.
        number: The prompt's number in the queue.
        node_errors: Not empty: the prompt was accepted in part and runs without the branches of these nodes.
        recovered: The response was lost and the prompt was found by asking the server, so that `number` and
            `node_errors` are not known.

    """

    prompt_id: str
    client_id: str
    number: float | None
    node_errors: tuple[NodeProblem, ...] = ()
    recovered: bool = False


class PromptSubmitter:
    """Submits prompts.

    Args:
        transport: To the server.
        options: Number of attempts and the wait between them.
        prompt_state: Asks the server where a prompt is.
        started: Whether events already told that a prompt started, which proves that it arrived.

    """

    def __init__(
        self,
        transport: Transport,
        options: ClientOptions,
        prompt_state: Callable[[str], Awaitable[PromptState]],
        started: Callable[[str], bool],
    ) -> None:
        self._transport = transport
        self._options = options
        self._prompt_state = prompt_state
        self._started = started

    async def submit(self, body: Mapping[str, Any]) -> Submission:
        """POST the body; repeat it only where no connection was made, and after asking whether it has arrived.

        Raises:
            PromptRejected: And its subclasses: the server refused it.
            NotSubmitted: The server does not have it.
            SubmissionUncertain: Whether the server has it cannot be found out now.
            UnexpectedResponse: The answer is not one of ComfyUI's.

        """
        prompt_id, client_id = str(body["prompt_id"]), str(body["client_id"])
        failure: ComfyConnectionError | None = None
        for attempt in range(self._options.retry_attempts):
            if attempt:
                await self._wait(attempt)
                try:
                    if await self._has_arrived(prompt_id):
                        return Submission(prompt_id, client_id, None, recovered=True)
                except ComfyConnectionError as error:
                    failure = error
                    continue
            try:
                response = await self._transport.post("/prompt", body)
            except ComfyConnectionError as error:
                failure = error
                if error.sent:
                    return await self._find_after_lost_response(prompt_id, client_id, error)
            else:
                confirmed_id, number, node_errors = parse_submission_response(response)
                return Submission(confirmed_id, client_id, number, node_errors)
        msg = "no connection for POST /prompt"
        raise NotSubmitted(msg, sent=False) from failure

    async def _find_after_lost_response(
        self, prompt_id: str, client_id: str, failure: ComfyConnectionError
    ) -> Submission:
        """Ask twice whether the prompt is there, because the server may still be about to queue it."""
        absences = 0
        for attempt in range(self._options.retry_attempts):
            if attempt:
                await self._wait(attempt)
            try:
                if await self._has_arrived(prompt_id):
                    return Submission(prompt_id, client_id, None, recovered=True)
                absences += 1
            except ComfyConnectionError as error:
                _log.info("cannot ask for %s: %s", prompt_id, error)
            if absences == 2:
                msg = "the reply to POST /prompt was lost, and the server does not have it"
                raise NotSubmitted(msg) from failure
        msg = "the reply to POST /prompt was lost, and the server cannot be asked"
        raise SubmissionUncertain(msg) from failure

    async def _has_arrived(self, prompt_id: str) -> bool:
        return self._started(prompt_id) or not isinstance(await self._prompt_state(prompt_id), Absent)

    async def _wait(self, attempt: int) -> None:
        await asyncio.sleep(self._options.retry_backoff * 2 ** (attempt - 1))
