"""The gallery at a million pictures, its contact sheet, and how soon a press shows something."""

from __future__ import annotations

import asyncio
import random
import tempfile
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import insert

from bench.report import Report
from bench.stalls import watched
from bench.timing import Sample
from bot.domain.gallery import GalleryQuery
from bot.domain.jobs import JobKind
from bot.media.images import contact_sheet
from bot.storage.database import Database
from bot.storage.gallery import GalleryRepository
from bot.storage.schema import images
from tests.e2e.drawing_system import open_drawing_system, press
from tests.storage.factories import START

TITLE = "Gallery and buttons"
MAX_PIXELS = 150_000_000
ROWS = 1_000_000
CHUNK = 20_000
CHANNELS = 40
PEOPLE = 500
CHARACTERS = 12
PRESSES = 100
READS = 7


async def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder:
        await _pages(report, Path(folder))
        await _sheet(report, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        await _presses(report, Path(folder))


# -- pages


async def _pages(report: Report, folder: Path) -> None:
    async with Database.open(f"sqlite+aiosqlite:///{folder / 'bench.db'}") as database:
        for chunk in _rows():
            async with database.write() as connection:
                await connection.execute(insert(images), chunk)
        gallery = GalleryRepository(database)
        every = Sample()
        slowest, worst = 0.0, ""
        for query in _queries():
            # The first read does not count; of the others the middle one, so that the machine's other work does not.
            await gallery.page(query)
            sample = Sample()
            for _ in range(READS):
                with sample.timed():
                    await gallery.page(query)
            every.values += sample.values
            if sample.median > slowest:
                slowest = sample.median
                given = query.model_dump(exclude_defaults=True)
                worst = ", ".join(f"{name}={value}" for name, value in given.items())
        report.measured(f"slowest page of {ROWS:,} pictures", slowest, "ms", at_most=30, note=worst)
        report.measured("single reads, p99", every.p99, "ms", note=every.note)


def _rows() -> Iterator[list[dict[str, Any]]]:
    dice = random.Random(1)
    for start in range(0, ROWS, CHUNK):
        yield [_row(n, dice) for n in range(start, start + CHUNK)]


def _row(n: int, dice: random.Random) -> dict[str, Any]:
    adult = dice.random() < 0.1
    return {
        "id": n + 1,
        "job_id": str(uuid.UUID(int=dice.getrandbits(128))),
        "n": 0,
        # The last character, person and channel are rare: a filter that finds little must not read much.
        "character_id": f"character-{0 if dice.random() < 0.0001 else dice.randrange(1, CHARACTERS)}",
        "requester_id": 0 if dice.random() < 0.0001 else dice.randrange(1, PEOPLE),
        "guild_id": 1,
        "channel_id": 0 if dice.random() < 0.0001 else dice.randrange(1, CHANNELS),
        "shelf": 1 if adult else 0,
        "age_restricted": adult,
        "workflow_name": "default",
        "seed": str(n),
        "filename": f"images/x/{n}.png",
        "thumbnail_filename": f"images/x/{n}.thumb.webp",
        "prompt": "a lighthouse at dusk, oil on canvas, " * 4,
        "size_bytes": 1,
        "sha256": "0" * 64,
        "created_at": START + timedelta(minutes=n),
    }


def _queries() -> Iterator[GalleryQuery]:
    """Each scope, with and without each filter, at the beginning, in the middle and at the end."""
    scopes: list[dict[str, Any]] = [{"guild_id": 1}, {"channel_id": 3}, {"channel_id": 0}]
    filters: list[dict[str, Any]] = [
        {},
        {"character_id": "character-3"},
        {"character_id": "character-0"},
        {"requester_id": 7},
        {"requester_id": 0},
        {"character_id": "character-0", "requester_id": 0},
        {"kind": JobKind.IMAGE, "since": START + timedelta(minutes=ROWS // 3)},
    ]
    places: list[dict[str, Any]] = [{}, {"older_than": ROWS // 2}, {"newer_than": ROWS // 2}, {"from_oldest": True}]
    for scope in scopes:
        for chosen in filters:
            for place in places:
                yield GalleryQuery(**scope, **chosen, **place, include_age_restricted=True, limit=20)


# -- the sheet


async def _sheet(report: Report, folder: Path) -> None:
    thumbnails: list[Path] = []
    for n in range(25):
        path = folder / f"{n}.thumb.webp"
        Image.effect_noise((200, 150 + n), 60).convert("RGB").save(path, quality=82)
        thumbnails.append(path)
    sample = Sample()
    await asyncio.to_thread(contact_sheet, thumbnails, max_pixels=MAX_PIXELS)
    async with watched() as stalls:
        for _ in range(30):
            with sample.timed():
                await asyncio.to_thread(contact_sheet, thumbnails, max_pixels=MAX_PIXELS)
    report.measured("contact sheet of 25, median", sample.median, "ms", at_most=150, note=sample.note)
    report.measured("loop stall while sheets are made", stalls.p999_above_control, "ms", at_most=20, note=stalls.note)


# -- presses


async def _presses(report: Report, folder: Path) -> None:
    """A press on Info, Again or a page: until the person sees something of it."""
    async with open_drawing_system(
        folder, comfyui={"queue": {"max_per_user": 10_000, "max_queue_size": 10_000}}
    ) as here:
        async with here.system.running():
            first = await here.drawn()
            page = (await here.requester.slash(here.room, "gallery")).message
            sample = Sample()
            async with here.system.comfy.set_breakpoint("KSampler"):
                for n in range(PRESSES):
                    label = ("Info", "Remix", "Delete")[n % 3]
                    with sample.timed():
                        await press(here.stranger, first, label)
                for _ in range(PRESSES // 4):
                    with sample.timed():
                        await here.requester.press(page, "1")
                    with sample.timed():
                        answer = await press(here.requester, first, "Again")
                    if not answer.message.ephemeral:
                        await here.requester.press(answer.message, "Cancel")
            await here.system.until_rows("SELECT count(*) FROM jobs WHERE delivered_at IS NULL", (0,))
        report.measured("press to first visible change, p99", sample.p99, "ms", at_most=250, note=sample.note)
