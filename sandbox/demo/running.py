"""The demo from beginning to end."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from rich.console import Console

from bot.errors import ChorusError
from bot.log import open_log
from bot.settings import default_settings
from sandbox.demo.acts import left_out, programme
from sandbox.demo.stage import DemoOptions, Stage, opened
from sandbox.demo.staying import REFUSALS, stay
from sandbox.demo.transcript import Transcript
from sandbox.demo.visit import Visit

FAILURES = (TimeoutError, ChorusError, *REFUSALS)
"""What ends an act: something did not come, or was not offered."""


def run_demo(options: DemoOptions, console: Console) -> bool:
    """Open everything, play the visit, print it; whether everything arrived.

    Raises:
        ChorusError: It could not even begin.

    """
    level = default_settings(options.folder).with_log_level("ERROR")
    with open_log(level, debug=options.debug, to_file=False):
        return asyncio.run(_demo(options, console))


async def _demo(options: DemoOptions, console: Console) -> bool:
    started = time.monotonic()
    transcript = Transcript(console, Path.cwd())
    async with opened(options) as stage:
        _introduce(stage, transcript)
        visit = Visit(stage, transcript)
        missed = await _play(visit)
        missed += [f"Discord would refuse: {entry.message}" for entry in stage.discord.violations]
        _sum_up(visit, missed, time.monotonic() - started)
        if options.stay:
            await stay(visit, console)
    return not missed


def _introduce(stage: Stage, transcript: Transcript) -> None:
    transcript.title(f"Chorus demo, in a sandbox: local Discord, {stage.drawn_by}, stand-in language model.")
    transcript.note(f"Discord {stage.discord.url}, ComfyUI {stage.settings.comfyui.url}, model {stage.llm.url}")
    if stage.drawing is not None:
        transcript.note(f"Your ComfyUI draws with {stage.drawing.description}.")


async def _play(visit: Visit) -> list[str]:
    missed: list[str] = []
    for title, act in programme(visit):
        visit.transcript.heading(title)
        try:
            await act(visit)
        except FAILURES as error:
            visit.transcript.problem(str(error) or type(error).__name__)
            missed.append(f"{title}: {error}")
    return missed


def _sum_up(visit: Visit, missed: list[str], seconds: float) -> None:
    transcript = visit.transcript
    transcript.heading("That was the visit")
    transcript.note(f"{len(visit.made)} files in {visit.stage.options.folder}, {seconds:.0f} s")
    for entry in left_out(visit):
        transcript.note(f"Left out, {entry}.")
    for entry in missed:
        transcript.problem(entry)
    if not missed:
        transcript.note("Everything arrived.")
