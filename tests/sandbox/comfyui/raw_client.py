"""A client that keeps every WebSocket frame as it was sent, so that tests see the wire format."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp

FLAGS = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
RECORDED = Path(__file__).parents[4] / "shared" / "comfyui" / "recorded"


@dataclass
class RawClient:
    """An HTTP session and a WebSocket connection."""

    url: str
    client_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    flags: bool = True
    frames: list[dict[str, Any] | bytes] = field(default_factory=list[dict[str, Any] | bytes])
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        self.http = aiohttp.ClientSession()
        self.socket = await self.http.ws_connect(f"{self.url}/ws", params={"clientId": self.client_id})
        if self.flags:
            await self.socket.send_json(FLAGS)
        self._task = asyncio.create_task(self._listen())
        await self.until(lambda: self.kinds("feature_flags" if self.flags else "status"))
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.socket.close()
        await self.http.close()

    async def _listen(self) -> None:
        async for message in self.socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self.frames.append(json.loads(message.data))
            elif message.type is aiohttp.WSMsgType.BINARY:
                self.frames.append(message.data)
            self.changed.set()
        self.changed.set()

    async def until(self, found: Callable[[], Any], seconds: float = 20) -> None:
        """Wait until `found` is true; it is called after every frame."""
        async with asyncio.timeout(seconds):
            while not found():
                self.changed.clear()
                if not found():
                    await self.changed.wait()

    def kinds(self, kind: str) -> list[dict[str, Any]]:
        """The data of all messages of a type."""
        return [each["data"] for each in self.frames if isinstance(each, dict) and each["type"] == kind]

    async def get(self, path: str, **parameters: str) -> Any:
        async with self.http.get(self.url + path, params=parameters) as response:
            return await response.json()

    async def status(self, path: str, **parameters: str) -> int:
        async with self.http.get(self.url + path, params=parameters) as response:
            await response.read()
            return response.status

    async def download(self, file: Mapping[str, str], **more: str) -> bytes:
        async with self.http.get(f"{self.url}/view", params={**file, **more}, raise_for_status=True) as response:
            return await response.read()

    async def post(self, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        """The status, and the body as JSON or text."""
        async with self.http.post(self.url + path, json=body, **options) as response:
            text = await response.text()
            is_json = response.headers.get("Content-Type", "").startswith("application/json")
            return response.status, json.loads(text) if is_json else text

    async def submit(self, graph: Mapping[str, Any], **more: Any) -> str:
        """Queue a graph that is valid, and return its prompt id."""
        body = {"prompt": graph, "client_id": self.client_id, **more}
        status, reply = await self.post("/prompt", {key: value for key, value in body.items() if value is not None})
        assert status == 200, reply
        return str(reply["prompt_id"])

    async def finish(self, prompt_id: str) -> dict[str, Any]:
        """Wait for the last message of a prompt, and return its history entry."""
        await self.until(
            lambda: any(each == {"node": None, "prompt_id": prompt_id} for each in self.kinds("executing"))
        )
        entry: dict[str, Any] = (await self.get(f"/history/{prompt_id}"))[prompt_id]
        return entry

    async def run(self, graph: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Queue a graph, wait for its end, and return its history entry."""
        return await self.finish(await self.submit(graph, **more))


async def first_file(raw: RawClient, graph: dict[str, Any]) -> dict[str, str]:
    entry = await raw.run(graph)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"][-1]
    [output] = entry["outputs"].values()
    file: dict[str, str] = next(iter(output.values()))[0]
    return file
