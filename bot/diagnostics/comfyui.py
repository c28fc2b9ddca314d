"""Checks of `chorus doctor`: each ComfyUI server."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import AccessDenied, CertificateInvalid, ComfyConnectionError, ComfyError
from bot.comfyui.options import ClientOptions
from bot.comfyui.system_stats import SystemStats
from bot.comfyui.transport import without_login
from bot.diagnostics.check_result import CheckResult, broken, ok
from bot.generation.error_translation import chorus_error
from bot.generation.installed_models import InstalledModels
from bot.settings import Settings

AREA = "ComfyUI"
OLDEST_VERSION = "0.3.45"
"""The first one that takes a `prompt_id` chosen by the client."""
_START = "Start ComfyUI, or correct `comfyui.url`. Jobs wait until it is there."
GIB = 2**30

ObjectInfos = dict[str, Mapping[str, Any]]
"""Base URL of a server, without a login -> the body of its `GET /object_info`; only servers that answered."""


async def check_servers(
    settings: Settings, object_infos: ObjectInfos, models: InstalledModels
) -> AsyncGenerator[CheckResult]:
    """Check version and memory of every server.

    Args:
        settings: The configuration.
        object_infos: Gets an entry for each server that answers; `check_workflows` compares the workflows with it.
        models: Learns which models the servers have.

    """
    options = ClientOptions(connect_timeout=3.0, retry_attempts=1, request_timeout=20.0)
    for url in settings.comfyui.servers:
        server = without_login(url)
        try:
            async with ComfyClient(url, options) as client:
                stats = await client.system_stats()
                object_infos[server] = await client.object_info()
                await models.learn(client, object_infos[server])
        except (AccessDenied, CertificateInvalid) as error:
            reason = chorus_error(error, {})
            yield broken(AREA, f"{server} cannot be used: {reason.message}", reason.advice)
        except ComfyConnectionError:
            yield broken(AREA, f"{server} cannot be reached", _START)
        except ComfyError as error:
            yield broken(AREA, f"{server} cannot be used: {chorus_error(error, {}).message}", _START)
        else:
            yield _result_of_server(server, stats, len(object_infos[server]))


def _result_of_server(server: str, stats: SystemStats, nodes: int) -> CheckResult:
    memory = ", ".join(
        f"{device.name.split(' : ')[0]}: {device.vram_free / GIB:.1f} of {device.vram_total / GIB:.1f} GiB free"
        for device in stats.devices
    )
    text = f"{server}: version {stats.version_text or 'unknown'}, {nodes} nodes; {memory or 'no device'}"
    if not stats.takes_prompt_id:
        return broken(AREA, text, f"Update ComfyUI: {OLDEST_VERSION} or newer is needed.")
    return ok(AREA, text)
