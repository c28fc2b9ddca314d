"""The model files that a ComfyUI has, by folder and with their sizes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import AccessDenied, ComfyError, UnexpectedResponse
from bot.errors import InputInvalid
from bot.generation.error_translation import chorus_error

_SIZES_SECONDS: Final = 60.0
"""How long sizes are kept: files come and go while ComfyUI runs."""
_SIZES_TIMEOUT: Final = 10
_PARALLEL: Final = 6
_METADATA_TIMEOUT: Final = 3
_MAX_LORAS: Final = 12


class InstalledModels:
    """Asks one ComfyUI for its model files.

    Args:
        client: The server.

    """

    def __init__(self, client: ComfyClient) -> None:
        self._client = client
        self._kept: tuple[float, dict[str, int]] | None = None

    async def folders(self) -> list[str]:
        """The kinds of model files, such as `checkpoints` and `loras`.

        Raises:
            ComfyUnavailable: The server does not answer.

        """
        try:
            return await self._client.model_folders()
        except ComfyError as error:
            raise chorus_error(error, {}) from error

    async def find(self, folder: str | None, text: str) -> dict[str, list[str]]:
        """The names of the files in which a text occurs, by folder.

        Args:
            folder: One of the folders; None: all of them.
            text: A part of the name, in any case; empty: every file.

        Raises:
            InputInvalid: There is no such folder; the error names those that there are.
            ComfyUnavailable: The server does not answer.

        """
        known = await self.folders()
        if folder is not None and folder not in known:
            raise InputInvalid(f"ComfyUI has no folder {folder[:60]}.", advice=f"There are: {', '.join(known)}.")
        wanted = text.casefold()
        folders = known if folder is None else [folder]
        files = await self._of_each(folders)
        return {name: [file for file in files[name] if wanted in file.casefold()] for name in folders}

    async def sizes_in(self, folder: str) -> dict[str, int | None]:
        """The files of a folder with their bytes; None where the server does not tell them. Empty: no such folder.

        Raises:
            ComfyUnavailable: The server does not answer.

        """
        try:
            names = await self._names(folder)
            sizes = await self._client.model_sizes(folder)
        except ComfyError as error:
            raise chorus_error(error, {}) from error
        return {name: sizes.get(name) or None for name in names}

    async def sizes(self) -> Mapping[str, int]:
        """The bytes of every model file by its name; empty where the server does not tell them or does not answer."""
        if self._kept is not None and time.monotonic() - self._kept[0] < _SIZES_SECONDS:
            return self._kept[1]
        limit = asyncio.Semaphore(_PARALLEL)

        async def of_folder(folder: str) -> dict[str, int]:
            async with limit:
                return await self._client.model_sizes(folder)

        try:
            async with asyncio.timeout(_SIZES_TIMEOUT):
                listed = await asyncio.gather(*map(of_folder, await self._client.model_folders()))
        except (ComfyError, TimeoutError):
            return {}
        found: dict[str, int] = {}
        for sizes in listed:
            found |= {name: size for name, size in sizes.items() if size > 0}
        self._kept = time.monotonic(), found
        return found

    async def lora_metadata(self, names: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """What the headers of LoRAs say; without those that have none, or whose server does not answer in time."""
        found: dict[str, Mapping[str, Any]] = {}
        try:
            async with asyncio.timeout(_METADATA_TIMEOUT):
                for name in list(names)[:_MAX_LORAS]:
                    found[name] = await self._client.model_metadata("loras", name)
        except (ComfyError, TimeoutError):
            return found
        return found

    async def _of_each(self, folders: list[str]) -> dict[str, list[str]]:
        limit = asyncio.Semaphore(_PARALLEL)

        async def names(folder: str) -> list[str]:
            async with limit:
                return await self._names(folder)

        try:
            return dict(zip(folders, await asyncio.gather(*map(names, folders)), strict=True))
        except ComfyError as error:
            raise chorus_error(error, {}) from error

    async def _names(self, folder: str) -> list[str]:
        try:
            return await self._client.models_in(folder)
        except AccessDenied:
            raise
        except UnexpectedResponse:  # no such folder
            return []
