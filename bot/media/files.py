"""Writing a file so that it is whole or not there."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(target: Path) -> Generator[Path, None, None]:
    """A path beside `target` to write to; it becomes `target` when the body ends well and vanishes when it does not.

    Its name ends as the target's does, because encoders choose the format by it. Two writers of one target do not meet.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".part-", suffix=target.suffix, delete=False) as file:
        part = Path(file.name)
    try:
        yield part
        part.chmod(0o644)  # a temporary file is its owner's alone
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def write_whole(target: Path, data: bytes) -> None:
    """Write `data` to `target` at once; on any error the target is as it was."""
    with replacing(target) as part:
        part.write_bytes(data)
