"""`chorus doctor`: check everything that the bot needs, and print a table with what to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.diagnostics.check_result import CheckResult, CheckStatus, ok
from bot.diagnostics.comfyui import ObjectInfos, check_servers
from bot.diagnostics.discord import check_discord
from bot.diagnostics.host import check_data, check_demo_voice, check_encoders
from bot.diagnostics.language_model import check_model
from bot.diagnostics.workflows import check_workflows
from bot.settings import Settings

_COLOURS = {CheckStatus.OK: "green", CheckStatus.NOTE: "yellow", CheckStatus.BROKEN: "red"}


def doctor(settings: Settings, console: Console) -> bool:
    """Run all checks, print their results, and return whether nothing is broken. May make the data folder."""
    results = asyncio.run(run_checks(settings))
    console.print(_table(results))
    broken = sum(result.status is CheckStatus.BROKEN for result in results)
    if broken:
        console.print(f"[red]{broken} broken.[/]")
    else:
        console.print("[green]Nothing is broken.[/]")
    return not broken


async def run_checks(settings: Settings) -> list[CheckResult]:
    """Run all checks, those that use the network concurrently, and return their results in a fixed order."""
    object_infos: ObjectInfos = {}
    discord, servers, model, encoders, data = await asyncio.gather(
        _all(check_discord(settings)),
        _all(check_servers(settings, object_infos)),
        _all(check_model(settings)),
        _all(check_encoders(settings)),
        _in_thread(lambda: [*check_data(settings), *check_demo_voice()]),
    )
    workflows = await _in_thread(lambda: [*check_workflows(settings, object_infos)])
    # The settings are here, so the configuration could be read.
    return [ok("Configuration", "readable"), *discord, *servers, *workflows, *model, *data, *encoders]


async def _all(checks: AsyncIterator[CheckResult]) -> list[CheckResult]:
    return [result async for result in checks]


async def _in_thread(checks: Callable[[], list[CheckResult]]) -> list[CheckResult]:
    return await asyncio.to_thread(checks)


def _table(results: list[CheckResult]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_header=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    area = None
    for result in results:
        status = f"[{_COLOURS[result.status]}]{result.status.value}[/]"
        # The advice stands below: beside it, addresses would be broken in a window of 80 columns.
        advice = f"\n[dim]→ {escape(result.advice)}[/]" if result.advice else ""
        table.add_row("" if result.area == area else result.area, status, escape(result.text) + advice)
        area = result.area
    return table
