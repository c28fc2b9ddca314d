"""HTTP to one server: every failure as a `ComfyError`, told apart by whether the request can have arrived."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import aiohttp

from bot.comfyui.decoding import decode_object
from bot.comfyui.events import as_object
from bot.comfyui.exceptions import ComfyConnectionError, UnexpectedReply
from bot.comfyui.options import ClientOptions

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_GATEWAY_ERRORS = frozenset({502, 503, 504})


@dataclass(frozen=True)
class Reply:
    """A whole answer. ComfyUI's 4xx may be empty and its 500s are plain text: JSON is never assumed."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body as JSON, None where it is not."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def text(self) -> str:
        """The first 500 characters of the body, for a log."""
        return self.body[:2000].decode("utf-8", "replace").strip()[:500]


def normal_url(url: str) -> str:
    """With a scheme, without a trailing slash; a path (behind a proxy) is kept.

    Raises:
        ValueError: Not an http or https address.

    """
    text = url.strip() if "://" in url else f"http://{url.strip()}"
    msg = f"{url!r} is not an address like http://127.0.0.1:8188"
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError as error:
        raise ValueError(msg) from error
    if not usable:
        raise ValueError(msg)
    return text.rstrip("/")


class Noticed(Protocol):
    """Told of each answer (True), and when the server cannot be reached (False)."""

    def __call__(self, *, answered: bool) -> None:
        """One word about the server."""
        ...


class Transport:
    """Requests over fresh connections.

    A kept-alive connection that the server has meanwhile dropped fails like a lost reply; with a fresh one per request
    "could not connect" always means that the server saw nothing, which is what `ComfyConnectionError.sent` reports.

    Args:
        url: As `normal_url` returns it.
        options: Timeouts and retries.
        noticed: Told of answers and outages.

    """

    def __init__(self, url: str, options: ClientOptions, noticed: Noticed) -> None:
        self.url = url
        self._options = options
        self._noticed = noticed
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Make the session; needs a running loop."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True, limit=0),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=self._options.connect_timeout, sock_read=self._options.read_timeout
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open session, for the listener."""
        if self._session is None or self._session.closed:
            msg = "the client is not open: use it as `async with ComfyClient(...)`"
            raise RuntimeError(msg)
        return self._session

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, data: object = None
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """A response whose body is still to be read, within the `with`.

        Raises:
            ComfyConnectionError: No answer, a broken one, or a proxy's 502, 503, 504.

        """
        try:
            headers = {"Content-Type": "application/json"} if isinstance(data, bytes) else None
            async with self.session.request(
                method, self.url + path, params=params, data=data, headers=headers
            ) as response:
                if response.status in _GATEWAY_ERRORS:
                    msg = f"{method} {path}: a gateway answered {response.status}"
                    raise ComfyConnectionError(msg)
                self._noticed(answered=True)
                yield response
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            self._noticed(answered=False)
            msg = f"{method} {path}: cannot connect ({type(error).__name__})"
            raise ComfyConnectionError(msg, sent=False) from error
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            msg = f"{method} {path}: the connection broke ({type(error).__name__})"
            raise ComfyConnectionError(msg) from error

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        data: object = None,
        limit: float | None = None,
    ) -> Reply:
        """A whole answer, whatever its status, within `limit` seconds (else the `request_timeout`).

        Raises:
            ComfyConnectionError: See `stream`.

        """
        try:
            async with (
                asyncio.timeout(limit or self._options.request_timeout),
                self.stream(method, path, params=params, data=data) as response,
            ):
                return Reply(response.status, await response.read())
        except TimeoutError as error:
            msg = f"{method} {path}: no answer in time"
            raise ComfyConnectionError(msg) from error

    async def post(self, path: str, body: Mapping[str, Any]) -> Reply:
        """POST a JSON object."""
        return await self.call("POST", path, data=json.dumps(body).encode())

    async def get_object(self, path: str) -> Mapping[str, Any]:
        """GET a JSON object.

        Raises:
            ComfyConnectionError: No answer.
            UnexpectedReply: Not 200, or no JSON object.

        """
        reply = await self.call("GET", path)
        if reply.status != 200 or not reply.body.lstrip().startswith(b"{"):
            msg = f"GET {path}: HTTP {reply.status}, not what ComfyUI answers"
            raise UnexpectedReply(msg, status=reply.status)
        try:
            return as_object(await decode_object(reply.body))
        except (ValueError, RecursionError):
            return as_object(None)

    async def retrying(self, what: Callable[[], Awaitable[_T]]) -> _T:
        """Do what may be done twice, again after connection errors; the wait doubles.

        Raises:
            ComfyConnectionError: Of the last try.

        """
        for attempt in range(self._options.retry_attempts - 1):
            try:
                return await what()
            except ComfyConnectionError as error:
                _log.info("again: %s", error)
                await asyncio.sleep(self._options.retry_backoff * 2**attempt)
        return await what()
