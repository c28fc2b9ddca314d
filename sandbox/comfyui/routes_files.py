"""/view and /upload: ComfyUI's rules about names, and every kind of bad file on request."""

from __future__ import annotations

import asyncio
import io
import json
import mimetypes
from pathlib import Path, PurePosixPath
from typing import Any

from aiohttp import web
from multidict import MultiDictProxy
from PIL import Image, PngImagePlugin

from sandbox.comfyui.faults import ViewFault
from sandbox.comfyui.faulty_bodies import FAULTY_BODIES
from sandbox.comfyui.instance import ServerInstance
from sandbox.comfyui.pixels import resize
from sandbox.comfyui.replies import Route, reply_500

TYPES = {".opus": "audio/ogg", ".flac": "audio/flac", ".mp3": "audio/mpeg", ".webp": "image/webp"}
"""Where Python's table differs between systems, or has nothing."""
ACTIVE = {"text/html", "image/svg+xml", "text/javascript", "application/javascript", "text/css", "application/xml"}
"""Never served as what they are."""


def routes(instance: ServerInstance) -> list[Route]:
    """Method, path, handler."""
    files = _Files(instance)
    return [
        ("GET", "/view", files.view),
        ("HEAD", "/view", files.view),
        ("POST", "/upload/image", files.upload_image),
        ("POST", "/upload/mask", files.upload_mask),
    ]


class _Files:
    def __init__(self, instance: ServerInstance) -> None:
        self._instance = instance
        self._folders = instance.installed.folders

    # -- /view

    async def view(self, request: web.Request) -> web.StreamResponse:
        query = request.rel_url.query
        name = query.get("filename")
        if name is None:
            return web.Response(status=404)
        self._instance.log.add("view", None, filename=name, type=query.get("type", "output"))
        if self._instance.faults.views and request.method == "GET":
            return await self._faulty(request, self._instance.faults.views.pop(0), name)
        path = self._locate(name, query.get("type", "output"), query.get("subfolder"))
        if isinstance(path, int):
            return web.Response(status=path)
        if "preview" in query or query.get("channel") in {"rgb", "a"}:
            return await asyncio.to_thread(_reencoded, path, query.get("preview"), query.get("channel", ""))
        return _file(path)

    def _locate(self, name: str, folder_type: str, subfolder: str | None) -> Path | int:
        """The file, or the status to refuse with."""
        name, folder = self._folders.split_annotation(name)
        if not name or name.startswith("/") or ".." in name:
            return 400
        folder = folder or self._folders.path(folder_type)
        if folder is None:
            return 400
        if subfolder is not None:
            wanted = (folder / subfolder).resolve()
            if not wanted.is_relative_to(folder):
                return 403
            folder = wanted
        path = folder / PurePosixPath(name).name
        return path if path.is_file() else 404

    async def _faulty(self, request: web.Request, fault: ViewFault, name: str) -> web.StreamResponse:
        match fault:
            case ViewFault.GONE:
                return web.Response(status=404)
            case ViewFault.SERVER_ERROR:
                return reply_500()
            case ViewFault.ENDLESS:
                return await _endless(request)
            case ViewFault.TRUNCATED | ViewFault.HALF_FILE:
                return await self._half(request, name, honest=fault is ViewFault.HALF_FILE)
            case _:
                return _bytes(await asyncio.to_thread(FAULTY_BODIES[fault]), name)

    async def _half(self, request: web.Request, name: str, *, honest: bool) -> web.StreamResponse:
        query = request.rel_url.query
        path = self._locate(name, query.get("type", "output"), query.get("subfolder"))
        if isinstance(path, int):
            return web.Response(status=path)
        data = await asyncio.to_thread(path.read_bytes)
        return _bytes(data[: len(data) // 2], name) if honest else await _truncated(request, data, name)

    # -- /upload

    async def upload_image(self, request: web.Request) -> web.StreamResponse:
        return await self._upload(request, mask=False)

    async def upload_mask(self, request: web.Request) -> web.StreamResponse:
        return await self._upload(request, mask=True)

    async def _upload(self, request: web.Request, *, mask: bool) -> web.StreamResponse:
        form = await request.post()
        field = form.get("image")
        if self._instance.faults.reject_uploads or not isinstance(field, web.FileField) or not field.filename:
            return web.Response(status=400)
        folder_type = str(form.get("type", "input"))
        base = self._folders.path(folder_type)
        if base is None:
            return reply_500()
        subfolder = str(form.get("subfolder", ""))
        folder = (base / subfolder).resolve()
        wanted = (folder / field.filename).resolve()
        if not wanted.is_relative_to(base):
            return web.Response(status=400)
        folder.mkdir(parents=True, exist_ok=True)
        data = await asyncio.to_thread(field.file.read)
        overwrite = form.get("overwrite") in {"true", "1"}
        path, known = await asyncio.to_thread(_free_name, wanted, data, overwrite)
        if not known:
            try:
                await asyncio.to_thread(self._store, path, data, form if mask else None)
            except (OSError, ValueError, TypeError, KeyError):
                return reply_500()
        self._instance.log.add("upload", None, name=path.name, subfolder=subfolder, size=len(data), known=known)
        return web.json_response({"name": path.name, "subfolder": subfolder, "type": folder_type})

    def _store(self, path: Path, data: bytes, mask_form: MultiDictProxy[Any] | None) -> None:
        if mask_form is None:
            path.write_bytes(data)
            return
        reference: dict[str, Any] = json.loads(mask_form["original_ref"])
        original = self._locate(
            reference["filename"], reference.get("type", "output"), reference.get("subfolder") or None
        )
        if isinstance(original, int):
            return  # ComfyUI answers 200 with a name all the same, and writes nothing
        with Image.open(original) as picture, Image.open(io.BytesIO(data)) as mask:
            kept = PngImagePlugin.PngInfo()
            for key, text in getattr(picture, "text", {}).items():
                kept.add_text(key, text)
            masked = picture.convert("RGBA")
            masked.putalpha(resize(mask.convert("RGBA"), masked.size).getchannel("A"))
            masked.save(path, format="PNG", compress_level=4, pnginfo=kept)


def _free_name(wanted: Path, data: bytes, overwrite: bool) -> tuple[Path, bool]:
    """Where to write, and whether these very bytes are there already."""
    path, number = wanted, 1
    while path.exists() and not overwrite:
        if path.read_bytes() == data:
            return path, True
        path = wanted.with_name(f"{wanted.stem} ({number}){wanted.suffix}")
        number += 1
    return path, False


def _content_type(name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    return TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def _disposition(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'filename="{escaped}"'


def _file(path: Path) -> web.StreamResponse:
    """The file itself; aiohttp adds ETag, Last-Modified, ranges and HEAD."""
    content_type, disposition = _content_type(path.name), _disposition(path.name)
    if content_type in ACTIVE:
        content_type, disposition = "application/octet-stream", f"attachment; {disposition}"
    return web.FileResponse(
        path,
        headers={
            "Content-Type": content_type,
            "Content-Disposition": disposition,
            "X-Content-Type-Options": "nosniff",
        },
    )


def _bytes(data: bytes, name: str) -> web.Response:
    return web.Response(
        body=data, content_type=_content_type(name), headers={"Content-Disposition": _disposition(name)}
    )


async def _truncated(request: web.Request, data: bytes, name: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": _content_type(name), "Content-Length": str(len(data))})
    await response.prepare(request)
    await response.write(data[: len(data) // 2])
    await asyncio.sleep(0.02)  # let the half go out before the connection is cut
    if request.transport is not None:
        request.transport.abort()
    return response


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "image/png"})
    await response.prepare(request)
    block = b"\x89PNG\r\n\x1a\n" + bytes(2**20)
    while request.transport is not None and not request.transport.is_closing():
        await response.write(block)
    return response


def _reencoded(path: Path, preview: str | None, channel: str) -> web.Response:
    """`preview=webp;90`, `channel=rgb` (which leaves metadata behind) and `channel=a`."""
    buffer = io.BytesIO()
    with Image.open(path) as picture:
        if preview is not None:
            parts = preview.split(";")
            kind = parts[0] if parts[0] in {"webp", "jpeg"} and "a" not in channel else "webp"
            quality = int(parts[-1]) if parts[-1].isdigit() else 90
            shown = picture.convert("RGB") if kind == "jpeg" or channel == "rgb" else picture
            shown.save(buffer, format=kind, quality=quality)
        elif channel == "rgb":
            kind = "png"
            _without_metadata(picture.convert("RGB")).save(buffer, format="PNG")
        else:
            kind = "png"
            alpha = picture.getchannel("A") if picture.mode == "RGBA" else Image.new("L", picture.size, 255)
            shown = Image.new("RGBA", picture.size)
            shown.putalpha(alpha)
            shown.save(buffer, format="PNG")
    headers = {"Content-Disposition": _disposition(path.name)}
    return web.Response(body=buffer.getvalue(), content_type=f"image/{kind}", headers=headers)


def _without_metadata(picture: Image.Image) -> Image.Image:
    bare = Image.new("RGB", picture.size)
    bare.paste(picture)
    return bare
