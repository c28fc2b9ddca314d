"""How late the event loop comes to a timer, beside a control loop that does nothing, in a process of its own.

The control loop suffers from the machine's other work as we do; what we are later than it is our own doing.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bench.timing import quantile

TICK_SECONDS = 0.002


@dataclass
class Stalls:
    """Lateness of each tick in milliseconds; filled when the watch ends."""

    ours: list[float] = field(default_factory=list[float])
    control: list[float] = field(default_factory=list[float])

    @property
    def p999_above_control(self) -> float:
        """The p99.9 of ours less that of the control loop; never below 0."""
        return max(0.0, quantile(self.ours, 0.999) - quantile(self.control, 0.999))

    @property
    def note(self) -> str:
        """The two numbers behind the difference, for the table."""
        ours, control = quantile(self.ours, 0.999), quantile(self.control, 0.999)
        return f"p99.9 {ours:.1f} ms, control loop {control:.1f} ms; worst {max(self.ours):.1f}; {len(self.ours)} ticks"


@asynccontextmanager
async def watched() -> AsyncGenerator[Stalls]:
    """Watch this event loop while the block runs."""
    stalls = Stalls()
    control = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.stalls"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    if control.stdout is None:  # pragma: no cover - PIPE was asked for
        raise RuntimeError
    await control.stdout.readline()  # it ticks
    ticking = asyncio.create_task(_tick(stalls.ours))
    try:
        yield stalls
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
        output, _ = await control.communicate(b"\n")
        stalls.control.extend(json.loads(output))


async def _tick(late: list[float]) -> None:
    while True:
        due = time.perf_counter() + TICK_SECONDS
        await asyncio.sleep(TICK_SECONDS)
        late.append(max(0.0, time.perf_counter() - due) * 1000)


async def _control() -> None:
    """Tick until a line comes on standard input; print the lateness as JSON."""
    late: list[float] = []
    ticking = asyncio.create_task(_tick(late))
    print("ticking", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    ticking.cancel()
    await asyncio.gather(ticking, return_exceptions=True)
    print(json.dumps(late), flush=True)


if __name__ == "__main__":
    asyncio.run(_control())
