"""For every test."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from bot.storage import retrying
from tests.locked_database import QUICK

# A busy machine draws examples slowly: that says nothing about the code.
settings.register_profile("chorus", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# `make fuzz`: so many cases of each of the tests in tests/fuzz, more than 100,000 together.
settings.register_profile("fuzz", settings.get_profile("chorus"), max_examples=10_000)
settings.load_profile("chorus")

# A shell that starts `make test &` lets it ignore Ctrl-C, and so would the processes that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

WORKERS_PER_CORE = 4
"""Most tests wait for sockets, timers and other processes most of their time."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Called by pytest."""
    parser.addoption("--long", action="store_true", help="tests marked `long` do many more rounds")


@pytest.fixture
def long_run(request: pytest.FixtureRequest) -> bool:
    """Whether `--long` was given."""
    return bool(request.config.getoption("--long"))


def pytest_xdist_auto_num_workers() -> int:
    """Called by pytest-xdist for `-n auto`."""
    return WORKERS_PER_CORE * (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Called by pytest: the tests that take longest begin first, so that none is left alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Databases that are opened after this are tried again after milliseconds."""
    monkeypatch.setattr(retrying, "RETRY_TIMES", QUICK)


@pytest.fixture
def small_files() -> Iterator[Callable[[int], None]]:
    """A disk that is full after so many bytes of a file: the kernel itself refuses the write (EFBIG)."""
    resource: Any = pytest.importorskip("resource", reason="RLIMIT_FSIZE is a POSIX thing")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)
