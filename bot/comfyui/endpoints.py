"""The HTTP endpoints of one ComfyUI server, as methods."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote

from bot.comfyui import file_transfer
from bot.comfyui.availability import Outage, ServerAvailability
from bot.comfyui.exceptions import ComfyError, UnexpectedResponse
from bot.comfyui.file_transfer import DownloadedFile
from bot.comfyui.history import HistoryEntry, parse_history
from bot.comfyui.json_values import as_object
from bot.comfyui.options import ClientOptions
from bot.comfyui.outputs import OutputFile
from bot.comfyui.prompt_queue import QueueSnapshot, parse_queue
from bot.comfyui.prompt_state import Absent, Finished, Pending, PromptState, Running
from bot.comfyui.system_stats import SystemStats, parse_system_stats
from bot.comfyui.transport import Transport, normalize_url

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_PARALLEL_LOOKUPS = 8


class ComfyEndpoints:
    """Requests to one server. Each raises `ComfyConnectionError` or `UnexpectedResponse` where it says nothing else."""

    def __init__(self, url: str, options: ClientOptions | None = None) -> None:
        self._options = options or ClientOptions()
        self._availability = ServerAvailability()
        self._transport = Transport(normalize_url(url), self._options, self._availability)
        self.url = self._transport.url
        """Without user name and password."""
        self._object_info: tuple[int, Mapping[str, Any]] | None = None
        self._system_stats: tuple[int, SystemStats] | None = None
        self._listed_models: tuple[int, Mapping[str, Sequence[str]]] | None = None
        """The model files by folder, as they were listed before `/object_info` was fetched last."""
        self._refreshing = asyncio.Lock()
        self._lookups = asyncio.Semaphore(_PARALLEL_LOOKUPS)

    # -- the server

    async def wait_available(self) -> None:
        """Return when the server answers; asks at least every 2 s, and at once when the WebSocket is connected."""
        while True:
            try:
                await self.system_stats()
            except ComfyError as error:
                _log.debug("not available: %s", error)
            else:
                return
            await self._availability.wait_for_return(self._options.reconnect_max)

    @property
    def outage(self) -> Outage | None:
        """Why the server cannot be used; None where it answered last, and before it was asked."""
        return self._availability.outage

    @property
    def outage_count(self) -> int:
        """How many outages have ended. While it stays the same, the server was not restarted."""
        return self._availability.outages

    @property
    def known_version(self) -> str:
        """The version in the last `/system_stats`; empty where the server was not asked since its last outage."""
        stats = _if_valid(self._system_stats, self._availability)
        return stats.version_text if stats is not None else ""

    def observe_outage(self, observer: Callable[[], None]) -> None:
        """Call `observer` whenever `outage` changes from now on. It must not raise or block."""
        self._availability.observe(observer)

    async def answers_within(self, seconds: float) -> bool:
        """Whether the server answers a small request in that time; `outage` says why it does not."""
        try:
            async with asyncio.timeout(seconds):
                await self.system_stats()
        except TimeoutError:
            self._availability.mark_unusable(Outage.SILENT)
        except ComfyError as error:
            _log.debug("no usable answer: %s", error)
            if self.outage is None:  # the connection broke, or a gateway answered
                self._availability.mark_unusable(Outage.SILENT)
        return self.outage is None

    async def system_stats(self) -> SystemStats:
        """`GET /system_stats`: version, memory, command line."""
        stats = parse_system_stats(await self._transport.get_object("/system_stats"))
        self._system_stats = self._availability.outages, stats
        return stats

    async def object_info(self, *, refresh: bool = False) -> Mapping[str, Any]:
        """`GET /object_info`: the inputs of every node (1.6 MB and more), cached until the next outage."""
        cached = self.cached_object_info
        if cached is not None and not refresh:
            return cached
        info = await self._transport.get_object("/object_info")
        if cached is not None and cached == info:
            return cached  # the same object, so that what was computed from it is kept
        self._object_info = self._availability.outages, info
        return info

    async def refresh_object_info(self) -> bool:
        """Fetch `/object_info` again if model files were added or removed since; whether it has changed.

        A restart is not needed for new files: `GET /models/{folder}` lists them at once. These lists are small, so they
        may be asked for often. Servers without them (404) are taken to have changed nothing.
        """
        async with self._refreshing:
            before = self.cached_object_info
            try:
                folders = await self.model_folders()
            except UnexpectedResponse as error:
                _log.debug("model files are not listed: %s", error)
                return False
            names = await asyncio.gather(*map(self._limited_models_in, folders))
            listed = self._availability.outages, dict(zip(folders, names, strict=True))
            if before is not None and listed == self._listed_models:
                return False
            info = await self.object_info(refresh=True)
            self._listed_models = listed
            return info is not before

    async def _limited_models_in(self, folder: str) -> list[str]:
        async with self._lookups:
            try:
                return await self.models_in(folder)
            except UnexpectedResponse:
                return []

    @property
    def cached_object_info(self) -> Mapping[str, Any] | None:
        """The last `/object_info`, without I/O; None where the server may have restarted since."""
        return _if_valid(self._object_info, self._availability)

    async def model_folders(self) -> list[str]:
        """`GET /models`: the kinds of model files, such as `checkpoints` and `loras`."""
        return [str(name) for name in await self._transport.get_list("/models", optional=True)]

    async def models_in(self, folder: str) -> list[str]:
        """`GET /models/{folder}`: the names of the files, as loaders take them. New files appear without a restart.

        Raises:
            UnexpectedResponse: There is no such folder (404).

        """
        return [
            str(name) for name in await self._transport.get_list(f"/models/{quote(folder, safe='')}", optional=True)
        ]

    async def template_index(self) -> list[Any]:
        """`GET /templates/index.json`: categories with the workflows of ComfyUI's own gallery.

        Raises:
            UnexpectedResponse: The server has no gallery (it was started without the package).

        """
        return await self._transport.get_list("/templates/index.json", optional=True)

    async def template(self, name: str) -> Mapping[str, Any]:
        """`GET /templates/{name}.json`: a workflow of the gallery, in the editor's format.

        Raises:
            UnexpectedResponse: There is none of that name (404).

        """
        return await self._transport.get_object(f"/templates/{quote(name, safe='')}.json", optional=True)

    async def template_file(self, name: str, *, max_bytes: int) -> bytes | None:
        """`GET /templates/{name}`: a picture of the gallery; None where there is none, or it is larger."""
        async with self._transport.stream("GET", f"/templates/{quote(name, safe='')}") as response:
            if response.status != 200:
                return None
            body = await response.content.read(max_bytes + 1)
            while len(body) <= max_bytes and (more := await response.content.read(max_bytes + 1 - len(body))):
                body += more
        return body if len(body) <= max_bytes else None

    async def model_metadata(self, folder: str, name: str) -> Mapping[str, Any]:
        """`GET /view_metadata/{folder}`: the `__metadata__` of a safetensors file; empty where it has none."""
        response = await self._transport.call("GET", f"/view_metadata/{folder}", params={"filename": name})
        found = response.json() if response.status == 200 else None
        return as_object(found)

    async def model_sizes(self, folder: str) -> dict[str, int]:
        """`GET /experiment/models/{folder}`: file name -> bytes; empty where the server does not have the route."""
        response = await self._transport.call("GET", f"/experiment/models/{folder}")
        listed: Any = response.json() if response.status == 200 else None
        files = [as_object(each) for each in cast("list[Any]", listed)] if isinstance(listed, list) else []
        return {str(file.get("name")): file["size"] for file in files if isinstance(file.get("size"), int)}

    async def free(self, *, unload_models: bool = True, free_memory: bool = True) -> None:
        """`POST /free`: free memory after the running prompt. `free_memory` drops the cache of node results too."""
        await self._post("/free", {"unload_models": unload_models, "free_memory": free_memory})

    # -- prompts

    async def queue(self) -> QueueSnapshot:
        """`GET /queue`: the prompts of all clients, those that wait in the order in which they will run."""
        return parse_queue(await self._transport.get_object("/queue"))

    async def history(self, prompt_id: str) -> HistoryEntry | None:
        """`GET /history/{id}`; None for prompts that wait, run, were deleted or never existed."""
        return parse_history(prompt_id, await self._transport.get_object(f"/history/{prompt_id}"))

    async def prompt_state(self, prompt_id: str) -> PromptState:
        """Where a prompt is: `/queue` is asked before `/history/{id}`, so that one that ends in between is found."""
        return (await self.prompt_states([prompt_id]))[prompt_id]

    async def prompt_states(self, prompt_ids: Iterable[str]) -> dict[str, PromptState]:
        """Where several prompts are: `/queue` is asked once, then `/history/{id}` for those that are not in it.

        The whole `/history` would be one request, but it carries the graphs of up to 10,000 prompts of everybody.
        """
        queue = await self.queue()
        places = {prompt_id: _place(queue, prompt_id) for prompt_id in prompt_ids}
        limit = asyncio.Semaphore(_PARALLEL_LOOKUPS)

        async def look_up(prompt_id: str) -> PromptState:
            async with limit:
                entry = await self.history(prompt_id)
            return Finished(entry.outcome) if entry is not None else Absent()

        unplaced = [prompt_id for prompt_id, place in places.items() if place is None]
        found = dict(zip(unplaced, await asyncio.gather(*map(look_up, unplaced)), strict=True))
        return {prompt_id: place or found[prompt_id] for prompt_id, place in places.items()}

    async def delete_or_interrupt(self, prompt_id: str) -> bool:
        """Delete a prompt from the queue, or interrupt it if it runs; never another one.

        Deleting comes first: a waiting prompt may start in between, and is interrupted then. Servers before 0.3.57
        ignore the id in `POST /interrupt` and interrupt whatever runs, so they get it only while this prompt runs.

        Returns:
            Whether the server had the prompt, waiting or running.

        """
        before = await self._transport.retry(self.queue)
        await self._post("/queue", {"delete": [prompt_id]})
        stats = _if_valid(self._system_stats, self._availability) or await self._transport.retry(self.system_stats)
        interrupt = {"prompt_id": prompt_id}
        if stats.interrupts_by_id:
            await self._post("/interrupt", interrupt)
        elif (await self.queue()).find_running(prompt_id):
            # Without another attempt: a request that arrives late might interrupt the next prompt, of anybody.
            await self._post("/interrupt", interrupt, retry=False)
        return before.find_running(prompt_id) is not None or before.position(prompt_id) is not None

    # -- files

    async def upload(self, path: Path, *, name: str, subfolder: str = "chorus") -> str:
        """Send a file to ComfyUI's input folder; returns the value for LoadImage or LoadAudio.

        Raises:
            UploadRefused: The server does not take it.
            ComfyConnectionError: Every attempt failed.
            OSError: `path` cannot be read.

        """
        return await file_transfer.upload(self._transport, path, name, subfolder)

    async def download(self, file: OutputFile, target: Path, *, max_bytes: int) -> DownloadedFile:
        """Fetch an output file to `target`, where it appears whole or not at all.

        Raises:
            FileGone, FileRefused, FileTooLarge: The file cannot be had.
            ComfyConnectionError: Every attempt failed.
            OSError: Our own disk fails.

        """
        return await file_transfer.download(self._transport, file, target, max_bytes)

    async def _post(self, path: str, body: Mapping[str, Any], *, retry: bool = True) -> None:
        if retry:
            response = await self._transport.retry(lambda: self._transport.post(path, body))
        else:
            response = await self._transport.post(path, body)
        if response.status != 200:
            raise self._transport.unexpected("POST", path, response)


def _place(queue: QueueSnapshot, prompt_id: str) -> Running | Pending | None:
    running = queue.find_running(prompt_id)
    if running is not None:
        return Running(running.client_id)
    position = queue.position(prompt_id)
    return None if position is None else Pending(position, queue.pending[position - 1].client_id)


def _if_valid(cached: tuple[int, _T] | None, availability: ServerAvailability) -> _T | None:
    """A cached answer, if there was no outage since it was given."""
    return cached[1] if cached is not None and cached[0] == availability.outages else None
