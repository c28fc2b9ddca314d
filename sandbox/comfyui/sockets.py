"""The WebSocket connections of a server instance.

ComfyUI keeps one connection per client id. It sends the messages of a prompt to the connection of the id with which
the prompt was submitted, and `status` to all connections. When a connection ends, ComfyUI forgets its *id*, even if a
newer connection has that id by then; the newer one stays open and gets no more messages. The stand-in does the same,
because clients must cope with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.comfyui.event_log import EventLog
from sandbox.comfyui.faults import Faults

FEATURES: dict[str, Any] = {
    "supports_preview_metadata": True,
    "supports_model_type_tags": True,
    "max_upload_size": 104857600,
    "extension": {"manager": {"supports_v4": True}},
    "node_replacements": True,
    "assets": False,
}

PREVIEW_IMAGE = 1
PREVIEW_IMAGE_WITH_METADATA = 4


@dataclass(eq=False)
class ClientSocket:
    """One connection."""

    sid: str
    response: web.WebSocketResponse
    request: web.Request
    mute: bool
    """Whether the connection gets no messages (a fault)."""
    flags: dict[str, Any] = field(default_factory=dict[str, Any])
    """The client's feature flags."""

    async def send(self, payload: str | bytes) -> None:
        """Send a message, unless the connection is muted or closed."""
        if self.mute or self.response.closed:
            return
        with contextlib.suppress(ConnectionError, RuntimeError):
            if isinstance(payload, str):
                await self.response.send_str(payload)
            else:
                await self.response.send_bytes(payload)


class ClientSockets:
    """The WebSocket connections of one server instance.

    Args:
        faults: Which connections are muted or rejected.
        log: Where connections are logged.
        remaining: Returns the number of running and pending prompts.

    """

    def __init__(self, faults: Faults, log: EventLog, remaining: Callable[[], int]) -> None:
        self._faults = faults
        self._log = log
        self._remaining = remaining
        self._loop = asyncio.get_running_loop()
        self._by_sid: dict[str, ClientSocket] = {}
        self._all: set[ClientSocket] = set()
        self._known: set[str] = set()
        self._outgoing: asyncio.Queue[tuple[str | bytes, str | None]] = asyncio.Queue()
        self._closed = False
        self.executing_client: str | None = None
        """The client id of the running prompt."""
        self.executing_node: str | None = None
        """The node that runs."""

    @property
    def open_count(self) -> int:
        """The number of open connections."""
        return len(self._all)

    # -- sending, from any thread

    def event(self, kind: str, data: dict[str, Any], sid: str | None) -> None:
        """Queue a JSON message for one client, or for all (None)."""
        if self.has_listener(sid):  # progress_state grows with the graph: do not encode it when no client gets it
            self._queue(json.dumps({"type": kind, "data": data}), sid)

    def send_raw(self, payload: str | bytes, sid: str | None = None) -> None:
        """Queue any payload, also one that ComfyUI would never send, for one client or for all (None)."""
        self._queue(payload, sid)

    def status(self, remaining: int) -> None:
        """Queue a `status` message for all clients."""
        self.event("status", {"status": {"exec_info": {"queue_remaining": remaining}}}, None)

    def preview(self, jpeg: bytes, metadata: dict[str, Any] | None, sid: str | None) -> None:
        """Queue a preview: binary type 4 with metadata, or type 1 without."""
        if metadata is None:
            self._queue(struct.pack(">II", PREVIEW_IMAGE, 1) + jpeg, sid)
            return
        encoded = json.dumps({**metadata, "image_type": "image/jpeg"}).encode()
        self._queue(struct.pack(">II", PREVIEW_IMAGE_WITH_METADATA, len(encoded)) + encoded + jpeg, sid)

    def takes_metadata(self, sid: str | None) -> bool:
        """Whether the client asked for previews with metadata on its present connection."""
        socket = self._by_sid.get(sid) if sid is not None else None
        return socket is not None and bool(socket.flags.get("supports_preview_metadata"))

    def has_listener(self, sid: str | None) -> bool:
        """Whether that client is connected (None: whether any client is)."""
        return bool(self._by_sid) if sid is None else sid in self._by_sid

    def _queue(self, payload: str | bytes, sid: str | None) -> None:
        if not self._closed and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # the loop closed in between
                self._loop.call_soon_threadsafe(self._outgoing.put_nowait, (payload, sid))

    # -- on the event loop

    async def send_queued(self) -> None:
        """Send the queued messages in order, until cancelled."""
        while True:
            payload, sid = await self._outgoing.get()
            if sid is None:
                for socket in list(self._by_sid.values()):
                    await self._send(socket, payload)
            elif sid in self._by_sid:
                await self._send(self._by_sid[sid], payload)

    async def _send(self, socket: ClientSocket, payload: str | bytes) -> None:
        if not self._faults.mute:
            await socket.send(payload)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve `GET /ws`."""
        if self._faults.reject_websocket:
            return web.Response(status=503, text="Service Unavailable")
        response = web.WebSocketResponse()
        await response.prepare(request)
        sid = request.rel_url.query.get("clientId", "") or uuid.uuid4().hex
        socket = ClientSocket(sid, response, request, self._is_muted_from_start(sid))
        self._by_sid[sid] = socket
        self._all.add(socket)
        self._known.add(sid)
        self._log.add("socket_open", sid=sid)
        try:
            await self._send_status(socket)
            await self._listen(socket)
        finally:
            self._by_sid.pop(sid, None)  # by id, as ComfyUI does: see the module's docstring
            self._all.discard(socket)
            self._log.add("socket_closed", sid=sid)
        return response

    def _is_muted_from_start(self, sid: str) -> bool:
        if sid in self._known and self._faults.mute_after_reconnect > 0:
            self._faults.mute_after_reconnect -= 1
            return True
        return False

    async def _send_status(self, socket: ClientSocket) -> None:
        status = {"exec_info": {"queue_remaining": self._remaining()}}
        await self._send(socket, json.dumps({"type": "status", "data": {"status": status, "sid": socket.sid}}))
        if self.executing_client == socket.sid and self.executing_node is not None:
            await self._send(socket, json.dumps({"type": "executing", "data": {"node": self.executing_node}}))

    async def _listen(self, socket: ClientSocket) -> None:
        first = True
        async for message in socket.response:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                frame: Any = json.loads(message.data)
            except ValueError:
                continue
            if first and isinstance(frame, dict) and frame.get("type") == "feature_flags":  # pyright: ignore[reportUnknownMemberType]
                socket.flags = frame.get("data") or {}  # pyright: ignore[reportUnknownMemberType]
                await self._send(socket, json.dumps({"type": "feature_flags", "data": FEATURES}))
            first = False

    # -- faults

    def mute(self) -> None:
        """Send no more messages to the connections that are open now; pings are still answered."""
        for socket in self._all:
            socket.mute = True

    async def drop(self) -> None:
        """Break every connection without a closing handshake."""
        for socket in list(self._all):
            if socket.request.transport is not None:
                socket.request.transport.abort()
        await asyncio.sleep(0)

    def close(self) -> None:
        """Queue no more messages."""
        self._closed = True
