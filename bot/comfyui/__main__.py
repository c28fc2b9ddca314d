"""`python -m bot.comfyui URL`: show a ComfyUI's version and memory, its queue, and its events as they come."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import suppress

from bot.comfyui.client import ComfyClient
from bot.comfyui.events import Event, PreviewEvent, ProgressStateEvent, StatusEvent
from bot.comfyui.exceptions import ComfyError
from bot.comfyui.prompt_queue import QueuedPrompt
from bot.comfyui.system_stats import SystemStats
from bot.comfyui.transport import without_login


def main(arguments: list[str] | None = None) -> int:
    """Print status and queue, then events until Ctrl-C. Returns 1 if the server does not answer, 2 for a bad URL."""
    parser = argparse.ArgumentParser(prog="python -m bot.comfyui", description=__doc__)
    parser.add_argument("url", help="http://127.0.0.1:8188")
    parser.add_argument("--once", action="store_true", help="print status and queue and leave")
    options = parser.parse_args(arguments)
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(_show(options.url, once=options.once))
    except ValueError as error:
        return _print(str(error), status=2)
    except ComfyError as error:
        return _print(f"{without_login(options.url)}: {error}", status=1)
    return 0


async def _show(url: str, *, once: bool) -> None:
    async with ComfyClient(url) as client:
        _print(_describe_server(await client.system_stats()))
        queue = await client.queue()
        _print(f"queue: {len(queue.running)} running, {len(queue.pending)} pending")
        for entry in queue.running:
            _print(f"  runs  {_describe_prompt(entry)}")
        for position, entry in enumerate(queue.pending, 1):
            _print(f"  {position:>4}  {_describe_prompt(entry)}")
        if once:
            return
        _print("events (a server sends those of a prompt to its own client only; Ctrl-C ends):")
        client.observe_events(_print_event)
        await asyncio.get_running_loop().create_future()


def _print_event(event: Event) -> None:
    _print(_describe_event(event))


def _describe_server(stats: SystemStats) -> str:
    lines = [f"ComfyUI {stats.version_text or '(version unknown)'}, {stats.os}, torch {stats.pytorch_version}"]
    lines.append(f"memory: {_gigabytes(stats.ram_free)} of {_gigabytes(stats.ram_total)} free")
    lines += [
        f"{device.name} ({device.type}): {_gigabytes(device.vram_free)} of {_gigabytes(device.vram_total)} free"
        for device in stats.devices
    ]
    if not stats.takes_prompt_id:
        lines.append("too old: prompt ids of the client need 0.3.45")
    elif not stats.interrupts_by_id:
        lines.append("before 0.3.57: an interrupt stops whatever runs, so only our own running prompt is interrupted")
    return "\n".join(lines)


def _describe_prompt(entry: QueuedPrompt) -> str:
    return f"{entry.prompt_id}  number {entry.number:g}  client {entry.client_id or '-'}"


def _describe_event(event: Event) -> str:
    match event:
        case StatusEvent():
            return f"status: {event.queue_remaining} in the queue"
        case PreviewEvent():
            return f"preview: {event.media_type}, {len(event.data)} bytes, node {event.node}, prompt {event.prompt_id}"
        case ProgressStateEvent():
            return "progress_state: " + ", ".join(f"{n.node} {n.state} {n.value:g}/{n.max:g}" for n in event.nodes)
        case _:
            return repr(event)


def _gigabytes(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"


def _print(text: str, *, status: int = 0) -> int:
    print(text, file=sys.stderr if status else sys.stdout, flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
