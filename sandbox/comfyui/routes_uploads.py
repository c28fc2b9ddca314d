"""POST /upload/image and POST /upload/mask."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import BodyPartReader, web
from PIL import Image, PngImagePlugin

from sandbox.comfyui.folders import Folders
from sandbox.comfyui.instance import ServerInstance
from sandbox.comfyui.pixels import resize
from sandbox.comfyui.replies import Route, reply_500


def routes(instance: ServerInstance) -> list[Route]:
    """The routes of this module for one server instance."""
    handlers = _UploadHandlers(instance)
    return [
        ("POST", "/upload/image", handlers.upload_image),
        ("POST", "/upload/mask", handlers.upload_mask),
    ]


@dataclass
class _Form:
    fields: dict[str, str] = field(default_factory=dict[str, str])
    filename: str = ""
    """Of the part `image`; empty if there is none."""
    data: bytes = b""


async def _read_form(request: web.Request, max_bytes: int) -> _Form:
    """Read a form into memory.

    aiohttp's `request.post()` is not used: it writes files to temporary files, which stay open when the client leaves
    during the upload or the stand-in is killed.

    Raises:
        web.HTTPRequestEntityTooLarge: The parts have more than `max_bytes` together.

    """
    form = _Form()
    if request.content_type != "multipart/form-data":
        return form
    size = 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        data = bytearray()
        while chunk := await part.read_chunk():
            data += chunk
            size += len(chunk)
            if size > max_bytes:
                raise web.HTTPRequestEntityTooLarge(max_size=max_bytes, actual_size=size)
        if part.filename is None:
            form.fields[part.name] = data.decode(errors="replace")
        elif part.name == "image":
            form.filename, form.data = part.filename, bytes(data)
    return form


class _UploadHandlers:
    def __init__(self, instance: ServerInstance) -> None:
        self._instance = instance
        self._folders = instance.installed.folders

    async def upload_image(self, request: web.Request) -> web.StreamResponse:
        return await self._upload(request, mask=False)

    async def upload_mask(self, request: web.Request) -> web.StreamResponse:
        return await self._upload(request, mask=True)

    async def _upload(self, request: web.Request, *, mask: bool) -> web.StreamResponse:
        form = await _read_form(request, self._instance.options.max_upload_bytes)
        if self._instance.faults.reject_uploads or not form.filename:
            return web.Response(status=400)
        folder_type = form.fields.get("type", "input")
        base = self._folders.path(folder_type)
        if base is None:
            return reply_500()
        subfolder = form.fields.get("subfolder", "")
        folder = (base / subfolder).resolve()
        target = (folder / form.filename).resolve()
        if not target.is_relative_to(base):
            return web.Response(status=400)
        folder.mkdir(parents=True, exist_ok=True)
        overwrite = form.fields.get("overwrite") in {"true", "1"}
        path, known = await asyncio.to_thread(_choose_path, target, form.data, overwrite)
        if not known:
            try:
                if mask:
                    await asyncio.to_thread(_save_masked, self._folders, path, form.data, form.fields)
                else:
                    await asyncio.to_thread(path.write_bytes, form.data)
            except (OSError, ValueError, TypeError, KeyError):
                return reply_500()
        self._instance.log.add("upload", None, name=path.name, subfolder=subfolder, size=len(form.data), known=known)
        return web.json_response({"name": path.name, "subfolder": subfolder, "type": folder_type})


def _save_masked(folders: Folders, path: Path, data: bytes, fields: Mapping[str, str]) -> None:
    """Save the picture that `original_ref` names, with the uploaded mask as its alpha channel."""
    reference: dict[str, Any] = json.loads(fields["original_ref"])
    original = folders.view_path(
        reference["filename"], reference.get("type", "output"), reference.get("subfolder") or None
    )
    if isinstance(original, int):
        return  # ComfyUI answers 200 with a name all the same, and writes nothing
    with Image.open(original) as picture, Image.open(io.BytesIO(data)) as mask:
        metadata = PngImagePlugin.PngInfo()
        for key, text in getattr(picture, "text", {}).items():
            metadata.add_text(key, text)
        masked = picture.convert("RGBA")
        masked.putalpha(resize(mask.convert("RGBA"), masked.size).getchannel("A"))
        masked.save(path, format="PNG", compress_level=4, pnginfo=metadata)


def _choose_path(target: Path, data: bytes, overwrite: bool) -> tuple[Path, bool]:
    """Where to save an upload, and whether a file with these very bytes is there already.

    Without `overwrite` a name that another file has gets a number, as in `a (1).png`.
    """
    path, number = target, 1
    while path.exists() and not overwrite:
        if path.read_bytes() == data:
            return path, True
        path = target.with_name(f"{target.stem} ({number}){target.suffix}")
        number += 1
    return path, False
