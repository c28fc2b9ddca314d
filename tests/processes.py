"""Processes for tests; each ends with the test run, however that ends.

`ForkedProcess` is forked from a process which has imported the bot already, and can be killed like any other: importing
the bot takes seconds of CPU time, more than most tests need for everything else. `spawn` starts a new program, for
tests of what a person starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NoReturn

_FORK_SERVER = multiprocessing.get_context("forkserver")
_FORK_SERVER.set_forkserver_preload(["tests.preloaded"])
_LIBC = ctypes.CDLL(None)
_DIE_WITH_PARENT = 1
"""`PR_SET_PDEATHSIG` of Linux' prctl(2). The fork server ends with the tests, and its processes with it."""


class ForkedProcess:
    """A process with the interface of `asyncio.subprocess.Process`; its output is in one file."""

    def __init__(self, process: BaseProcess, output: Path) -> None:
        self._process = process
        self._output_file = output
        self._output = b""

    @classmethod
    async def start(
        cls,
        target: Callable[..., object],
        *arguments: Any,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> ForkedProcess:
        """Call a function in a new process; what it returns, or gives to `sys.exit`, is the exit code.

        Args:
            target: A function of a module.
            arguments: Values that can be pickled.
            environment: Of the process; None: as that of this one.
            folder: Where it runs; None: as this one.

        """
        handle, name = tempfile.mkstemp(prefix="chorus-test-output-")
        os.close(handle)
        process = _FORK_SERVER.Process(
            target=_run,
            args=(target, arguments, dict(environment or os.environ), str(folder or Path.cwd()), name),
            daemon=True,
        )
        await asyncio.to_thread(process.start)
        return cls(process, Path(name))

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        """The exit code; negative: the signal that ended it; None: it runs."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9: nothing is closed, nothing is said."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Return the exit code when it has ended."""
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        await asyncio.to_thread(self._process.join)
        if self._output_file.exists():
            self._output = self._output_file.read_bytes()
            self._output_file.unlink()
        return self._process.exitcode or 0

    async def communicate(self) -> tuple[bytes, None]:
        """Return its standard output and error, in one, when it has ended."""
        await self.wait()
        return self._output, None


async def spawn(*command: str, **options: Any) -> asyncio.subprocess.Process:
    """Start a program as `asyncio.create_subprocess_exec` does, with its options."""
    return await asyncio.create_subprocess_exec(*command, preexec_fn=_end_with_parent, **options)


def _end_with_parent() -> None:
    """Called in a new process: have it killed when the one that started it has ended."""
    if sys.platform == "linux":
        _LIBC.prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def chorus(arguments: list[str]) -> int:
    """The `chorus` command."""
    from bot.cli import main  # noqa: PLC0415 - imported by the fork server, not by the tests

    return main(arguments)


def _run(
    target: Callable[..., object], arguments: tuple[Any, ...], environment: dict[str, str], folder: str, output: str
) -> NoReturn:
    _end_with_parent()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    descriptor = os.open(output, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    # A shell that starts `make test &` lets every child ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = target(*arguments)
    sys.exit(code if isinstance(code, int) else 0)
