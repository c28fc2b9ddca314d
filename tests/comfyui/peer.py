"""A scripted ComfyUI on a real socket: it does what a test tells it to, in the wire's own words."""

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
FLAGS = {"supports_preview_metadata": True, "max_upload_size": 104857600}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Peer:
    """Attributes are the knobs; `post`, `send`, `run`, `finish` are what a server does by itself."""

    def __init__(self) -> None:
        self.port = 0
        self.version = "0.33.0"
        self.websocket = True
        self.flags: Mapping[str, Any] = FLAGS
        self.deaf: set[int] = set()
        """Numbers of the connections (1 is the first) that hear nothing after their greeting."""
        self.greet_running: str | None = None
        self.drop_posts: list[str] = []
        """For each coming POST /prompt: "before" it is applied or "after" it, the connection breaks."""
        self.answer: tuple[int, bytes, str] | None = None
        self.node_errors: dict[str, Any] = {}
        self.own_ids = False
        self.hold: asyncio.Event | None = None
        """POST /prompt is applied, and answered only when this is set."""
        self.view: Handler | None = None
        self.posts: list[dict[str, Any]] = []
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
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = cast("tuple[str, int]", self._runner.addresses[0])[1]

    async def stop(self) -> None:
        """Gone, like a killed process: sockets break, queue and history are forgotten."""
        self.pending.clear()
        self.running.clear()
        self.history.clear()
        await self.drop_sockets()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def drop_sockets(self) -> None:
        for _, socket in list(self._sockets.values()):
            await socket.close(code=WSCloseCode.GOING_AWAY)
        self._sockets.clear()

    # -- what tests wait for

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(condition)

    async def _note(self, call: str = "") -> None:
        async with self.changed:
            if call:
                self.calls.append(call)
            self.changed.notify_all()

    async def connections(self, count: int) -> None:
        """That many connections have sent their first frame."""
        await self.until(lambda: len(self.first_frames) >= count)

    # -- what a server does

    async def send(self, prompt_id: str, kind: str, **data: object) -> None:
        entry = self.running.get(prompt_id) or self.pending.get(prompt_id) or {}
        await self.send_to(str(entry.get("client_id")), prompt_id, kind, **data)

    async def send_to(self, client_id: str, prompt_id: str, kind: str, **data: object) -> None:
        await self.emit(client_id, {"type": kind, "data": {**data, "prompt_id": prompt_id}})

    async def emit(self, client_id: str, message: Mapping[str, Any] | bytes) -> None:
        number, socket = self._sockets.get(client_id, (0, None))
        if socket is None or number in self.deaf or socket.closed:
            return
        if isinstance(message, bytes):
            await socket.send_bytes(message)
        else:
            await socket.send_json(message)

    async def status(self) -> None:
        count = len(self.pending) + len(self.running)
        for client_id in list(self._sockets):
            await self.emit(
                client_id, {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": count}}}}
            )

    async def run(self, prompt_id: str) -> None:
        self.running[prompt_id] = self.pending.pop(prompt_id)
        await self.send(prompt_id, "execution_start", timestamp=1000)
        await self.send(prompt_id, "execution_cached", nodes=[])

    async def preview(self, prompt_id: str, picture: bytes = JPEG) -> None:
        header = json.dumps({"node_id": "1", "prompt_id": prompt_id, "image_type": "image/jpeg"}).encode()
        client_id = str(self.running[prompt_id]["client_id"])
        await self.emit(client_id, struct.pack(">II", 4, len(header)) + header + picture)

    async def finish(
        self,
        prompt_id: str,
        outputs: Mapping[str, Any] | None = None,
        *,
        end: str = "execution_success",
        status: str | None = None,
        say: bool = True,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """End a running prompt; `say` False: only the history knows."""
        outputs = {"2": {"images": [image("x_1.png")]}} if outputs is None else outputs
        if say:
            for node, output in outputs.items():
                await self.send(prompt_id, "executed", node=node, output=output)
            await self.send(prompt_id, end, timestamp=3500, **(data or {}))
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
        if say:
            message = {"type": "executing", "data": {"node": None, "prompt_id": prompt_id}}
            await self.emit(str(entry["client_id"]), message)

    def replay(self, name: str) -> Callable[[str, str], Awaitable[None]]:
        """Play a recorded exchange for the next prompt, under its id."""
        lines = [json.loads(line) for line in (RECORDED / f"{name}.jsonl").read_text().splitlines()]
        if lines[0]["status"] != 200:
            self.answer = (lines[0]["status"], json.dumps(lines[0]["body"]).encode(), "application/json")
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
                        await self.emit(client_id, message)
                elif "binary_len" in line:
                    head = base64.b64decode(line["binary_b64_head"]).replace(recorded.encode(), prompt_id.encode())
                    await self.emit(client_id, head.ljust(line["binary_len"], b"\0"))

        return play

    # -- routes

    player: Callable[[str, str], Awaitable[None]] | None = None

    async def _ws(self, request: web.Request) -> web.StreamResponse:
        await self._note("GET /ws")
        if not self.websocket:
            return web.Response(status=404)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client_id = request.query.get("clientId") or uuid.uuid4().hex
        self.client_ids.append(client_id)
        self._sockets[client_id] = (len(self.client_ids), socket)
        greeting = {"status": {"exec_info": {"queue_remaining": 0}}, "sid": client_id}
        await socket.send_json({"type": "status", "data": greeting})
        if self.greet_running is not None:
            await socket.send_json({"type": "executing", "data": {"node": self.greet_running}})
        first = True
        async for message in socket:
            if first:
                self.first_frames.append(json.loads(message.data))
                await socket.send_json({"type": "feature_flags", "data": self.flags})
                await self._note()
                first = False
        return socket

    async def _prompt(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.posts.append(body)
        drop = self.drop_posts.pop(0) if self.drop_posts else ""
        if drop == "before":
            return await self._break(request, "POST /prompt")
        if self.answer is not None:
            status, content, kind = self.answer
            await self._note("POST /prompt")
            return web.Response(status=status, body=content, content_type=kind)
        prompt_id = str(uuid.uuid4()) if self.own_ids else body["prompt_id"]
        self.pending[prompt_id] = body
        await self.status()
        if self.hold is not None:
            await self._note()
            await self.hold.wait()
        if drop == "after":
            return await self._break(request, "POST /prompt")
        await self._note("POST /prompt")
        if self.player is not None:
            task = asyncio.ensure_future(self.player(prompt_id, body["client_id"]))
            self._tasks.add(task)
        return web.json_response({"prompt_id": prompt_id, "number": 7, "node_errors": self.node_errors})

    async def _break(self, request: web.Request, call: str) -> web.Response:
        await self._note(call)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _counts(self, request: web.Request) -> web.Response:
        return web.json_response({"exec_info": {"queue_remaining": len(self.pending) + len(self.running)}})

    async def _queue(self, request: web.Request) -> web.Response:
        await self._note("GET /queue")
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
        await self._note("POST /queue")
        await self.status()
        return web.Response()

    async def _interrupt(self, request: web.Request) -> web.Response:
        asked = (await request.json())["prompt_id"]
        old = tuple(map(int, self.version.split("."))) < (0, 3, 57)
        for prompt_id in [one for one in self.running if old or one == asked]:
            self.interrupted.append(prompt_id)
            await self.finish(prompt_id, {}, end="execution_interrupted", data={"node_id": "1"})
        await self._note("POST /interrupt")
        return web.Response()

    async def _whole_history(self, request: web.Request) -> web.Response:
        await self._note("GET /history")
        return web.json_response(self.history)

    async def _history(self, request: web.Request) -> web.Response:
        await self._note("GET /history/id")
        prompt_id = request.match_info["id"]
        return web.json_response({prompt_id: self.history[prompt_id]} if prompt_id in self.history else {})

    async def _view(self, request: web.Request) -> web.StreamResponse:
        await self._note("GET /view")
        if self.view is not None:
            return await self.view(request)
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
        if self.answer is not None:
            return web.Response(status=self.answer[0])
        return web.json_response({"name": stored, "subfolder": fields["subfolder"], "type": "input"})

    async def _stats(self, request: web.Request) -> web.Response:
        await self._note("GET /system_stats")
        return web.json_response({"system": {"comfyui_version": self.version, "os": "linux"}, "devices": []})

    async def _object_info(self, request: web.Request) -> web.Response:
        await self._note("GET /object_info")
        return web.json_response({"EmptyImage": {"input": {}}})

    async def _free(self, request: web.Request) -> web.Response:
        await self._note(f"POST /free {json.dumps(await request.json())}")
        return web.Response()


def image(filename: str, subfolder: str = "", kind: str = "output") -> dict[str, str]:
    return {"filename": filename, "subfolder": subfolder, "type": kind}
