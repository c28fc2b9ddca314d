"""`python -m bench._bot CONFIG RESULT`: the bot under a watch on its event loop; RESULT gets the lateness as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

from bench.stalls import watched
from bot.discord_client.connection import run_bot
from bot.log import open_log
from bot.settings import Settings, load_settings
from sandbox.discord import SANDBOX_TOKEN


async def _run(settings: Settings, into: Path) -> None:
    kept: list[float] = []
    async with watched() as stalls:
        loop = asyncio.get_running_loop()
        # Starting and stopping are not what is measured; the bench says when it begins and ends (not on Windows).
        with contextlib.suppress(NotImplementedError, AttributeError):
            loop.add_signal_handler(signal.SIGUSR1, stalls.ours.clear)
            loop.add_signal_handler(signal.SIGUSR2, lambda: kept.extend(stalls.ours))
        await run_bot(settings)
    content = json.dumps({"ours": kept or stalls.ours, "control": stalls.control})
    await asyncio.to_thread(into.write_text, content, encoding="utf-8")


def main() -> None:
    """Until SIGTERM."""
    config, into = (Path(argument) for argument in sys.argv[1:])
    settings = load_settings(config, environment=dict(os.environ) | {"DISCORD_TOKEN": SANDBOX_TOKEN})
    with open_log(settings, to_file=False):
        asyncio.run(_run(settings, into))


if __name__ == "__main__":
    main()
