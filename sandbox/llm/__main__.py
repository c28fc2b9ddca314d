"""`python -m sandbox.llm --port 11434`: the stand-in in a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys

from sandbox.llm import StandInLanguageModel, StandInModelOptions


async def serve(port: int, options: StandInModelOptions) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows: KeyboardInterrupt ends it there
            asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with StandInLanguageModel(port=port, options=options) as model:
        sys.stdout.write(f"{model.url}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Parse the command line and serve; the first line on stdout is the base URL."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.llm", description="A language model without a model.")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--token-seconds", type=float, default=0.02, help="time of one word")
    parser.add_argument("--context-window", type=int, default=8192, help="tokens")
    arguments = parser.parse_args()
    options = StandInModelOptions(context_window=arguments.context_window, token_seconds=arguments.token_seconds)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.port, options))


if __name__ == "__main__":
    main()
