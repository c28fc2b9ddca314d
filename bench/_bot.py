"""`python -m bench._bot CONFIG RESULT`: the bot under a watch on its event loop; RESULT gets the lateness as JSON."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from bench.stalls import watched
from bot.connection import run_bot
from bot.log import open_log
from bot.sandbox.discord import SANDBOX_TOKEN
from bot.settings import Settings, load_settings


async def _run(settings: Settings, into: Path) -> None:
    async with watched() as stalls:
        await run_bot(settings)
    content = json.dumps({"ours": stalls.ours, "control": stalls.control})
    await asyncio.to_thread(into.write_text, content, encoding="utf-8")


def main() -> None:
    """Until SIGTERM."""
    config, into = (Path(argument) for argument in sys.argv[1:])
    settings = load_settings(config, environment=dict(os.environ) | {"DISCORD_TOKEN": SANDBOX_TOKEN})
    with open_log(settings, to_file=False):
        asyncio.run(_run(settings, into))


if __name__ == "__main__":
    main()
