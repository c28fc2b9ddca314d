"""`chorus doctor`: everything the bot needs, checked once, as a table with what to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.diagnostics.comfyui import ObjectInfos, check_servers, check_workflows
from bot.diagnostics.discord import check_discord
from bot.diagnostics.findings import Finding, State, ok
from bot.diagnostics.host import check_data, check_encoders, check_model, check_voice
from bot.settings import Settings

_COLOURS = {State.OK: "green", State.NOTE: "yellow", State.BROKEN: "red"}


def doctor(settings: Settings, console: Console) -> bool:
    """Print the table; whether nothing is broken. Changes nothing but may make the data folder."""
    findings = asyncio.run(examine(settings))
    console.print(_table(findings))
    broken = sum(finding.state is State.BROKEN for finding in findings)
    if broken:
        console.print(f"[red]{broken} broken.[/]")
    else:
        console.print("[green]Nothing is broken.[/]")
    return not broken


async def examine(settings: Settings) -> list[Finding]:
    """Every check, what needs the network at the same time; in a fixed order."""
    object_infos: ObjectInfos = {}
    discord, servers, model, encoders, data = await asyncio.gather(
        _all(check_discord(settings)),
        _all(check_servers(settings, object_infos)),
        _all(check_model(settings)),
        _all(check_encoders(settings)),
        _off_loop(lambda: [*check_data(settings), *check_voice()]),
    )
    workflows = await _off_loop(lambda: [*check_workflows(settings, object_infos)])
    # The command got here, so the file was understood.
    return [ok("Configuration", "readable"), *discord, *servers, *workflows, *model, *data, *encoders]


async def _all(checks: AsyncIterator[Finding]) -> list[Finding]:
    return [finding async for finding in checks]


async def _off_loop(checks: Callable[[], list[Finding]]) -> list[Finding]:
    return await asyncio.to_thread(checks)


def _table(findings: list[Finding]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("", "", "What was found", "What to do"):
        table.add_column(column, overflow="fold")
    area = None
    for finding in findings:
        state = f"[{_COLOURS[finding.state]}]{finding.state.value}[/]"
        table.add_row("" if finding.area == area else finding.area, state, escape(finding.text), escape(finding.advice))
        area = finding.area
    return table
