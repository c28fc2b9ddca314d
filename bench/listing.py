"""`/workflow list` in a server that has a thousand workflows."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from bench.report import Report
from bench.timing import Sample
from cogs.workflows.listing import ListFilter, list_page
from tests.e2e.system import graph, open_system

TITLE = "Listing workflows"
WORKFLOWS = 1000
TARGET_MS = 50.0
TIMES = 30


async def run(report: Report) -> None:
    """Pages of the list, with the real library, database and ComfyUI's answers."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_system(Path(folder)) as system:
            own = Path(folder) / "data" / "guilds" / str(system.guild.id) / "workflows" / "nova" / "image"
            own.mkdir(parents=True)
            for number in range(WORKFLOWS):
                content = json.dumps(graph(steps=number % 50 + 1))
                (own / f"number-{number}.json").write_text(content, encoding="utf-8")
            async with system.running() as (services, bot):
                await services.installations.wait_changed(0)
                sample = Sample()
                for page in range(TIMES):
                    with sample.timed():
                        await list_page(bot, system.guild.id, ListFilter(), page)
    title = f"a page of {WORKFLOWS} workflows, median"
    report.measured(title, sample.median, "ms", at_most=TARGET_MS, note=sample.note)
