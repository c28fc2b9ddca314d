"""`python -m bot.comfyui URL`."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tests.comfyui.scripted_server import GRAPH, ScriptedComfyUI
from tests.processes import spawn


@asynccontextmanager
async def command(*arguments: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """The command as a process, which is killed at the end where it still runs."""
    process = await spawn(
        sys.executable,
        "-m",
        "bot.comfyui",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_status_queue_and_live_events(server: ScriptedComfyUI) -> None:
    server.running["of-somebody"] = {"prompt": GRAPH, "client_id": "a-browser", "number": 3}
    server.pending["next"] = {"prompt": GRAPH, "client_id": "a-browser", "number": 4}
    async with command(server.url) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or not lines[-1].startswith("events"):
            lines.append((await process.stdout.readline()).decode().strip())
        await server.wait_for_connections(1)
        await server.send_status()
        while not lines[-1].startswith("status: 2"):
            lines.append((await process.stdout.readline()).decode().strip())
        process.send_signal(signal.SIGINT)
        await process.communicate()
    assert process.returncode == 0
    assert lines[0].startswith("ComfyUI 0.33.0")
    assert "queue: 1 running, 1 pending" in lines
    assert "runs  of-somebody  number 3  client a-browser" in lines
    assert "1  next  number 4  client a-browser" in lines


async def test_once(server: ScriptedComfyUI) -> None:
    async with command(server.url, "--once") as process:
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert b"queue: 0 running, 0 pending" in out


async def test_a_server_that_does_not_answer() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        async with command(f"http://127.0.0.1:{reserved.getsockname()[1]}") as process:
            _, err = await process.communicate()
    assert process.returncode == 1
    assert err.count(b"\n") == 1, "a sentence, no traceback"


async def test_a_bad_url() -> None:
    async with command("ftp://x") as process:
        _, err = await process.communicate()
    assert process.returncode == 2
    assert b"not an address" in err
