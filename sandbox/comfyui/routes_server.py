"""/ws, /object_info, /system_stats, /features, /embeddings, model files, and the stand-in's own /sandbox routes."""

from __future__ import annotations

import sys
from pathlib import PurePosixPath
from typing import Any

from aiohttp import web

from sandbox.comfyui.instance import ServerInstance
from sandbox.comfyui.replies import Route, json_body
from sandbox.comfyui.sockets import FEATURES


def routes(instance: ServerInstance) -> list[Route]:
    """The routes of this module for one server instance."""
    server = _Server(instance)
    return [
        ("GET", "/ws", instance.sockets.handle),
        ("GET", "/object_info", server.object_info),
        ("GET", "/object_info/{class_type}", server.one_object_info),
        ("GET", "/system_stats", server.system_stats),
        ("GET", "/features", server.features),
        ("GET", "/models", server.models),
        ("GET", "/models/{folder}", server.models_in),
        ("GET", "/experiment/models/{folder}", server.model_files),
        ("GET", "/view_metadata/{folder}", server.view_metadata),
        ("GET", "/embeddings", server.embeddings),
        ("GET", "/extensions", server.extensions),
        ("GET", "/templates/{name}", server.template),
    ]


def sandbox_routes(instance: ServerInstance) -> list[Route]:
    """Routes that ComfyUI does not have, for tests in another process: the event log, and setting faults."""
    server = _Server(instance)
    return [("GET", "/sandbox/log", server.log), ("POST", "/sandbox/faults", server.change_faults)]


class _Server:
    def __init__(self, instance: ServerInstance) -> None:
        self._instance = instance

    async def object_info(self, _request: web.Request) -> web.Response:
        installed = self._instance.installed
        return web.json_response({name: installed.info(name) for name in list(installed.nodes)})

    async def one_object_info(self, request: web.Request) -> web.Response:
        name = request.match_info["class_type"]
        installed = self._instance.installed
        return web.json_response({name: installed.info(name)} if name in installed.nodes else {})

    async def system_stats(self, _request: web.Request) -> web.Response:
        options = self._instance.options
        memory = options.vram_total
        system: dict[str, Any] = {
            "os": sys.platform,
            "ram_total": memory,
            "ram_free": memory // 2,
            "comfyui_version": options.version,
            "required_frontend_version": "1.49.6",
            "python_version": sys.version,
            "pytorch_version": "0+sandbox",
            "embedded_python": False,
            "deploy_environment": "sandbox",
            "argv": ["main.py", "--sandbox", *(["--preview-method", "latent2rgb"] if options.previews else [])],
        }
        device = {
            "name": "sandbox",
            "type": "cpu",
            "index": None,
            "vram_total": memory,
            "vram_free": memory - self._instance.cached_results * 2**20,
            "torch_vram_total": memory,
            "torch_vram_free": memory,
        }
        return web.json_response({"system": system, "devices": [device]})

    async def features(self, _request: web.Request) -> web.Response:
        return web.json_response(FEATURES)

    async def models(self, _request: web.Request) -> web.Response:
        return web.json_response(list(self._instance.installed.models))

    async def models_in(self, request: web.Request) -> web.Response:
        names = self._instance.installed.models.get(request.match_info["folder"])
        return web.Response(status=404) if names is None else web.json_response(names)

    async def model_files(self, request: web.Request) -> web.Response:
        names = self._instance.installed.models.get(request.match_info["folder"])
        if names is None:
            return web.Response(status=404)
        sizes = self._instance.options.model_sizes
        return web.json_response([{"name": name, "pathIndex": 0, "size": sizes.get(name, 0)} for name in names])

    async def view_metadata(self, request: web.Request) -> web.Response:
        name = request.query.get("filename", "")
        names = self._instance.installed.models.get(request.match_info["folder"], [])
        metadata = self._instance.options.model_metadata.get(name) if name in names else None
        return web.Response(status=404) if metadata is None else web.json_response(dict(metadata))

    async def embeddings(self, _request: web.Request) -> web.Response:
        names = self._instance.installed.models.get("embeddings", [])
        return web.json_response([str(PurePosixPath(name).with_suffix("")) for name in names])

    async def extensions(self, _request: web.Request) -> web.Response:
        return web.json_response([])

    async def template(self, request: web.Request) -> web.StreamResponse:
        folder = self._instance.options.templates
        file = None if folder is None else folder / PurePosixPath(request.match_info["name"]).name
        return web.FileResponse(file) if file is not None and file.is_file() else web.Response(status=404)

    async def log(self, _request: web.Request) -> web.Response:
        entries = [
            {"at": entry.time, "kind": entry.kind, "prompt_id": entry.prompt_id, "detail": dict(entry.detail)}
            for entry in list(self._instance.log.entries)
        ]
        return web.json_response({"entries": entries, "idle_gaps": self._instance.log.idle_gaps()})

    async def change_faults(self, request: web.Request) -> web.Response:
        try:
            self._instance.faults.update(await json_body(request))
        except (KeyError, ValueError) as error:
            return web.json_response({"error": f"no such fault: {error}"}, status=400)
        return web.Response()
