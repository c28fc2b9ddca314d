"""Writing a file so that it appears whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

TEMPORARY_PREFIX: Final = ".part-"
"""Begins the name of a file that is being written; one that a killed process left behind is recognised by it."""


@contextmanager
def replace_atomically(target: Path) -> Generator[Path, None, None]:
    """Yield the path of a temporary file beside `target`; it replaces `target` when the block ends without an error.

    After an error the temporary file is removed and `target` is as it was. The temporary name has the suffix of the
    target, because encoders choose the format by it, and is unique, so two writers of one target do not disturb each
    other.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        dir=target.parent, prefix=TEMPORARY_PREFIX, suffix=target.suffix, delete=False
    ) as file:
        temporary = Path(file.name)
    try:
        yield temporary
        temporary.chmod(0o644)  # `tempfile` makes files that only their owner can read
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(target: Path, data: bytes) -> None:
    """Write `data` to `target`; after an error `target` is as it was."""
    with replace_atomically(target) as temporary:
        temporary.write_bytes(data)
