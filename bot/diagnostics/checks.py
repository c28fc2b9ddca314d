"""All checks together: of the whole installation (`chorus doctor`) and of what one server sees (`/doctor`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from bot.comfyui.transport import without_login
from bot.diagnostics.check_result import CheckResult, ok
from bot.diagnostics.comfyui import ObjectInfos, check_servers
from bot.diagnostics.discord import check_discord
from bot.diagnostics.host import check_data, check_demo_voice, check_encoders
from bot.diagnostics.language_model import check_model
from bot.diagnostics.workflows import FailuresOf, check_workflows
from bot.generation.installed_models import InstalledModels
from bot.settings import Settings


async def run_checks(settings: Settings) -> list[CheckResult]:
    """Run all checks, those that use the network concurrently, and return their results in a fixed order."""
    object_infos: ObjectInfos = {}
    models = InstalledModels(settings.visual_generation.model)
    discord, servers, model, encoders, data = await asyncio.gather(
        _all(check_discord(settings)),
        _all(check_servers(settings, object_infos, models)),
        _all(check_model(settings)),
        _all(check_encoders(settings)),
        _in_thread(lambda: [*check_data(settings), *check_demo_voice()]),
    )
    workflows = await _in_thread(lambda: [*check_workflows(settings, object_infos, models)])
    # The settings are here, so the configuration could be read.
    return [ok("Configuration", "readable"), *discord, *servers, *workflows, *model, *data, *encoders]


async def run_guild_checks(
    settings: Settings, guild_id: int, *, failures: FailuresOf | None = None
) -> list[CheckResult]:
    """Run the checks that concern one guild, for the people who manage it.

    Other guilds are not mentioned, and neither are the addresses and folders of the host.

    Args:
        settings: The configuration.
        guild_id: The guild.
        failures: Tells of workflows that are refused because they failed too often; None: it is not known.

    """
    object_infos: ObjectInfos = {}
    models = InstalledModels(settings.visual_generation.model)
    servers, model, encoders, data = await asyncio.gather(
        _all(check_servers(settings, object_infos, models)),
        _all(check_model(settings, is_for_owner=False)),
        _all(check_encoders(settings)),
        _in_thread(lambda: [*check_data(settings)]),
    )
    workflows = await _in_thread(
        lambda: [*check_workflows(settings, object_infos, models, guild_id=guild_id, failures=failures)]
    )
    return [_without_addresses(result, settings) for result in (*servers, *workflows, *model, *data, *encoders)]


def _without_addresses(result: CheckResult, settings: Settings) -> CheckResult:
    servers = settings.comfyui.servers
    names = {str(settings.storage.data_dir): "the data folder", without_login(settings.llm.url): "its server"}
    for number, url in enumerate(servers, start=1):
        names[without_login(url)] = "ComfyUI" if len(servers) == 1 else f"ComfyUI {number}"
    text, advice = result.text, result.advice
    for address in sorted(names, key=len, reverse=True):
        text, advice = text.replace(address, names[address]), advice.replace(address, names[address])
    return CheckResult(result.area, result.status, text, advice)


async def _all(checks: AsyncIterator[CheckResult]) -> list[CheckResult]:
    return [result async for result in checks]


async def _in_thread(checks: Callable[[], list[CheckResult]]) -> list[CheckResult]:
    return await asyncio.to_thread(checks)
