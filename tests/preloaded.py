"""What the fork server of `tests.processes` imports once: all that a bot, a command or a killed test needs."""

import importlib

from bot.discord_client.bot import EXTENSIONS

for name in ("bot.cli.app", "bot.services", "tests.generation.killed_process", *EXTENSIONS):
    importlib.import_module(name)
