"""The SHA-256 of a file, by which input files, artifacts and avatars are recognised."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256_of_file(path: Path) -> str:
    """The hash of the content, in hexadecimal. Blocks: call it in a thread.

    Raises:
        OSError: The file cannot be read.

    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
