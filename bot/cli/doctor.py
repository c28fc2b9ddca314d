"""`chorus doctor`: check everything that the bot needs, and print a table with what to do."""

from __future__ import annotations

import asyncio

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.diagnostics.check_result import CheckResult, CheckStatus
from bot.diagnostics.checks import run_checks
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
