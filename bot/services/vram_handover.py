"""VRAM from the language model to ComfyUI and back, for `visual_generation.unload_during_image_generation`."""

from __future__ import annotations

import logging

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyError
from bot.language_model.unloading import ModelUnloader

log = logging.getLogger(__name__)


class ModelHandover:
    """Implements `bot.gpu_lock.VramHandover`; neither side may fail a job or a turn."""

    def __init__(self, server: ModelUnloader, client: ComfyClient) -> None:
        self._server = server
        self._client = client

    async def before_generation(self) -> None:
        """Unload the language model and wait until it is gone."""
        await self._server.unload()

    async def before_conversation(self) -> None:
        """Ask ComfyUI to free its memory."""
        try:
            await self._client.free()
        except ComfyError as error:
            log.warning("ComfyUI did not free its memory: %s", error)
