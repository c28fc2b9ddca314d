"""The `chorus` command line: `app` parses the arguments, and each command is a module that it imports when called."""

from bot.cli.app import main

__all__ = ["main"]
