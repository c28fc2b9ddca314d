"""/prompt, /queue, /interrupt, /free and /history."""

from __future__ import annotations

import time
import uuid
from typing import Any

from aiohttp import web

from sandbox.comfyui.faults import PostFault
from sandbox.comfyui.instance import ServerInstance
from sandbox.comfyui.prompt_queue import QueueItem
from sandbox.comfyui.replies import Route, cut_off, json_body, reply_500
from sandbox.comfyui.validation import validate
from sandbox.comfyui.validation_errors import ErrorObject, error_object

SECRET_KEYS = ("auth_token_comfy_org", "api_key_comfy_org")


def routes(instance: ServerInstance) -> list[Route]:
    """The routes of this module for one server instance."""
    prompts = _Prompts(instance)
    return [
        ("GET", "/prompt", prompts.remaining),
        ("POST", "/prompt", prompts.submit),
        ("GET", "/queue", prompts.queue),
        ("POST", "/queue", prompts.change_queue),
        ("POST", "/interrupt", prompts.interrupt),
        ("POST", "/free", prompts.free),
        ("GET", "/history", prompts.list_history),
        ("GET", "/history/{prompt_id}", prompts.get_history),
        ("POST", "/history", prompts.change_history),
    ]


def is_canonical_uuid(value: object) -> bool:
    """Whether an id is a UUID in lower case with hyphens, which is the only form that ComfyUI accepts."""
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False


class _Prompts:
    def __init__(self, instance: ServerInstance) -> None:
        self._instance = instance

    async def remaining(self, _request: web.Request) -> web.Response:
        return web.json_response({"exec_info": {"queue_remaining": self._instance.queue.remaining}})

    async def submit(self, request: web.Request) -> web.StreamResponse:
        fault = self._instance.faults.posts.pop(0) if self._instance.faults.posts else None
        if fault is PostFault.DROPPED:
            return cut_off(request)
        if fault is PostFault.SERVER_ERROR:
            return reply_500()
        response, prompt_id = self._queue_prompt(await json_body(request))
        if fault is PostFault.APPLIED_THEN_DROPPED:
            return cut_off(request)
        if fault is PostFault.EVENTS_FIRST and prompt_id is not None:
            await self._wait_until_ended(prompt_id)
        return response

    async def _wait_until_ended(self, prompt_id: str) -> None:
        """Wait until a prompt has ended and its messages were queued."""
        await self._instance.log.wait_for("ended", prompt_id)

    def _queue_prompt(self, body: dict[str, Any]) -> tuple[web.Response, str | None]:
        number = self._number(body)
        if "prompt" not in body:
            return _refusal_response(error_object("no_prompt", "No prompt provided", "No prompt provided")), None
        prompt_id = body.get("prompt_id")
        if prompt_id is not None and self._instance.options.demands_uuid and not is_canonical_uuid(prompt_id):
            details = (
                "prompt_id must be a UUID string in canonical lowercase hyphenated form; "
                "omit it to let the server generate one"
            )
            return _refusal_response(error_object("invalid_prompt_id", "prompt_id must be a valid UUID", details)), None
        if prompt_id is None or not self._instance.options.takes_prompt_id:
            prompt_id = str(uuid.uuid4())
        graph = body["prompt"]
        result = validate(self._instance.installed, graph, body.get("partial_execution_targets"))
        extra: dict[str, Any] = body.get("extra_data", {})
        if not isinstance(extra, dict):  # pyright: ignore[reportUnnecessaryIsInstance] - anything may be sent
            msg = "extra_data is no object"
            raise TypeError(msg)
        if "client_id" in body:
            extra["client_id"] = body["client_id"]
        if result.error is not None:
            return _refusal_response(result.error, result.node_errors), None
        secrets = {key: extra.pop(key) for key in SECRET_KEYS if key in extra}
        extra["create_time"] = int(time.time() * 1000)
        self._instance.log.add("submitted", str(prompt_id), number=number)
        self._instance.queue.put(QueueItem(number, str(prompt_id), graph, extra, result.outputs, secrets))
        reply = {"prompt_id": prompt_id, "number": number, "node_errors": result.node_errors}
        return web.json_response(reply), str(prompt_id)

    def _number(self, body: dict[str, Any]) -> float:
        if "number" in body:
            return float(body["number"])
        number = -self._instance.next_number if body.get("front") else self._instance.next_number
        self._instance.next_number += 1
        return number

    async def queue(self, _request: web.Request) -> web.Response:
        running, pending = self._instance.queue.snapshot()
        return web.json_response({"queue_running": running, "queue_pending": pending})

    async def change_queue(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        if body.get("clear"):
            self._instance.queue.clear()
        for prompt_id in body.get("delete", []):
            self._instance.queue.delete(prompt_id)
        return web.Response()

    async def interrupt(self, request: web.Request) -> web.Response:
        try:
            body = await json_body(request)
        except ValueError:
            body = {}
        prompt_id = body.get("prompt_id") if self._instance.options.interrupts_by_id else None
        if prompt_id:
            self._instance.interrupt_if_running(prompt_id)
        else:
            self._instance.interrupt()
        return web.Response()

    async def free(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        for name in ("unload_models", "free_memory"):
            if body.get(name):
                self._instance.queue.set_flag(name)
        return web.Response()

    async def get_history(self, request: web.Request) -> web.Response:
        return web.json_response(self._instance.queue.history(request.match_info["prompt_id"]))

    async def list_history(self, request: web.Request) -> web.Response:
        query = request.rel_url.query
        max_items = int(query["max_items"]) if "max_items" in query else None
        offset = int(query["offset"]) if "offset" in query else -1
        items = list(self._instance.queue.history().items())
        start = max(len(items) - max_items, 0) if offset < 0 and max_items is not None else max(offset, 0)
        return web.json_response(dict(items[start : start + max_items if max_items is not None else None]))

    async def change_history(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        if body.get("clear"):
            self._instance.queue.delete_history()
        for prompt_id in body.get("delete", []):
            self._instance.queue.delete_history(prompt_id)
        return web.Response()


def _refusal_response(error: ErrorObject, node_errors: dict[str, Any] | None = None) -> web.Response:
    return web.json_response({"error": error, "node_errors": node_errors or {}}, status=400)
