"""A case ends soon and without filling the memory, whatever else the machine does."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager

SECONDS = 2.0
"""Of this process' CPU, so that a busy machine does not count."""


@contextmanager
def bounded(*, seconds: float = SECONDS) -> Generator[None]:
    """Fail where the block took more CPU time than `seconds`."""
    begun = time.process_time()
    yield
    spent = time.process_time() - begun
    assert spent <= seconds, f"{spent:.1f} s of CPU"
