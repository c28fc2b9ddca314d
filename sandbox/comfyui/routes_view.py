"""GET /view: ComfyUI's rules about the names of files, and broken files on request."""

from __future__ import annotations

import asyncio

from aiohttp import web

from sandbox.comfyui.faults import ViewFault
from sandbox.comfyui.faulty_bodies import FAULTY_BODIES
from sandbox.comfyui.file_responses import (
    bytes_response,
    reencoded_response,
    send_endless,
    send_file,
    send_truncated,
)
from sandbox.comfyui.instance import ServerInstance
from sandbox.comfyui.replies import Route, reply_500


def routes(instance: ServerInstance) -> list[Route]:
    """The routes of this module for one server instance."""
    handlers = _ViewHandlers(instance)
    return [("GET", "/view", handlers.view), ("HEAD", "/view", handlers.view)]


class _ViewHandlers:
    def __init__(self, instance: ServerInstance) -> None:
        self._instance = instance
        self._folders = instance.installed.folders

    async def view(self, request: web.Request) -> web.StreamResponse:
        query = request.rel_url.query
        name = query.get("filename")
        if name is None:
            return web.Response(status=404)
        folder_type = query.get("type", "output")
        self._instance.log.add("view", None, filename=name, type=folder_type)
        views = self._instance.faults.views
        fault = views.pop(0) if views and request.method == "GET" else None
        match fault:
            case None | ViewFault.TRUNCATED | ViewFault.HALF_FILE:
                return await self._stored_file(request, name, folder_type, fault)
            case ViewFault.GONE:
                return web.Response(status=404)
            case ViewFault.SERVER_ERROR:
                return reply_500()
            case ViewFault.ENDLESS:
                return await send_endless(request)
            case _:
                return bytes_response(await asyncio.to_thread(FAULTY_BODIES[fault]), name)

    async def _stored_file(
        self, request: web.Request, name: str, folder_type: str, fault: ViewFault | None
    ) -> web.StreamResponse:
        query = request.rel_url.query
        path = self._folders.view_path(name, folder_type, query.get("subfolder"))
        if isinstance(path, int):
            return web.Response(status=path)
        if fault is not None:
            data = await asyncio.to_thread(path.read_bytes)
            half = fault is ViewFault.HALF_FILE
            return bytes_response(data[: len(data) // 2], name) if half else await send_truncated(request, data, name)
        if "preview" in query or query.get("channel") in {"rgb", "a"}:
            return await asyncio.to_thread(reencoded_response, path, query.get("preview"), query.get("channel", ""))
        return await send_file(request, path)
