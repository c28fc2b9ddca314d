"""The faults by name. Each is begun, lasts and is over; several may last at the same time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench._house import System
from sandbox.comfyui.faults import PostFault, ViewFault
from sandbox.discord.faults import (
    AppliedThenDropped,
    AppliedThenStatus,
    Dropped,
    ErrorStatus,
    Fault,
    LateResponse,
    RateLimited,
)
from sandbox.llm.faults import ChatFault
from soak.bot_process import BotProcess
from soak.plan import Planned

DISK_BYTES = 256 * 1024 * 1024
"""Of the data folder's own file system, where one can be had."""
_LLM_FAULTS = tuple(ChatFault)
_VIEW_FAULTS = tuple(fault for fault in ViewFault if fault is not ViewFault.ENDLESS)


@dataclass(frozen=True)
class FaultTarget:
    """What the faults disturb.

    Attributes:
        system: The stand-ins and the folder.
        bot: The bot's process.
        own_disk: Whether the data folder is a small file system of its own.

    """

    system: System
    bot: BotProcess
    own_disk: bool

    @property
    def data_dir(self) -> Path:
        """The bot's data folder."""
        return self.system.folder / "data"


Inject = Callable[[FaultTarget, Planned], Awaitable[None]]


async def _gateway_drop(target: FaultTarget, _: Planned) -> None:
    target.system.discord.gateway.drop_connections()


async def _gateway_deaf(target: FaultTarget, planned: Planned) -> None:
    """The connection stays and nothing arrives on it."""
    target.system.discord.gateway.pause_sending()
    await asyncio.sleep(planned.seconds)
    target.system.discord.gateway.continue_sending()


async def _gateway_reconnect(target: FaultTarget, _: Planned) -> None:
    target.system.discord.gateway.request_reconnect()


async def _gateway_invalid(target: FaultTarget, planned: Planned) -> None:
    target.system.discord.gateway.invalidate_sessions(resumable=planned.choice < 0.5)


async def _gateway_resume_refused(target: FaultTarget, _: Planned) -> None:
    target.system.discord.gateway.refuse_next_resume()
    target.system.discord.gateway.drop_connections()


def _rest(fault: Fault, *, times: int = 4) -> Inject:
    """The next requests that change something."""

    async def inject(target: FaultTarget, planned: Planned) -> None:
        methods = ("POST", "PATCH") if planned.choice < 0.7 else ("*",)
        for method in methods:
            target.system.discord.faults.next(method, "**", fault, times=times)

    return inject


async def _comfy_restart(target: FaultTarget, planned: Planned) -> None:
    await target.system.comfy.kill()
    await asyncio.sleep(planned.seconds / 2)
    await target.system.comfy.start()


async def _comfy_hung(target: FaultTarget, planned: Planned) -> None:
    await _comfy_latency(target, planned.seconds, 30.0)


async def _comfy_slow(target: FaultTarget, planned: Planned) -> None:
    await _comfy_latency(target, planned.seconds, 0.5)


async def _comfy_latency(target: FaultTarget, seconds: float, latency: float) -> None:
    target.system.comfy.faults.latency["*"] = latency
    await asyncio.sleep(seconds)
    target.system.comfy.faults.latency.pop("*", None)


async def _comfy_garbage(target: FaultTarget, planned: Planned) -> None:
    target.system.comfy.faults.views.append(_VIEW_FAULTS[int(planned.choice * len(_VIEW_FAULTS))])
    with contextlib.suppress(RuntimeError):  # it is down just now
        for frame in ("{", "[]", '{"type": 3}', b"\0\0\0\1", b"\xff" * 40, '{"type": "executed", "data": null}'):
            target.system.comfy.send_raw(frame)


async def _comfy_post(target: FaultTarget, planned: Planned) -> None:
    posts = tuple(PostFault)
    target.system.comfy.faults.posts.append(posts[int(planned.choice * len(posts))])


async def _comfy_errors(target: FaultTarget, planned: Planned) -> None:
    path = ("/prompt", "/queue", "/history", "/object_info", "/view", "/upload/image")[int(planned.choice * 6)]
    target.system.comfy.faults.server_errors[path] = 2


async def _comfy_memory(target: FaultTarget, _: Planned) -> None:
    target.system.comfy.faults.out_of_memory += 1


async def _comfy_deaf(target: FaultTarget, planned: Planned) -> None:
    """WebSockets stay and bring nothing."""
    target.system.comfy.faults.mute = True
    await asyncio.sleep(planned.seconds)
    target.system.comfy.faults.mute = False


async def _comfy_sockets(target: FaultTarget, _: Planned) -> None:
    with contextlib.suppress(RuntimeError):  # it is down just now
        await target.system.comfy.drop_sockets()


async def _model(target: FaultTarget, planned: Planned) -> None:
    target.system.llm.faults.chat.append(_LLM_FAULTS[int(planned.choice * len(_LLM_FAULTS))])


async def _model_restart(target: FaultTarget, planned: Planned) -> None:
    await target.system.llm.stop()
    await asyncio.sleep(planned.seconds / 2)
    await target.system.llm.start()


async def _database_locked(target: FaultTarget, planned: Planned) -> None:
    """Another program writes, as a database browser does."""

    def hold() -> sqlite3.Connection | None:
        connection = sqlite3.connect(target.data_dir / "chorus.db", isolation_level=None, check_same_thread=False)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:  # the bot writes, or its disk is full
            connection.close()
            return None
        return connection

    held = await asyncio.to_thread(hold)
    if held is not None:
        with closing(held):
            await asyncio.sleep(planned.seconds)
            held.execute("ROLLBACK")


async def _disk_full(target: FaultTarget, planned: Planned) -> None:
    ballast = target.data_dir / "ballast.lock"

    def fill() -> None:
        with ballast.open("wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 65536)
                file.flush()

    await asyncio.to_thread(fill)
    await asyncio.sleep(planned.seconds)
    ballast.unlink(missing_ok=True)


async def _clock_step(target: FaultTarget, planned: Planned) -> None:
    """Discord's clock goes ahead of the bot's by up to two minutes more."""
    target.system.discord.clock.advance(planned.choice * 120)


async def _kill(target: FaultTarget, planned: Planned) -> None:
    await target.bot.kill()
    await asyncio.sleep(planned.choice * 2)
    await target.bot.start()


_FAULTS: dict[str, Inject] = {
    "gateway drop": _gateway_drop,
    "gateway deaf": _gateway_deaf,
    "gateway reconnect": _gateway_reconnect,
    "gateway session invalid": _gateway_invalid,
    "gateway resume refused": _gateway_resume_refused,
    "rest 429": _rest(RateLimited(0.3)),
    "rest 429 global": _rest(RateLimited(0.5, is_global=True), times=2),
    "rest 500": _rest(ErrorStatus(500)),
    "rest 503": _rest(ErrorStatus(503)),
    "rest applied, 502": _rest(AppliedThenStatus(502), times=2),
    "rest applied, dropped": _rest(AppliedThenDropped(), times=2),
    "rest applied, reset": _rest(AppliedThenDropped(reset=True), times=2),
    "rest dropped": _rest(Dropped(), times=3),
    "rest late": _rest(LateResponse(2.0), times=3),
    "comfy restart": _comfy_restart,
    "comfy hung": _comfy_hung,
    "comfy slow": _comfy_slow,
    "comfy garbage": _comfy_garbage,
    "comfy post": _comfy_post,
    "comfy errors": _comfy_errors,
    "comfy out of memory": _comfy_memory,
    "comfy deaf": _comfy_deaf,
    "comfy sockets": _comfy_sockets,
    "model": _model,
    "model restart": _model_restart,
    "database locked": _database_locked,
    "disk full": _disk_full,
    "clock step": _clock_step,
    "kill -9": _kill,
}
_ALONE = frozenset({"comfy restart", "model restart", "kill -9", "disk full", "database locked", "gateway deaf"})
"""One of each at a time: the second would end the first."""


def fault_names(*, own_disk: bool) -> list[str]:
    """Every fault that can be had here."""
    return [name for name in _FAULTS if own_disk or name != "disk full"]


class FaultRunner:
    """Runs faults; `end` takes back all of them."""

    def __init__(self, target: FaultTarget) -> None:
        self._target = target
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: set[str] = set()
        self.counts: dict[str, int] = {}

    def begin(self, planned: Planned) -> None:
        """Start a fault in the background, unless it is one that would end another of its kind."""
        if planned.name in self._running:
            return
        self.counts[planned.name] = self.counts.get(planned.name, 0) + 1
        task = asyncio.create_task(self._run(planned), name=f"fault {planned.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, planned: Planned) -> None:
        if planned.name in _ALONE:
            self._running.add(planned.name)
        try:
            await _FAULTS[planned.name](self._target, planned)
        finally:
            self._running.discard(planned.name)

    async def end(self) -> None:
        """Wait for those that last, then take back what is still to come."""
        if self._tasks:
            await asyncio.gather(*self._tasks)
        system = self._target.system
        system.discord.faults.clear()
        comfy, model = system.comfy.faults, system.llm.faults
        for waiting in (comfy.posts, comfy.views, model.chat):
            waiting.clear()
        comfy.latency.clear()
        comfy.server_errors.clear()
        comfy.out_of_memory = 0


@contextlib.contextmanager
def small_disk(folder: Path) -> Generator[bool]:
    """Put a small file system of its own on an empty folder while the block runs; False: this needs root on Linux."""
    folder.mkdir(parents=True, exist_ok=True)
    options = ["-t", "tmpfs", "-o", f"size={DISK_BYTES}", "chorus-soak", str(folder)]
    mounted = False
    if os.name == "posix":
        with contextlib.suppress(OSError):
            mounted = subprocess.run(["mount", *options], check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)
