"""For `make fuzz`: memory is limited, so that what would fill it fails as a test does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

MEMORY = 4 * 2**30
"""Bytes of address space of a test process."""


@pytest.fixture(autouse=True, scope="module")
def limited_memory() -> Iterator[None]:
    """MemoryError and not a machine that swaps."""
    resource: Any = pytest.importorskip("resource", reason="RLIMIT_AS is a POSIX thing")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)
