"""`python -m bot.comfyui URL`."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys

from tests.comfyui.peer import GRAPH, Peer


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.comfyui",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_status_queue_and_live_events(peer: Peer) -> None:
    peer.running["of-somebody"] = {"prompt": GRAPH, "client_id": "a-browser", "number": 3}
    peer.pending["next"] = {"prompt": GRAPH, "client_id": "a-browser", "number": 4}
    process = await start(peer.url)
    assert process.stdout is not None
    async with asyncio.timeout(60):
        lines = [(await process.stdout.readline()).decode().strip() for _ in range(6)]
        await peer.connections(1)
        await peer.status()
        lines += [(await process.stdout.readline()).decode().strip()]
        while not lines[-1].startswith("status: 2"):
            lines += [(await process.stdout.readline()).decode().strip()]
        process.send_signal(signal.SIGINT)
        await process.communicate()
    assert process.returncode == 0
    assert lines[0].startswith("ComfyUI 0.33.0")
    assert "queue: 1 running, 1 pending" in lines
    assert "runs  of-somebody  number 3  client a-browser" in lines
    assert "1  next  number 4  client a-browser" in lines


async def test_once(peer: Peer) -> None:
    process = await start(peer.url, "--once")
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert b"queue: 0 running, 0 pending" in out


async def test_nobody_there() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        process = await start(f"http://127.0.0.1:{reserved.getsockname()[1]}")
        async with asyncio.timeout(60):
            _, err = await process.communicate()
    assert process.returncode == 1
    assert err.count(b"\n") == 1, "a sentence, no traceback"


async def test_no_address() -> None:
    process = await start("ftp://x")
    async with asyncio.timeout(60):
        _, err = await process.communicate()
    assert process.returncode == 2
    assert b"not an address" in err
