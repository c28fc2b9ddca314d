"""Ollama's and LM Studio's endpoints for listing, loading and unloading models."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.llm.loaded_models import LoadedModels

_SIZE = 4_683_087_332


_LONG_AGO = "2026-01-01T00:00:00Z"


class ModelRoutes:
    """The handlers of Ollama's and LM Studio's own endpoints.

    Ollama: `/api/tags`, `/api/ps`, `/api/generate` and `/api/version`. LM Studio: `/api/v0/models`, `/api/v1/models`,
    `/api/v1/models/load` and `/api/v1/models/unload`.
    """

    def __init__(self, memory: LoadedModels) -> None:
        self._loaded = memory
        self._models = memory.options.models

    def add_to(self, app: web.Application) -> None:
        """Add the routes to an application."""
        router = app.router
        router.add_get("/", self.hello)
        router.add_get("/api/version", self.version)
        router.add_get("/api/tags", self.tags)
        router.add_get("/api/ps", self.ps)
        router.add_post("/api/generate", self.generate)
        router.add_get("/api/v0/models", self.studio_v0)
        router.add_get("/api/v1/models", self.studio_v1)
        router.add_post("/api/v1/models/load", self.studio_load)
        router.add_post("/api/v1/models/unload", self.studio_unload)

    async def hello(self, _request: web.Request) -> web.Response:
        """Ollama's `GET /`."""
        return web.Response(text="Ollama is running")

    async def version(self, _request: web.Request) -> web.Response:
        """A version number that no real server has."""
        return web.json_response({"version": "0.0.0-sandbox"})

    async def tags(self, _request: web.Request) -> web.Response:
        """List the models that are installed."""
        return web.json_response({"models": [{**_ollama(name), "modified_at": _LONG_AGO} for name in self._models]})

    async def ps(self, _request: web.Request) -> web.Response:
        """List the models that are loaded."""
        running = [
            {
                **_ollama(name),
                "expires_at": _LONG_AGO,
                "size_vram": _SIZE,
                "context_length": self._loaded.options.context_window,
            }
            for name in self._loaded.names
        ]
        return web.json_response({"models": running})

    async def generate(self, request: web.Request) -> web.Response:
        """Load a model, or unload it with `keep_alive: 0`. Requests with a prompt are refused."""
        body: dict[str, Any] = await request.json()
        model = str(body.get("model", ""))
        if model not in self._models:
            return web.json_response({"error": f"model '{model}' not found"}, status=404)
        if body.get("prompt"):
            return web.json_response({"error": "the stand-in answers /v1/chat/completions only"}, status=400)
        unload = body.get("keep_alive") in {0, "0", "0s", "0m"}
        if unload:
            self._loaded.unload(model)
        else:
            self._loaded.load(model)
        reply = {
            "model": model,
            "created_at": _LONG_AGO,
            "response": "",
            "done": True,
            "done_reason": "unload" if unload else "load",
        }
        return web.json_response(reply)

    async def studio_v0(self, _request: web.Request) -> web.Response:
        """LM Studio's list of models before version 0.4."""
        loaded = self._loaded.names
        data = [
            {
                "id": name,
                "object": "model",
                "type": "llm",
                "publisher": "sandbox",
                "arch": "rules",
                "compatibility_type": "gguf",
                "quantization": "none",
                "state": "loaded" if name in loaded else "not-loaded",
                "max_context_length": self._loaded.options.context_window,
                "capabilities": ["tool_use"],
            }
            for name in self._models
        ]
        return web.json_response({"object": "list", "data": data})

    async def studio_v1(self, _request: web.Request) -> web.Response:
        """LM Studio's list of models since version 0.4."""
        loaded = self._loaded.names
        window = self._loaded.options.context_window
        models = [
            {
                "type": "llm",
                "publisher": "sandbox",
                "key": name,
                "display_name": name,
                "architecture": "rules",
                "quantization": None,
                "size_bytes": _SIZE,
                "params_string": None,
                "loaded_instances": [{"id": name, "config": {"context_length": window}}] if name in loaded else [],
                "max_context_length": window,
                "format": "gguf",
                "capabilities": {"vision": False, "trained_for_tool_use": True},
            }
            for name in self._models
        ]
        return web.json_response({"models": models})

    async def studio_load(self, request: web.Request) -> web.Response:
        """Load a model."""
        name = str((await request.json()).get("model", ""))
        if name not in self._models:
            return _not_found(name)
        self._loaded.load(name)
        reply = {"type": "llm", "instance_id": name, "load_time_seconds": 0.0, "status": "loaded"}
        return web.json_response(reply)

    async def studio_unload(self, request: web.Request) -> web.Response:
        """Unload an instance of a model."""
        name = str((await request.json()).get("instance_id", ""))
        if name not in self._loaded.names:
            return _not_found(name)
        self._loaded.unload(name)
        return web.json_response({"instance_id": name})


def _ollama(name: str) -> dict[str, Any]:
    details = {
        "format": "gguf",
        "family": "sandbox",
        "families": ["sandbox"],
        "parameter_size": "0B",
        "quantization_level": "none",
    }
    return {"name": name, "model": name, "size": _SIZE, "digest": "0" * 64, "details": details}


def _not_found(name: str) -> web.Response:
    error = {"type": "model_not_found", "message": f"No model instance '{name}'", "code": "model_not_found"}
    return web.json_response({"error": error}, status=404)
