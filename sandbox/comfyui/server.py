"""`StandInComfyUI`: starts, kills and restarts lives of the server on one port, and holds what outlives them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from sandbox.comfyui.app import build_app
from sandbox.comfyui.event_log import EventLog
from sandbox.comfyui.faults import Faults
from sandbox.comfyui.folders import Folders
from sandbox.comfyui.instance import NodeBreakpoint, ServerInstance
from sandbox.comfyui.node_types import Installation, NodeType
from sandbox.comfyui.options import StandInOptions
from sandbox.comfyui.registry import all_nodes


class StandInComfyUI:
    """A ComfyUI without a GPU on 127.0.0.1, with one worker of its own.

    Args:
        root: Its folder (input, output, temp). None: a temporary one, gone in the end.
        port: 0 takes a free one, kept over restarts.
        options: Version, speed, models.

    """

    def __init__(self, root: Path | None = None, *, port: int = 0, options: StandInOptions | None = None) -> None:
        self.options = options or StandInOptions()
        self.faults = Faults()
        self.log = EventLog()
        self.port = port
        self._root = root
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._installed: Installation | None = None
        self._breakpoints: list[NodeBreakpoint] = []
        self._instance: ServerInstance | None = None
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        if self._root is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="stand-in-comfyui-", ignore_cleanup_errors=True)
        root = self._root or Path(self._temporary.name if self._temporary else ".")
        models = {folder: list(names) for folder, names in self.options.models.items()}
        folders = await asyncio.to_thread(Folders, root)
        self._installed = Installation(await asyncio.to_thread(all_nodes), models, folders)
        self.log.attach(asyncio.get_running_loop())
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        for hold in list(self._breakpoints):
            hold.release()
        await self.kill()
        if self._temporary is not None:
            await asyncio.to_thread(self._temporary.cleanup)

    # -- what a client or a test wants to know

    @property
    def url(self) -> str:
        """`http://127.0.0.1:<port>`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def folders(self) -> Folders:
        """Its input, output and temp folders on disk."""
        return self._installation.folders

    @property
    def models(self) -> dict[str, list[str]]:
        """Installed model files by folder; may be changed at any time."""
        return self._installation.models

    @property
    def nodes(self) -> dict[str, NodeType]:
        """Installed nodes; take one out to have it missing."""
        return self._installation.nodes

    @property
    def instance(self) -> ServerInstance:
        """The present life: queue, sockets, worker.

        Raises:
            RuntimeError: It is down.

        """
        if self._instance is None:
            msg = "the stand-in ComfyUI is down"
            raise RuntimeError(msg)
        return self._instance

    @property
    def running(self) -> str | None:
        """The id of the prompt that runs."""
        item = self._instance.queue.running if self._instance is not None else None
        return item.prompt_id if item is not None else None

    @property
    def pending(self) -> list[str]:
        """The ids of the prompts that wait, in the order in which they will run."""
        if self._instance is None:
            return []
        return [item[1] for item in sorted(self._instance.queue.snapshot()[1], key=lambda item: (item[0], item[1]))]

    def history(self, prompt_id: str) -> Mapping[str, Any] | None:
        """A history entry of the present instance."""
        return self.instance.queue.history(prompt_id).get(prompt_id)

    @property
    def _installation(self) -> Installation:
        if self._installed is None:
            msg = "open the stand-in with `async with` first"
            raise RuntimeError(msg)
        return self._installed

    # -- lives

    async def start(self) -> None:
        """Begin a life on the same port: empty queue, empty history, no temp files."""
        self.folders.clear_temp()
        instance = ServerInstance(self._installation, self.options, self.faults, self.log, self._breakpoints)
        runner = web.AppRunner(build_app(instance), access_log=None, shutdown_timeout=0.05, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = runner.addresses[0][1]
        instance.start()
        self._instance, self._runner = instance, runner
        self.log.add("started", None, port=self.port)

    async def kill(self) -> None:
        """End the life as `kill -9` would: connections break, the running prompt is gone, nobody is told."""
        if self._instance is None or self._runner is None:
            return
        instance, runner = self._instance, self._runner
        self._instance = self._runner = None
        self.log.add("killed", None)
        for site in list(runner.sites):
            await site.stop()
        _abort_connections(runner)
        await instance.stop()
        await runner.cleanup()

    async def restart(self) -> None:
        """Kill and start."""
        await self.kill()
        await self.start()

    # -- misbehaviour that is an act, not a state (states: `weather`)

    def set_breakpoint(
        self,
        class_type: str | None = None,
        *,
        prompt_id: str | None = None,
        after_step: int = 0,
        interruptible: bool = True,
        times: int = 1_000_000,
    ) -> NodeBreakpoint:
        """Let nodes hang until released; see `Hold`."""
        hold = NodeBreakpoint(
            class_type, prompt_id, after_step, interruptible, times, self._remove_breakpoint, asyncio.get_running_loop()
        )
        self._breakpoints.append(hold)
        return hold

    def _remove_breakpoint(self, hold: NodeBreakpoint) -> None:
        if hold in self._breakpoints:
            self._breakpoints.remove(hold)

    async def drop_sockets(self) -> None:
        """Break all WebSockets; HTTP and the queue go on."""
        await self.instance.sockets.drop()

    def mute_sockets(self) -> None:
        """All present WebSockets stay open and hear nothing more."""
        self.instance.sockets.mute()

    def send_raw(self, payload: str | bytes) -> None:
        """Send any frame to every socket: unknown types, no JSON, short binaries."""
        self.instance.sockets.send_raw(payload)

    def delete_output(self, filename: str) -> None:
        """Delete a file of the output folder, as its owner might."""
        for path in self.folders.root.joinpath("output").rglob(filename):
            path.unlink()


def _abort_connections(runner: web.AppRunner) -> None:
    server = runner.server
    for handler in list(server.connections) if server is not None else []:
        if handler.transport is not None:
            handler.transport.abort()
