"""`python -m sandbox.comfyui --port 8188 [--root DIR]`: the stand-in in a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from sandbox.comfyui import StandInComfyUI, StandInOptions


async def serve(port: int, root: Path | None, options: StandInOptions) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows: KeyboardInterrupt ends it there
            asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with StandInComfyUI(root, port=port, options=options) as comfy:
        sys.stdout.write(f"{comfy.url}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Parse the command line and serve; the first line on stdout is the URL."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.comfyui", description="A ComfyUI without a GPU.")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--root", type=Path, default=None, help="folder for input, output and temp")
    parser.add_argument("--version", default="0.33.0", help="what it says it is, and behaves like")
    parser.add_argument("--step-seconds", type=float, default=0.02, help="time of one sampler step")
    arguments = parser.parse_args()
    options = StandInOptions(version=arguments.version, step_seconds=arguments.step_seconds)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.port, arguments.root, options))


if __name__ == "__main__":
    main()
