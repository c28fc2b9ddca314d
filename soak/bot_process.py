"""The bot as `chorus run` starts it, again and again, with what it takes of the machine."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

from bench._house import System
from sandbox.discord import SANDBOX_TOKEN

READY_SECONDS = 600.0


@dataclass
class BotProcess:
    """One bot at a time, over all its lives.

    Attributes:
        system: What it runs in.
        log: The file of its standard output and error.
        kills: How often it was killed.
        ends: Exit codes of lives that ended by themselves.
        memory_mb: The most memory of each life.
        open_files: The most open files of each life.

    """

    system: System
    log: Path
    kills: int = 0
    ends: list[int] = field(default_factory=list[int])
    memory_mb: list[float] = field(default_factory=list[float])
    open_files: list[int] = field(default_factory=list[int])
    _process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start a life; it need not be ready when this returns."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("CHORUS__")}
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "run", "--config", str(self.system.config)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment | {"DISCORD_TOKEN": SANDBOX_TOKEN},
            )
        self.memory_mb.append(0.0)
        self.open_files.append(0)

    async def ready(self) -> None:
        """Until it is logged in and its commands are registered."""
        await self.system.discord.wait_until_bot_ready(timeout=READY_SECONDS)
        await self.system.discord.wait_for_commands("imagine", "queue", timeout=READY_SECONDS)

    async def kill(self) -> None:
        """Kill -9, if it lives."""
        process = self._process
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()
            self.kills += 1
        self._process = None

    async def stop(self) -> int:
        """SIGTERM, and the exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        return await process.wait()

    async def watch(self) -> None:
        """Note memory and open files, and start it again where it ended by itself; ends by being cancelled."""
        while True:
            process = self._process
            if process is not None and process.returncode is not None:
                self.ends.append(process.returncode)
                await self.start()
            elif process is not None:
                self._measure(process.pid)
            await asyncio.sleep(0.5)

    def _measure(self, pid: int) -> None:
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
            resident = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
            files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        except (OSError, StopIteration):  # it has ended, or this is no Linux
            return
        self.memory_mb[-1] = max(self.memory_mb[-1], int(resident.split()[1]) / 1024)
        self.open_files[-1] = max(self.open_files[-1], files)
