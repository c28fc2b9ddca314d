"""The `chorus` command line: `app` parses, one module per command does the work and is imported when it is called."""

from bot.cli.app import main

__all__ = ["main"]
