"""A batch of twenty: how soon it is accepted, and its contact sheet."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from PIL import Image

from bench.report import Report
from bench.stalls import watched
from bench.timing import Sample
from bot.batches.planning import BatchOptions, make_plan
from bot.domain.jobs import GenerationRequest, JobKind
from bot.media.images import SheetCell, labelled_sheet
from tests.e2e.system import open_system

TITLE = "Batches"
MAX_PIXELS = 150_000_000
BATCHES = 10


async def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder:
        await _accepting(report, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        await _sheet(report, Path(folder))


async def _accepting(report: Report, folder: Path) -> None:
    request = GenerationRequest(kind=JobKind.IMAGE, character_id="nova", requester_id=0)
    plan = make_plan(BatchOptions(prompt="a door", sweeps=("cfg=1..5", "steps=1..4")), max_count=20)
    sample = Sample()
    async with (
        open_system(folder) as system,
        system.running() as (services, _),
        system.comfy.set_breakpoint("KSampler"),
        watched() as stalls,
    ):
        for _ in range(BATCHES):
            batch = services.batches.new(request, plan)
            with sample.timed():
                await services.batches.start(batch)
        for batch in await services.batches.undelivered():
            await services.batches.stop(batch)
    report.measured("20 jobs accepted, slowest", max(sample.values), "ms", at_most=2000, note=sample.note)
    report.measured("loop stall while they are accepted", stalls.p999_above_control, "ms", note=stalls.note)


async def _sheet(report: Report, folder: Path) -> None:
    cells: list[SheetCell] = []
    for n in range(20):
        path = folder / f"{n}.thumb.webp"
        Image.effect_noise((200, 150 + n), 60).convert("RGB").save(path, quality=82)
        cells.append(SheetCell(str(n + 1), path))

    def draw() -> bytes:
        return labelled_sheet(
            cells,
            columns=[f"cfg {n}" for n in range(5)],
            rows=[f"sampler {n}" for n in range(4)],
            max_pixels=MAX_PIXELS,
        )

    sample = Sample()
    await asyncio.to_thread(draw)
    async with watched() as stalls:
        for _ in range(30):
            with sample.timed():
                await asyncio.to_thread(draw)
    report.measured("sheet of 20, median", sample.median, "ms", at_most=100, note=sample.note)
    report.measured("loop stall while sheets are drawn", stalls.p999_above_control, "ms", at_most=20, note=stalls.note)
