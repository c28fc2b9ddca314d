"""Logging: rich on a terminal, plain lines elsewhere, a rotating file beside the data; secrets never get through."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from typing import TextIO

from rich.console import Console
from rich.logging import RichHandler

from bot.errors import ConfigError
from bot.settings import Settings

PLAIN = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
HIDDEN = "[hidden]"

# A bot token (id, time and signature in URL-safe base64); those of webhooks and interactions as they stand in URLs.
_TOKENS = re.compile(
    r"\b[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}"
    r"|(?<=webhooks/)(\d+)/[\w-]{30,}"
    r"|(?<=interactions/)(\d+)/[\w-]{30,}"
    r"|(?<=Authorization: )\S+( \S+)?"
)
_NOISY = {
    "discord": logging.INFO,
    # At DEBUG discord.py writes whole payloads, with people's words in them; its heartbeats tell nobody anything.
    "discord.gateway": logging.WARNING,
    "discord.client": logging.WARNING,
    "discord.webhook.async_": logging.WARNING,
    "aiosqlite": logging.WARNING,
    "alembic": logging.WARNING,
    "asyncio": logging.WARNING,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "openai": logging.WARNING,
    "PIL": logging.WARNING,
    "pydub": logging.WARNING,
    "watchfiles": logging.WARNING,
    "markdown_it": logging.WARNING,
}


def redactor(secrets: Iterable[str] = ()) -> Callable[[str], str]:
    """A function that hides `secrets`, and whatever looks like a Discord token, in a text."""
    # Longest first, so that one secret inside another leaves no rest; very short ones would eat ordinary words.
    words = sorted({secret for secret in secrets if len(secret) >= 4}, key=len, reverse=True)
    exact = re.compile("|".join(re.escape(word) for word in words)) if words else None

    def redact(text: str) -> str:
        if exact is not None:
            text = exact.sub(HIDDEN, text)
        return _TOKENS.sub(lambda match: f"{match[1] or match[2]}/{HIDDEN}" if match[1] or match[2] else HIDDEN, text)

    return redact


class RedactingFormatter(logging.Formatter):
    """Redacts the finished line: message, arguments, traceback and stack alike."""

    def __init__(self, inner: logging.Formatter, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._inner = inner
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """As the inner formatter, then redacted."""
        return self._redact(self._inner.format(record))


class _LogFile(RotatingFileHandler):
    """A log file on a disk that may be full: that is said once, and never ends the bot."""

    _failed = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's name
        """Instead of a traceback for each line, with the line's words in it unredacted."""
        if not self._failed:
            self._failed = True
            sys.stderr.write("The log file cannot be written; is the disk full?\n")

    def close(self) -> None:
        """What could not be written is lost."""
        with suppress(OSError):
            super().close()


@contextmanager
def open_log(
    settings: Settings, *, debug: bool = False, to_file: bool = True, stream: TextIO | None = None
) -> Generator[None]:
    """Set up the root logger while open, then put everything back as it was.

    Args:
        settings: `logging`, `storage.data_dir` and the secrets to hide.
        debug: Everything of ours, whatever `logging.level` says.
        to_file: Also write `<data_dir>/logs/chorus.log`.
        stream: Where people read it; standard error by default.

    Raises:
        ConfigError: The log folder cannot be written to.

    """
    redact = redactor(settings.secrets())
    level = logging.DEBUG if debug else logging.getLevelNamesMapping()[settings.logging.level]
    handlers = [_terminal(stream or sys.stderr, redact)]
    if to_file:
        handlers.append(_file(settings, redact))
    root = logging.getLogger()
    levels = {"": level} | {name: max(least, level) for name, least in _NOISY.items()}
    before = {name: logging.getLogger(name).level for name in levels}
    try:
        for name, wanted in levels.items():
            logging.getLogger(name).setLevel(wanted)
        for handler in handlers:
            root.addHandler(handler)
        logging.captureWarnings(capture=True)
        yield
    finally:
        logging.captureWarnings(capture=False)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
        for name, wanted in before.items():
            logging.getLogger(name).setLevel(wanted)


def _terminal(stream: TextIO, redact: Callable[[str], str]) -> logging.Handler:
    if not stream.isatty():
        handler: logging.Handler = logging.StreamHandler(stream)
        handler.setFormatter(RedactingFormatter(logging.Formatter(PLAIN), redact))
        return handler
    # Not rich's own tracebacks: they are drawn from the live frames, past any formatter, and so past redaction.
    handler = RichHandler(console=Console(file=stream), show_path=False, markup=False, log_time_format="[%X]")
    handler.setFormatter(RedactingFormatter(logging.Formatter("%(message)s"), redact))
    return handler


def _file(settings: Settings, redact: Callable[[str], str]) -> logging.Handler:
    folder = settings.storage.data_dir / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = _LogFile(
            folder / "chorus.log",
            maxBytes=settings.logging.max_bytes,
            backupCount=settings.logging.backups,
            encoding="utf-8",
        )
    except OSError as error:
        reason = (error.strerror or "unwritable").lower()
        raise ConfigError(
            f"The log folder {folder} cannot be written to ({reason}).", advice="Set `storage.data_dir`."
        ) from error
    handler.setFormatter(RedactingFormatter(logging.Formatter(PLAIN), redact))
    return handler
