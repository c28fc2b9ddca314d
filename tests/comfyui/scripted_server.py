"""A ComfyUI server on a real socket that does only what a test tells it to, with the messages of ComfyUI 0.33."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Self, cast

from aiohttp import WSCloseCode, web

RECORDED = Path(__file__).parents[1] / "recorded" / "comfyui"
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 60

GRAPH: dict[str, Any] = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 1}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
}
FEATURE_FLAGS = {"supports_preview_metadata": True, "max_upload_size": 104857600}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ScriptedComfyUI:
    """Runs no prompt by itself: `start_prompt`, `send_event` and `finish_prompt` play what a server does.

    Attributes:
        version: What `/system_stats` says.
        has_websocket: False: `/ws` answers 404.
        feature_flags: The server's answer to the first frame of a connection.
        stale: Numbers of the WebSocket connections (1 is the first) that receive nothing after their greeting.
        greeting_node: The node that a new connection is told to be running, without a prompt id.
        broken_submissions: For each coming POST /prompt, how the connection breaks: "before" the prompt is queued,
            "after" it, or "after, then closed", with the server no longer accepting connections.
        fixed_response: Status, body and content type of every answer to POST /prompt and of the status of uploads.
        node_errors: What accepted submissions are answered with.
        chooses_ids: Ignore the client's `prompt_id`, as servers before 0.3.45 do.
        submission_gate: POST /prompt queues the prompt at once, and is answered when this is set.
        view_handler: Answers GET /view instead of `files`.
        play_recording: Called with prompt id and client id after each accepted submission.
        submissions: The bodies of all POST /prompt.
        calls: Method and path of all requests, in order.
        pending, running, history: The prompts of the server by id.
        files: Content of GET /view by "type/subfolder/filename".
        uploads: Name, subfolder and content of each upload.
        first_frames: The first frame of each WebSocket connection.
        client_ids: The client id of each WebSocket connection.
        interrupted: The prompt ids of interrupts that hit a running prompt.

    """

    def __init__(self) -> None:
        self.port = 0
        self.version = "0.33.0"
        self.has_websocket = True
        self.feature_flags: Mapping[str, Any] = FEATURE_FLAGS
        self.stale: set[int] = set()
        self.greeting_node: str | None = None
        self.broken_submissions: list[str] = []
        self.fixed_response: tuple[int, bytes, str] | None = None
        self.node_errors: dict[str, Any] = {}
        self.chooses_ids = False
        self.submission_gate: asyncio.Event | None = None
        self.view_handler: Handler | None = None
        self.play_recording: Callable[[str, str], Awaitable[None]] | None = None
        self.submissions: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.pending: dict[str, dict[str, Any]] = {}
        self.running: dict[str, dict[str, Any]] = {}
        self.history: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.uploads: list[tuple[str, str, bytes]] = []
        self.first_frames: list[Any] = []
        self.client_ids: list[str] = []
        self.interrupted: list[Any] = []
        self.changed = asyncio.Condition()
        self._sockets: dict[str, tuple[int, web.WebSocketResponse]] = {}
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = web.Application()
        app.add_routes(
            [
                web.get("/ws", self._ws),
                web.post("/prompt", self._prompt),
                web.get("/prompt", self._counts),
                web.get("/queue", self._queue),
                web.post("/queue", self._delete),
                web.post("/interrupt", self._interrupt),
                web.get("/history", self._whole_history),
                web.get("/history/{id}", self._history),
                web.get("/view", self._view),
                web.post("/upload/image", self._upload),
                web.get("/system_stats", self._stats),
                web.get("/object_info", self._object_info),
                web.post("/free", self._free),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await self._site.start()
        self.port = cast("tuple[str, int]", self._runner.addresses[0])[1]

    async def stop(self) -> None:
        """Like a killed process: connections break, queue and history are gone."""
        self.pending.clear()
        self.running.clear()
        self.history.clear()
        await self.close_websockets()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def close_websockets(self) -> None:
        for _, socket in list(self._sockets.values()):
            await socket.close(code=WSCloseCode.GOING_AWAY)
        self._sockets.clear()

    # -- for tests to wait

    async def wait_until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(condition)

    async def _record_call(self, call: str = "") -> None:
        async with self.changed:
            if call:
                self.calls.append(call)
            self.changed.notify_all()

    async def wait_for_connections(self, count: int) -> None:
        """Until so many WebSocket connections, in all, have sent their first frame."""
        await self.wait_until(lambda: len(self.first_frames) >= count)

    # -- what a server does

    async def send_event(self, prompt_id: str, kind: str, **data: object) -> None:
        entry = self.running.get(prompt_id) or self.pending.get(prompt_id) or {}
        await self.send_event_to(str(entry.get("client_id")), prompt_id, kind, **data)

    async def send_event_to(self, client_id: str, prompt_id: str, kind: str, **data: object) -> None:
        await self.send_frame(client_id, {"type": kind, "data": {**data, "prompt_id": prompt_id}})

    async def send_frame(self, client_id: str, message: Mapping[str, Any] | bytes) -> None:
        number, socket = self._sockets.get(client_id, (0, None))
        if socket is None or number in self.stale or socket.closed:
            return
        if isinstance(message, bytes):
            await socket.send_bytes(message)
        else:
            await socket.send_json(message)

    async def send_status(self) -> None:
        count = len(self.pending) + len(self.running)
        for client_id in list(self._sockets):
            await self.send_frame(
                client_id, {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": count}}}}
            )

    async def start_prompt(self, prompt_id: str) -> None:
        self.running[prompt_id] = self.pending.pop(prompt_id)
        await self.send_event(prompt_id, "execution_start", timestamp=1000)
        await self.send_event(prompt_id, "execution_cached", nodes=[])

    async def send_preview(self, prompt_id: str, picture: bytes = JPEG) -> None:
        header = json.dumps({"node_id": "1", "prompt_id": prompt_id, "image_type": "image/jpeg"}).encode()
        client_id = str(self.running[prompt_id]["client_id"])
        await self.send_frame(client_id, struct.pack(">II", 4, len(header)) + header + picture)

    async def finish_prompt(
        self,
        prompt_id: str,
        outputs: Mapping[str, Any] | None = None,
        *,
        end: str = "execution_success",
        status: str | None = None,
        announced: bool = True,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """End a running prompt. `announced` False: no event tells so, only the history."""
        outputs = {"2": {"images": [output_file("x_1.png")]}} if outputs is None else outputs
        if announced:
            for node, output in outputs.items():
                await self.send_event(prompt_id, "executed", node=node, output=output)
            await self.send_event(prompt_id, end, timestamp=3500, **(data or {}))
        entry = self.running.pop(prompt_id)
        ended = {"prompt_id": prompt_id, "timestamp": 3500, **(data or {})}
        self.history[prompt_id] = {
            "prompt": [1, prompt_id, entry["prompt"], {"client_id": entry["client_id"]}, ["2"]],
            "outputs": outputs,
            "status": {
                "status_str": status or ("success" if end == "execution_success" else "error"),
                "completed": end == "execution_success",
                "messages": [
                    ["execution_start", {"prompt_id": prompt_id, "timestamp": 1000}],
                    ["execution_cached", {"prompt_id": prompt_id, "nodes": []}],
                    [end, ended],
                ],
            },
        }
        if announced:
            message = {"type": "executing", "data": {"node": None, "prompt_id": prompt_id}}
            await self.send_frame(str(entry["client_id"]), message)

    def load_recording(self, name: str) -> Callable[[str, str], Awaitable[None]]:
        """Answer the next submission as recorded; what is returned sends the recorded frames under its prompt id."""
        lines = [json.loads(line) for line in (RECORDED / f"{name}.jsonl").read_text().splitlines()]
        if lines[0]["status"] != 200:
            self.fixed_response = (lines[0]["status"], json.dumps(lines[0]["body"]).encode(), "application/json")
        else:
            self.node_errors = lines[0]["body"]["node_errors"]
        recorded = str(lines[0]["body"].get("prompt_id"))

        async def play(prompt_id: str, client_id: str) -> None:
            history = json.loads(json.dumps(lines[-1]["body"]).replace(recorded, prompt_id))
            for line in lines[1:-1]:
                if "text" in line:
                    message = json.loads(json.dumps(line["text"]).replace(recorded, prompt_id))
                    if message["type"] == "execution_success" or message["data"].get("node", "") is None:
                        self.history.update(history)
                        self.pending.pop(prompt_id, None)
                    if message["type"] != "feature_flags" and "sid" not in message["data"]:
                        await self.send_frame(client_id, message)
                elif "binary_len" in line:
                    head = base64.b64decode(line["binary_b64_head"]).replace(recorded.encode(), prompt_id.encode())
                    await self.send_frame(client_id, head.ljust(line["binary_len"], b"\0"))

        return play

    # -- routes

    async def _ws(self, request: web.Request) -> web.StreamResponse:
        await self._record_call("GET /ws")
        if not self.has_websocket:
            return web.Response(status=404)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client_id = request.query.get("clientId") or uuid.uuid4().hex
        self.client_ids.append(client_id)
        self._sockets[client_id] = (len(self.client_ids), socket)
        greeting = {"status": {"exec_info": {"queue_remaining": 0}}, "sid": client_id}
        await socket.send_json({"type": "status", "data": greeting})
        if self.greeting_node is not None:
            await socket.send_json({"type": "executing", "data": {"node": self.greeting_node}})
        first = True
        async for message in socket:
            if first:
                self.first_frames.append(json.loads(message.data))
                await socket.send_json({"type": "feature_flags", "data": self.feature_flags})
                await self._record_call()
                first = False
        return socket

    async def _prompt(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.submissions.append(body)
        drop = self.broken_submissions.pop(0) if self.broken_submissions else ""
        if drop == "before":
            return await self._drop_connection(request, "POST /prompt")
        if self.fixed_response is not None:
            status, content, kind = self.fixed_response
            await self._record_call("POST /prompt")
            return web.Response(status=status, body=content, content_type=kind)
        prompt_id = str(uuid.uuid4()) if self.chooses_ids else body["prompt_id"]
        self.pending[prompt_id] = body
        await self.send_status()
        if self.submission_gate is not None:
            await self._record_call()
            await self.submission_gate.wait()
        if drop == "after, then closed":
            assert self._site is not None
            await self._site.stop()
        if drop.startswith("after"):
            return await self._drop_connection(request, "POST /prompt")
        await self._record_call("POST /prompt")
        if self.play_recording is not None:
            task = asyncio.ensure_future(self.play_recording(prompt_id, body["client_id"]))
            self._tasks.add(task)
        return web.json_response({"prompt_id": prompt_id, "number": 7, "node_errors": self.node_errors})

    async def _drop_connection(self, request: web.Request, call: str) -> web.Response:
        await self._record_call(call)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _counts(self, request: web.Request) -> web.Response:
        return web.json_response({"exec_info": {"queue_remaining": len(self.pending) + len(self.running)}})

    async def _queue(self, request: web.Request) -> web.Response:
        await self._record_call("GET /queue")
        return web.json_response(
            {"queue_running": self._entries(self.running), "queue_pending": self._entries(self.pending)}
        )

    @staticmethod
    def _entries(prompts: Mapping[str, dict[str, Any]]) -> list[Any]:
        return [
            [body.get("number", 0), prompt_id, body.get("prompt"), {"client_id": body.get("client_id")}, ["2"]]
            for prompt_id, body in prompts.items()
        ]

    async def _delete(self, request: web.Request) -> web.Response:
        for prompt_id in (await request.json())["delete"]:
            self.pending.pop(prompt_id, None)
        await self._record_call("POST /queue")
        await self.send_status()
        return web.Response()

    async def _interrupt(self, request: web.Request) -> web.Response:
        asked = (await request.json())["prompt_id"]
        old = tuple(map(int, self.version.split("."))) < (0, 3, 57)
        for prompt_id in [one for one in self.running if old or one == asked]:
            self.interrupted.append(prompt_id)
            await self.finish_prompt(prompt_id, {}, end="execution_interrupted", data={"node_id": "1"})
        await self._record_call("POST /interrupt")
        return web.Response()

    async def _whole_history(self, request: web.Request) -> web.Response:
        await self._record_call("GET /history")
        return web.json_response(self.history)

    async def _history(self, request: web.Request) -> web.Response:
        await self._record_call("GET /history/id")
        prompt_id = request.match_info["id"]
        return web.json_response({prompt_id: self.history[prompt_id]} if prompt_id in self.history else {})

    async def _view(self, request: web.Request) -> web.StreamResponse:
        await self._record_call("GET /view")
        if self.view_handler is not None:
            return await self.view_handler(request)
        name = f"{request.query['type']}/{request.query['subfolder']}/{request.query['filename']}"
        if ".." in name:
            return web.Response(status=400)
        return web.Response(body=self.files[name]) if name in self.files else web.Response(status=404)

    async def _upload(self, request: web.Request) -> web.Response:
        fields = await request.post()
        image = fields["image"]
        assert isinstance(image, web.FileField)
        taken = [name for name, _, _ in self.uploads]
        name = image.filename
        stored = name if name not in taken else name.replace(".", " (1).", 1)
        self.uploads.append((stored, str(fields["subfolder"]), image.file.read()))
        if self.fixed_response is not None:
            return web.Response(status=self.fixed_response[0])
        return web.json_response({"name": stored, "subfolder": fields["subfolder"], "type": "input"})

    async def _stats(self, request: web.Request) -> web.Response:
        await self._record_call("GET /system_stats")
        return web.json_response({"system": {"comfyui_version": self.version, "os": "linux"}, "devices": []})

    async def _object_info(self, request: web.Request) -> web.Response:
        await self._record_call("GET /object_info")
        return web.json_response({"EmptyImage": {"input": {}}})

    async def _free(self, request: web.Request) -> web.Response:
        await self._record_call(f"POST /free {json.dumps(await request.json())}")
        return web.Response()


def output_file(filename: str, subfolder: str = "", kind: str = "output") -> dict[str, str]:
    return {"filename": filename, "subfolder": subfolder, "type": kind}
