"""The local Discord in a process of its own, driven over `/control`."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp

from tests.processes import spawn

ROOT = Path(__file__).resolve().parents[3]


async def test_it_serves_a_bot_in_another_process_and_its_control_api() -> None:
    command = [sys.executable, "-m", "sandbox.discord", "--port", "0", "--token", "t0ken"]
    server = await spawn(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    bot: asyncio.subprocess.Process | None = None
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession() as session:
            greeting = "".join([(await server.stdout.readline()).decode() for _ in range(4)])
            assert "not Discord" in greeting
            found = re.search(r"(http://127\.0\.0\.1:\d+)/control.*channel (\d+), user (\d+)", greeting)
            assert found is not None
            url, channel, user = found.groups()
            arguments = ["-m", "tests.sandbox.discord.small_bot", url, "t0ken"]
            bot = await spawn(sys.executable, *arguments, cwd=ROOT)
            state: dict[str, Any] = {}
            while not state.get("bot_connected"):
                async with session.get(f"{url}/control/state") as reply:
                    state = await reply.json()
            assert state["commands"] == ["slow"]
            body = {"channel": channel, "command": "slow"}
            async with session.post(f"{url}/control/users/{user}/slash", json=body) as reply:
                assert (await reply.json())["type"] == 4
            body = {"channel": channel, "command": "nonsense"}
            async with session.post(f"{url}/control/users/{user}/slash", json=body) as reply:
                assert (reply.status, "nonsense" in await reply.text()) == (409, True)
            said = {"channel": channel, "text": "hello"}
            async with session.post(f"{url}/control/users/{user}/send", json=said) as reply:
                assert (await reply.json())["content"] == "hello"
            async with session.get(f"{url}/control/channels/{channel}/messages") as reply:
                assert [message["content"] for message in await reply.json()][-1] == "hello"
    finally:
        for process in (bot, server):
            if process is not None:
                process.send_signal(signal.SIGINT)
        codes = [await process.wait() for process in (bot, server) if process is not None]
    assert codes[-1] == 0
