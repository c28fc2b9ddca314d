"""The client of one ComfyUI server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self

from bot.comfyui.endpoints import ComfyEndpoints
from bot.comfyui.event_router import EventRouter
from bot.comfyui.events import Event
from bot.comfyui.exceptions import ComfyError, ServerTooOld, SubmissionUncertain
from bot.comfyui.options import ClientOptions
from bot.comfyui.prompt_tracker import PromptTracker
from bot.comfyui.submission import PromptSubmitter, Submission
from bot.comfyui.websocket import WebSocket
from bot.comfyui.websocket_session import WebSocketSession


class ComfyClient(ComfyEndpoints):
    """One ComfyUI server: its HTTP endpoints, and prompts submitted to it and followed to their end.

    Open it with `async with`: this starts the WebSocket. It works while the server is down as well: requests then raise
    `ComfyConnectionError`, and the WebSocket is connected as soon as the server is up.

    Args:
        url: `http://127.0.0.1:8188`; the scheme may be left out, `https` and a path (of a proxy) are fine.
        options: Timeouts, retries, intervals.

    Raises:
        ValueError: `url` is not an address.

    """

    def __init__(self, url: str, options: ClientOptions | None = None) -> None:
        super().__init__(url, options)
        self._router = EventRouter()
        self._session = WebSocketSession(self._router.needs)
        self._websocket = WebSocket(self._transport, self._options, self._session, self._router, self._availability)
        self._submitter = PromptSubmitter(self._transport, self._options, self.prompt_state, self._has_started)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._transport.open()
        self._spawn(asyncio.create_task(self._websocket.run(), name="comfyui websocket"))
        return self

    async def __aexit__(self, *_: object) -> None:
        for tracker in self._router.trackers:
            tracker.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._transport.close()

    @property
    def connected(self) -> bool:
        """The WebSocket is connected. Without it everything works except previews and the progress of nodes."""
        return self._session.connected_id is not None

    @property
    def client_id(self) -> str:
        """The client id under which the next prompt is submitted."""
        return self._session.client_id

    @property
    def seconds_since_last_frame(self) -> float | None:
        """How long the WebSocket has been silent; None while it is not connected."""
        return asyncio.get_running_loop().time() - self._session.last_frame_at if self.connected else None

    def observe_events(self, observer: Callable[[Event], None]) -> None:
        """Call `observer` with every event from now on, whichever prompt it is of. It must not raise or block."""
        self._router.observe(observer)

    def track(self, prompt_id: str) -> AbstractContextManager[PromptTracker]:
        """Follow a prompt inside a `with` block. Enter it before `submit`: events may come before the response.

        Raises:
            ValueError: The prompt is tracked already.

        """
        return self._track(prompt_id)

    @contextmanager
    def _track(self, prompt_id: str) -> Generator[PromptTracker]:
        tracker = PromptTracker(prompt_id, self._session, self.prompt_state, self._options)
        self._router.add(tracker)
        task = asyncio.create_task(tracker.run(), name=f"track {prompt_id}")
        self._spawn(task)
        try:
            yield tracker
        finally:
            self._router.remove(tracker)
            tracker.close()
            task.cancel()
            self._session.release()

    async def submit(
        self, prompt_id: str, graph: Mapping[str, Any], *, extra_data: Mapping[str, Any] | None = None
    ) -> Submission:
        """POST /prompt, so that the prompt is queued at most once.

        Args:
            prompt_id: A canonical lower-case UUID that was never used before.
            graph: API format.
            extra_data: Stored by ComfyUI, and shown to everybody in `/queue` and `/history`.

        Raises:
            PromptRejected: Or one of its subclasses: nothing was queued.
            NotSubmitted: It did not arrive. With `sent` it may be repeated with a new id only.
            SubmissionUncertain: The response was lost and the server cannot be asked: keep tracking the prompt.
            ServerTooOld: The server chose an id of its own; the prompt was cancelled.

        """
        client_id = self.client_id
        body: dict[str, Any] = {"prompt": graph, "prompt_id": prompt_id, "client_id": client_id}
        if extra_data:
            body["extra_data"] = dict(extra_data)
        tracker = self._router.find(prompt_id)
        if tracker is not None:
            tracker.submission_started(client_id)
        try:
            with self._router.submitting(client_id):
                submission = await self._submitter.submit(body)
                if submission.prompt_id != prompt_id:
                    await self._refuse_old_server(submission.prompt_id)
        except (SubmissionUncertain, asyncio.CancelledError):
            if tracker is not None:
                tracker.submission_ended(None)
            raise
        except ComfyError:
            if tracker is not None:
                tracker.submission_refused()
            raise
        if tracker is not None:
            tracker.submission_ended(submission)
        return submission

    async def _refuse_old_server(self, prompt_id: str) -> None:
        await self.cancel(prompt_id)
        msg = "this ComfyUI is older than 0.3.45 and does not take our prompt ids: update it"
        raise ServerTooOld(msg)

    async def cancel(self, prompt_id: str) -> bool:
        """Delete a prompt from the queue, or interrupt it if it runs; never a prompt of another client.

        An interrupted prompt ends some time later, at its next step or node: follow it to its end.

        Returns:
            Whether the server had the prompt, waiting or running.

        Raises:
            ComfyConnectionError: The server could not be told.

        """
        tracker = self._router.find(prompt_id)
        if tracker is not None:
            tracker.cancelled = True
        was_there = await self.delete_or_interrupt(prompt_id)
        if tracker is not None:
            tracker.cancel_sent()
        return was_there

    def _spawn(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _has_started(self, prompt_id: str) -> bool:
        tracker = self._router.find(prompt_id)
        return tracker is not None and tracker.started
