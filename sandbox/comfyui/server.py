"""`StandInComfyUI`: starts, kills and restarts server instances on one port, and keeps what outlives them."""

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
from sandbox.comfyui.instance import ServerInstance
from sandbox.comfyui.node_breakpoints import NodeBreakpoint
from sandbox.comfyui.node_types import Installation, NodeType
from sandbox.comfyui.options import StandInOptions
from sandbox.comfyui.registry import all_nodes


class StandInComfyUI:
    """A ComfyUI without a GPU on 127.0.0.1.

    Args:
        root: The folder of its input, output and temp folders. None: a temporary one, which is deleted at the end.
        port: The TCP port; 0 takes a free one, which is kept over restarts.
        options: Version, speed and models.

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
        for breakpoint_ in list(self._breakpoints):
            breakpoint_.release()
        await self.kill()
        if self._temporary is not None:
            await asyncio.to_thread(self._temporary.cleanup)

    # -- state

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def folders(self) -> Folders:
        """The input, output and temp folders on disk."""
        return self._installation.folders

    @property
    def models(self) -> dict[str, list[str]]:
        """The installed model files by folder; may be changed at any time."""
        return self._installation.models

    @property
    def nodes(self) -> dict[str, NodeType]:
        """The installed nodes; remove one to have it missing."""
        return self._installation.nodes

    @property
    def instance(self) -> ServerInstance:
        """The running instance: queue, WebSockets, worker.

        Raises:
            RuntimeError: The server is stopped.

        """
        if self._instance is None:
            msg = "the stand-in ComfyUI is down"
            raise RuntimeError(msg)
        return self._instance

    @property
    def running(self) -> str | None:
        """The id of the running prompt, or None."""
        item = self._instance.queue.running if self._instance is not None else None
        return item.prompt_id if item is not None else None

    @property
    def pending(self) -> list[str]:
        """The ids of the pending prompts, in the order in which they will run."""
        if self._instance is None:
            return []
        return [item[1] for item in sorted(self._instance.queue.snapshot()[1], key=lambda item: (item[0], item[1]))]

    def history(self, prompt_id: str) -> Mapping[str, Any] | None:
        """The history entry of a prompt in the running instance, or None."""
        return self.instance.queue.history(prompt_id).get(prompt_id)

    @property
    def _installation(self) -> Installation:
        if self._installed is None:
            msg = "open the stand-in with `async with` first"
            raise RuntimeError(msg)
        return self._installed

    # -- starting and stopping

    async def start(self) -> None:
        """Start an instance on the same port, with an empty queue, an empty history and no temp files."""
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
        """Stop the instance as `kill -9` would: connections break, and no event tells of the running prompt's end."""
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
        """Kill the instance and start another."""
        await self.kill()
        await self.start()

    # -- breakpoints, and faults that take effect at once (`faults` has those to come)

    def set_breakpoint(
        self,
        class_type: str | None = None,
        *,
        prompt_id: str | None = None,
        after_step: int = 0,
        interruptible: bool = True,
        times: int = 1_000_000,
    ) -> NodeBreakpoint:
        """Pause nodes until the breakpoint is released, which the end of `async with` does too.

        Args:
            class_type: The class_type of the nodes to pause; None: any.
            prompt_id: The prompt whose nodes to pause; None: any.
            after_step: 0 pauses a node before it runs, n after it has reported its n-th step.
            interruptible: False lets paused nodes ignore interrupts, as many TTS nodes do.
            times: How many nodes are paused; later ones run on.

        """
        breakpoint_ = NodeBreakpoint(
            class_type, prompt_id, after_step, interruptible, times, self._remove_breakpoint, asyncio.get_running_loop()
        )
        self._breakpoints.append(breakpoint_)
        return breakpoint_

    def _remove_breakpoint(self, breakpoint_: NodeBreakpoint) -> None:
        if breakpoint_ in self._breakpoints:
            self._breakpoints.remove(breakpoint_)

    async def drop_sockets(self) -> None:
        """Break all WebSocket connections; HTTP and the queue are not affected."""
        await self.instance.sockets.drop()

    def mute_sockets(self) -> None:
        """Send nothing more to the WebSockets that are open now; they stay open."""
        self.instance.sockets.mute()

    def send_raw(self, payload: str | bytes) -> None:
        """Send a text or binary frame to every WebSocket, also one that ComfyUI would never send."""
        self.instance.sockets.send_raw(payload)

    def delete_output(self, filename: str) -> None:
        """Delete the files of that name in the output folder."""
        for path in self.folders.root.joinpath("output").rglob(filename):
            path.unlink()


def _abort_connections(runner: web.AppRunner) -> None:
    server = runner.server
    for handler in list(server.connections) if server is not None else []:
        if handler.transport is not None:
            handler.transport.abort()
