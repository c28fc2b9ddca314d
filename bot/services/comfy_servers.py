"""Opens the ComfyUI servers of the configuration, each with the lock of its GPU."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyError
from bot.comfyui.options import ClientOptions
from bot.generation.orchestrator import ComfyServer
from bot.gpu_lock import GpuLock, SwapLimits
from bot.language_model.unloading import ModelUnloader, Provider
from bot.services.vram_handover import ModelHandover
from bot.settings import Settings

log = logging.getLogger(__name__)

_UNLOAD_REQUEST_SECONDS = 10
_OBJECT_INFO_SECONDS = 10
"""How long a person who has uploaded a workflow waits for ComfyUI."""


@asynccontextmanager
async def open_comfy_servers(settings: Settings) -> AsyncGenerator[tuple[ComfyServer, ...]]:
    """Open a client for each of `comfyui.url` or `comfyui.urls`; at least one.

    With `visual_generation.unload_during_image_generation` the language model shares the GPU of the first server.
    """
    comfyui = settings.comfyui
    options = ClientOptions(
        retry_attempts=comfyui.connection_retry_attempts,
        retry_backoff=comfyui.connection_retry_backoff,
        poll_initial=comfyui.polling.initial_interval_seconds,
        poll_max=comfyui.polling.max_interval_seconds,
    )
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(ComfyClient(url, options)) for url in comfyui.servers]
        if not settings.visual_generation.unload_during_image_generation:
            yield tuple(ComfyServer(client, GpuLock()) for client in clients)
            return
        timeout = aiohttp.ClientTimeout(total=_UNLOAD_REQUEST_SECONDS)
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        first, *others = clients
        shared = ComfyServer(first, _shared_lock(settings, first, session))
        yield shared, *(ComfyServer(client, GpuLock()) for client in others)


def object_info_source(client: ComfyClient) -> Callable[[], Awaitable[Mapping[str, Any] | None]]:
    """A function that returns what ComfyUI has installed: what was asked before if it is away; None: never reached."""

    async def ask() -> Mapping[str, Any] | None:
        if client.cached_object_info is not None:
            return client.cached_object_info
        try:
            async with asyncio.timeout(_OBJECT_INFO_SECONDS):
                return await client.object_info()
        except (ComfyError, TimeoutError) as error:
            log.info("ComfyUI was not asked what it has installed: %s", type(error).__name__)
            return None

    return ask


def _shared_lock(settings: Settings, client: ComfyClient, session: aiohttp.ClientSession) -> GpuLock:
    visual = settings.visual_generation
    model = ModelUnloader(
        Provider(settings.llm.provider),
        settings.llm.url,
        session=session,
        unload_timeout_seconds=visual.unload_timeout_seconds,
    )
    limits = SwapLimits(visual.max_swap_wait_seconds, visual.max_swap_wait_seconds)
    return GpuLock(handover=ModelHandover(model, client), limits=limits)
