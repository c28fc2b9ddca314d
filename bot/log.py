"""Setting up logging: to the terminal and to a rotating file, with secrets replaced by `[hidden]`."""

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

LINE_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
REDACTED = "[hidden]"

# A bot token (id, time and signature in URL-safe base64), and tokens of webhooks and interactions in URLs.
_TOKENS = re.compile(
    r"\b[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}"
    r"|(?<=webhooks/)(\d+)/[\w-]{30,}"
    r"|(?<=interactions/)(\d+)/[\w-]{30,}"
    r"|(?<=Authorization: )\S+( \S+)?"
)
_MINIMUM_LEVELS = {
    # At DEBUG discord.py writes whole payloads, with what people have written.
    "discord": logging.INFO,
    "discord.gateway": logging.WARNING,
    "discord.client": logging.WARNING,
    "discord.webhook.async_": logging.WARNING,
    "aiosqlite": logging.WARNING,
    "alembic": logging.WARNING,
    "asyncio": logging.WARNING,
    "httpcore2": logging.WARNING,
    "httpx2": logging.WARNING,
    "openai": logging.WARNING,
    "PIL": logging.WARNING,
    "pydub": logging.WARNING,
    "watchfiles": logging.WARNING,
    "markdown_it": logging.WARNING,
}


def make_redactor(secrets: Iterable[str] = ()) -> Callable[[str], str]:
    """Return a function that replaces secrets in a text by `[hidden]`.

    Args:
        secrets: Texts to replace, besides whatever looks like a token of Discord. Those of less than four characters
            are left, since they would hide ordinary words.

    """
    # Longest first, so that of a secret that contains another one nothing remains.
    words = sorted({secret for secret in secrets if len(secret) >= 4}, key=len, reverse=True)
    exact = re.compile("|".join(re.escape(word) for word in words)) if words else None

    def redact(text: str) -> str:
        if exact is not None:
            text = exact.sub(REDACTED, text)
        return _TOKENS.sub(
            lambda match: f"{match[1] or match[2]}/{REDACTED}" if match[1] or match[2] else REDACTED, text
        )

    return redact


class RedactingFormatter(logging.Formatter):
    """Replaces secrets in the line that another formatter has made, with its arguments and traceback."""

    def __init__(self, inner: logging.Formatter, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._inner = inner
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """Format with the inner formatter, then replace secrets."""
        return self._redact(self._inner.format(record))


class _LogFile(RotatingFileHandler):
    """A log file that does not end the bot where the disk is full."""

    _failed = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's name
        """Report only the first failure: the base class prints each one, with the line unredacted."""
        if not self._failed:
            self._failed = True
            sys.stderr.write("The log file cannot be written; is the disk full?\n")

    def close(self) -> None:
        """Close the file; lines that cannot be written are lost."""
        with suppress(OSError):
            super().close()


@contextmanager
def open_log(
    settings: Settings, *, debug: bool = False, to_file: bool = True, stream: TextIO | None = None
) -> Generator[None]:
    """Set up logging while the block runs, then restore it.

    Args:
        settings: `logging`, `storage.data_dir`, and the secrets to replace.
        debug: Log the bot's own DEBUG lines, whatever `logging.level` says.
        to_file: Also write to `<data_dir>/logs/chorus.log`.
        stream: The terminal; None: standard error.

    Raises:
        ConfigError: The log folder cannot be written to.

    """
    redact = make_redactor(settings.secrets())
    level = logging.DEBUG if debug else logging.getLevelNamesMapping()[settings.logging.level]
    handlers = [_terminal(stream or sys.stderr, redact)]
    if to_file:
        handlers.append(_file(settings, redact))
    root = logging.getLogger()
    levels = {"": level} | {name: max(least, level) for name, least in _MINIMUM_LEVELS.items()}
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
        handler.setFormatter(RedactingFormatter(logging.Formatter(LINE_FORMAT), redact))
        return handler
    # Without rich's own tracebacks, which are made of the live frames and would not pass the redacting formatter.
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
            errors="replace",  # names of files that are not UTF-8
        )
    except OSError as error:
        reason = (error.strerror or "unwritable").lower()
        raise ConfigError(
            f"The log folder {folder} cannot be written to ({reason}).", advice="Set `storage.data_dir`."
        ) from error
    handler.setFormatter(RedactingFormatter(logging.Formatter(LINE_FORMAT), redact))
    return handler
