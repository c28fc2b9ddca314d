"""`/object_info` of a ComfyUI named on the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import AccessDenied, CertificateInvalid, ComfyError
from bot.comfyui.transport import without_login
from bot.errors import ComfyUnavailable
from bot.generation.error_translation import chorus_error


def server_object_info(server: str, advice: str) -> Mapping[str, Any]:
    """Return the body of `GET /object_info`. Blocking.

    Args:
        server: The base URL.
        advice: What to do if it does not answer.

    Raises:
        ComfyUnavailable: The server does not answer.

    """
    return asyncio.run(_object_info(server, advice))


async def _object_info(server: str, advice: str) -> Mapping[str, Any]:
    try:
        async with ComfyClient(server) as client:
            return await client.object_info()
    except ComfyError as error:
        raise unavailable(server, error, advice) from error


def unavailable(server: str, error: ComfyError, advice: str) -> ComfyUnavailable:
    """The error for a server, named on the command line, that does not answer as ComfyUI does."""
    reason = chorus_error(error, {}).message if isinstance(error, (AccessDenied, CertificateInvalid)) else ""
    return ComfyUnavailable(f"ComfyUI at {without_login(server)} cannot be reached. {reason}".strip(), advice=advice)
