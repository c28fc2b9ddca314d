"""One ComfyUI server, for one process. See the package docstring for the whole picture."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Self

from bot.comfyui import transfer
from bot.comfyui.events import Event, ExecutingEvent, PreviewEvent, StatusEvent
from bot.comfyui.exceptions import (
    ComfyError,
    ServerTooOld,
    SubmissionUncertain,
    UnexpectedReply,
)
from bot.comfyui.listener import CLIENT_PREFIX, Listener
from bot.comfyui.models import (
    Absent,
    DownloadedFile,
    Finished,
    HistoryEntry,
    OutputFile,
    Pending,
    QueueSnapshot,
    Running,
    Submission,
    SystemStats,
    Whereabouts,
)
from bot.comfyui.options import ClientOptions
from bot.comfyui.replies import parse_history, parse_queue, parse_system_stats
from bot.comfyui.submission import Submitter
from bot.comfyui.tracking import Tracking
from bot.comfyui.transport import Reply, Transport, normal_url

_log = logging.getLogger(__name__)


class ComfyClient:
    """One ComfyUI server.

    Open it with `async with`: that starts the listener, and works while the server is down (requests then raise
    `ComfyConnectionError`; the listener tries on).

    Args:
        url: `http://127.0.0.1:8188`, with or without scheme; `https` and a path in front are fine.
        options: Timeouts, retries, intervals.

    Raises:
        ValueError: `url` is no address.

    """

    def __init__(self, url: str, options: ClientOptions | None = None) -> None:
        self.url = normal_url(url)
        self._options = options or ClientOptions()
        self._transport = Transport(self.url, self._options, self._noticed)
        self._listener = Listener(self._transport, self._options, self)
        self._submitter = Submitter(self._transport, self._options, self.whereabouts, self._has_heard)
        self._trackings: dict[str, Tracking] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending: list[str] = []
        self._watchers: list[Callable[[Event], None]] = []
        self._returned = asyncio.Event()
        self._away = False
        self._object_info: Mapping[str, Any] | None = None
        self._version: SystemStats | None = None

    async def __aenter__(self) -> Self:
        self._transport.open()
        self._spawn(asyncio.create_task(self._listener.run(), name="comfyui listener"))
        return self

    async def __aexit__(self, *exc: object) -> None:
        for tracking in list(self._trackings.values()):
            tracking.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._transport.close()

    @property
    def connected(self) -> bool:
        """The WebSocket is up. All works without; previews and steps do not come."""
        return self._listener.hears is not None

    @property
    def client_id(self) -> str:
        """The id prompts are submitted under now."""
        return self._listener.client_id

    @property
    def cached_object_info(self) -> Mapping[str, Any] | None:
        """The last `/object_info`, without I/O; None where there is none of this life of the server."""
        return self._object_info

    # -- the server

    async def wait_available(self) -> None:
        """Return when the server answers; asks at least every 2 s, and at once when the WebSocket is back."""
        while True:
            try:
                await self.system_stats()
            except ComfyError as error:
                _log.debug("not available: %s", error)
            else:
                return
            self._returned.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._options.reconnect_max):
                    await self._returned.wait()

    async def system_stats(self) -> SystemStats:
        """`/system_stats`: version, memory, command line.

        Raises:
            ComfyConnectionError, UnexpectedReply: As every request.

        """
        self._version = parse_system_stats(await self._transport.get_object("/system_stats"))
        return self._version

    async def object_info(self, *, refresh: bool = False) -> Mapping[str, Any]:
        """Every node's inputs (1.6 MB and more), cached until the server restarts."""
        if self._object_info is None or refresh:
            self._object_info = await self._transport.get_object("/object_info")
        return self._object_info

    async def free(self, *, unload_models: bool = True, free_memory: bool = True) -> None:
        """Ask for memory back; happens after the running prompt. `free_memory` drops the node cache, too."""
        body = {"unload_models": unload_models, "free_memory": free_memory}
        _expect_ok("POST /free", await self._transport.retrying(lambda: self._transport.post("/free", body)))

    # -- prompts

    async def queue(self) -> QueueSnapshot:
        """`/queue`, of everybody, pending in order."""
        return parse_queue(await self._transport.get_object("/queue"))

    async def history(self, prompt_id: str) -> HistoryEntry | None:
        """`/history/{id}`; None for pending, running, deleted and unknown."""
        return parse_history(prompt_id, await self._transport.get_object(f"/history/{prompt_id}"))

    async def whereabouts(self, prompt_id: str) -> Whereabouts:
        """Where a prompt is: `/queue` first, then `/history/{id}`, so that one that ends in between is not missed."""
        queue = await self.queue()
        running = queue.runs(prompt_id)
        if running is not None:
            return Running(running.client_id)
        position = queue.position(prompt_id)
        if position is not None:
            return Pending(position, queue.pending[position - 1].client_id)
        entry = await self.history(prompt_id)
        return Finished(entry.outcome) if entry is not None else Absent()

    def track(self, prompt_id: str) -> AbstractContextManager[Tracking]:
        """Follow a prompt while the `with` lasts. Enter it before `submit`: events may come before the POST's reply.

        Raises:
            ValueError: It is tracked already.

        """
        return self._track(prompt_id)

    @contextmanager
    def _track(self, prompt_id: str) -> Generator[Tracking]:
        if prompt_id in self._trackings:
            msg = f"{prompt_id} is tracked already"
            raise ValueError(msg)
        tracking = self._trackings[prompt_id] = Tracking(prompt_id, self, self._options)
        task = asyncio.create_task(tracking.follow(), name=f"follow {prompt_id}")
        self._spawn(task)
        try:
            yield tracking
        finally:
            del self._trackings[prompt_id]
            tracking.close()
            task.cancel()
            if self._listener.suspicious and not self.needs(self.client_id):
                self._listener.renew()

    async def submit(
        self, prompt_id: str, graph: Mapping[str, Any], *, extra_data: Mapping[str, Any] | None = None
    ) -> Submission:
        """POST /prompt, once.

        Args:
            prompt_id: A canonical lower-case UUID never used before.
            graph: API format.
            extra_data: Stored by ComfyUI and shown to everybody in `/queue` and `/history`.

        Raises:
            PromptRejected: And its subclasses: nothing was queued.
            NotSubmitted: It did not arrive (`sent` False: not one byte left; True: repeat with a new id only).
            SubmissionUncertain: The reply was lost and nobody can be asked: ask `whereabouts` later, keep tracking.
            ServerTooOld: The server chose an id of its own; what it queued was taken back.

        """
        client_id = self.client_id
        body: dict[str, Any] = {"prompt": graph, "prompt_id": prompt_id, "client_id": client_id}
        if extra_data:
            body["extra_data"] = dict(extra_data)
        tracking = self._trackings.get(prompt_id)
        if tracking is not None:
            tracking.submitting(client_id)
        self._sending.append(client_id)
        try:
            submission = await self._submitter.submit(body)
            if submission.prompt_id != prompt_id:
                await self._take_back(submission.prompt_id)
        except (SubmissionUncertain, asyncio.CancelledError):
            if tracking is not None:
                tracking.submitted(None)
            raise
        except ComfyError:
            if tracking is not None:
                tracking.refused()
            raise
        finally:
            self._sending.remove(client_id)
        if tracking is not None:
            tracking.submitted(submission)
        return submission

    async def _take_back(self, foreign_id: str) -> None:
        await self.cancel(foreign_id)
        msg = "this ComfyUI is older than 0.3.45 and does not take our prompt ids: update it"
        raise ServerTooOld(msg)

    async def cancel(self, prompt_id: str) -> bool:
        """Take a prompt from the queue, or interrupt it; never anybody else's.

        Deleting comes first: what is pending may start in between, and the interrupt then finds it. Servers before
        0.3.57 ignore the id and interrupt whatever runs, so they are told only while ours is what runs.
        The prompt ends some time later (at the next step or node): follow it to its end.

        Returns:
            Whether the server had it, pending or running.

        Raises:
            ComfyConnectionError: It could not be told.

        """
        tracking = self._trackings.get(prompt_id)
        if tracking is not None:
            tracking.cancelled = True
        before = await self._transport.retrying(self.queue)
        delete = {"delete": [prompt_id]}
        _expect_ok("POST /queue", await self._transport.retrying(lambda: self._transport.post("/queue", delete)))
        stats = self._version or await self._transport.retrying(self.system_stats)
        interrupt = {"prompt_id": prompt_id}
        if stats.interrupts_by_id:
            reply = await self._transport.retrying(lambda: self._transport.post("/interrupt", interrupt))
            _expect_ok("POST /interrupt", reply)
        elif (await self.queue()).runs(prompt_id):
            # Once, and at once: sent again it might stop the next prompt, of anybody.
            _expect_ok("POST /interrupt", await self._transport.post("/interrupt", interrupt))
        if tracking is not None:
            tracking.cancelling()
        return before.runs(prompt_id) is not None or before.position(prompt_id) is not None

    # -- files

    async def upload(self, path: Path, *, name: str, subfolder: str = "chorus") -> str:
        """Put a file into ComfyUI's input folder; the value to write into LoadImage or LoadAudio. See `transfer`."""
        return await transfer.upload(self._transport, path, name, subfolder)

    async def download(self, file: OutputFile, target: Path, *, max_bytes: int) -> DownloadedFile:
        """Fetch one output to `target`, whole or not at all. See `transfer`."""
        return await transfer.download(self._transport, file, target, max_bytes)

    # -- what trackings need (`tracking.Link`)

    @property
    def last_frame_at(self) -> float:
        """Loop time of the socket's last frame."""
        return self._listener.last_frame_at

    def hears(self, client_id: str | None) -> bool:
        """The socket is up under that id."""
        return client_id is not None and client_id == self._listener.hears

    def suspect_deaf(self) -> None:
        """Connect anew."""
        self._listener.suspect()

    def adopt(self, client_id: str) -> None:
        """Listen under an id of an earlier process of ours, unless the present one is needed."""
        if client_id.startswith(CLIENT_PREFIX) and not self.needs(self.client_id):
            self._listener.adopt(client_id)

    # -- what the listener tells (`listener.Audience`)

    def watch(self, watcher: Callable[[Event], None]) -> None:
        """Call `watcher` with every event from now on, whosever it is; it must not raise or wait."""
        self._watchers.append(watcher)

    def heard(self, event: Event) -> None:
        """Hand an event to the prompt it is of."""
        for watcher in self._watchers:
            watcher(event)
        match event:
            case StatusEvent():
                for tracking in self._trackings.values():
                    tracking.feed(event)
            case ExecutingEvent(prompt_id=None) | PreviewEvent(prompt_id=None):
                # Sent to our socket alone, for the one prompt of ours that runs.
                mine = [one for one in self._trackings.values() if self.hears(one.client_id) and not one.ended]
                if len(mine) == 1 and (mine[0].heard or isinstance(event, ExecutingEvent)):
                    mine[0].feed(event)
            case _:
                tracking = self._trackings.get(getattr(event, "prompt_id", ""))
                if tracking is not None:
                    tracking.feed(event)

    def socket_up(self) -> None:
        """The server greeted us."""
        self._noticed(answered=True)
        for tracking in list(self._trackings.values()):
            tracking.connection_changed(up=True)

    def unreachable(self) -> None:
        """A connection could not be made."""
        self._away = True

    def socket_down(self, *, by_us: bool) -> None:
        """The connection ended."""
        self._away = self._away or not by_us
        for tracking in list(self._trackings.values()):
            tracking.connection_changed(up=False)

    def needs(self, client_id: str) -> bool:
        """Prompts of that id are under way."""
        return client_id in self._sending or any(
            tracking.client_id == client_id and not tracking.ended for tracking in self._trackings.values()
        )

    def _spawn(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _has_heard(self, prompt_id: str) -> bool:
        tracking = self._trackings.get(prompt_id)
        return tracking is not None and tracking.heard

    def _noticed(self, *, answered: bool) -> None:
        """Between an outage and the next answer the server may have restarted: what we know of it is void."""
        if not answered:
            self._away = True
        elif self._away:
            self._away, self._object_info, self._version = False, None, None
            self._returned.set()


def _expect_ok(what: str, reply: Reply) -> None:
    if reply.status != 200:
        msg = f"{what}: HTTP {reply.status}"
        raise UnexpectedReply(msg, status=reply.status)
