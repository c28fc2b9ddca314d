"""HTTP requests to one server. Every failure becomes a `ComfyError` that tells whether the request can have arrived."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import unquote, urlsplit

import aiohttp

from bot.comfyui.availability import Outage, ServerAvailability
from bot.comfyui.exceptions import AccessDenied, CertificateInvalid, ComfyConnectionError, UnexpectedResponse
from bot.comfyui.json_decoding import decode_json_object
from bot.comfyui.json_values import as_object
from bot.comfyui.options import ClientOptions

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_GATEWAY_ERRORS = frozenset({502, 503, 504})
_ACCESS_ERRORS = frozenset({401, 403})


@dataclass(frozen=True)
class Response:
    """A response with its whole body. ComfyUI answers 4xx with an empty body and 500 with plain text, not with JSON."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The decoded body; None where it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def text(self) -> str:
        """The first 500 characters of the body, for the log."""
        return self.body[:2000].decode("utf-8", "replace").strip()[:500]


def normalize_url(url: str) -> str:
    """The address with a scheme and without a trailing slash; a path (of a proxy) is kept.

    Raises:
        ValueError: It is not an http or https address.

    """
    text = url.strip() if "://" in url else f"http://{url.strip()}"
    msg = f"{without_login(url)!r} is not an address like http://127.0.0.1:8188"
    try:
        parsed = urlsplit(text)
        usable = parsed.scheme in {"http", "https"} and parsed.hostname and parsed.port != 0
    except ValueError as error:
        raise ValueError(msg) from error
    if not usable:
        raise ValueError(msg)
    return text.rstrip("/")


def without_login(url: str) -> str:
    """The address without user name and password, to be shown, logged and stored."""
    scheme, separator, rest = url.rpartition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


def login_headers(url: str) -> dict[str, str]:
    """The header for user name and password of an address such as `https://name:password@host`; empty without them."""
    parsed = urlsplit(url)
    if parsed.username is None:
        return {}
    login = aiohttp.encode_basic_auth(unquote(parsed.username), unquote(parsed.password or ""), "utf-8")
    return {"Authorization": login}


class Transport:
    """Sends requests, each over a connection of its own.

    A request on a kept-alive connection that the server has closed meanwhile fails just like a lost response. With a
    new connection per request, "could not connect" always means that the server saw nothing; this is what
    `ComfyConnectionError.sent` tells.

    Args:
        url: As `normalize_url` returns it. A user name and password in it are sent with every request.
        options: Timeouts and retries.
        availability: Told of every answer and of every connection that cannot be made.

    """

    def __init__(self, url: str, options: ClientOptions, availability: ServerAvailability) -> None:
        self.url = without_login(url)
        self._headers = login_headers(url)
        self._options = options
        self._availability = availability
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Make the aiohttp session; needs a running event loop."""
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            connector=aiohttp.TCPConnector(force_close=True, limit=0),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=self._options.connect_timeout, sock_read=self._options.read_timeout
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close the aiohttp session."""
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open aiohttp session, for the WebSocket.

        Raises:
            RuntimeError: It is not open.

        """
        if self._session is None or self._session.closed:
            msg = "the client is not open: use it as `async with ComfyClient(...)`"
            raise RuntimeError(msg)
        return self._session

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, data: object = None
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """A response whose body is still to be read, inside the `with` block.

        Raises:
            ComfyConnectionError: There is no answer, the connection breaks, or a proxy answers 502, 503 or 504.

        """
        try:
            headers = {"Content-Type": "application/json"} if isinstance(data, bytes) else None
            async with self.session.request(
                method, self.url + path, params=params, data=data, headers=headers
            ) as response:
                if response.status in _GATEWAY_ERRORS:
                    msg = f"{method} {path}: a gateway answered {response.status}"
                    raise ComfyConnectionError(msg)
                if response.status in _ACCESS_ERRORS:
                    self._availability.mark_unusable(Outage.ACCESS_DENIED)
                else:
                    self._availability.mark_answered()
                yield response
        except aiohttp.ClientConnectorCertificateError as error:
            self._availability.mark_away(Outage.CERTIFICATE_INVALID)
            msg = f"{method} {path}: the certificate is not trusted ({error.certificate_error})"
            raise CertificateInvalid(msg, sent=False) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            self._availability.mark_away()
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
        timeout_seconds: float | None = None,
    ) -> Response:
        """A whole response, whatever its status.

        Args:
            method: Of HTTP.
            path: Below the server's address.
            params: Of the query.
            data: The body: bytes of JSON, or an aiohttp form.
            timeout_seconds: For everything; None: `request_timeout` of the options.

        Raises:
            ComfyConnectionError: There is no whole answer in time, or a proxy answers 502, 503 or 504.

        """
        try:
            async with (
                asyncio.timeout(timeout_seconds or self._options.request_timeout),
                self.stream(method, path, params=params, data=data) as response,
            ):
                return Response(response.status, await response.read())
        except TimeoutError as error:
            msg = f"{method} {path}: no answer in time"
            raise ComfyConnectionError(msg) from error

    async def post(self, path: str, body: Mapping[str, Any]) -> Response:
        """POST a JSON object; raises as `call` does."""
        return await self.call("POST", path, data=json.dumps(body).encode())

    async def get_object(self, path: str, *, optional: bool = False) -> Mapping[str, Any]:
        """GET a JSON object.

        Args:
            path: Below the server's address.
            optional: ComfyUI answers 404 where it does not have it, so that a 404 says nothing about the server.

        Raises:
            ComfyConnectionError: There is no answer.
            UnexpectedResponse: The status is not 200, or the body is not a JSON object; `AccessDenied` for 401 and 403.

        """
        response = await self.call("GET", path)
        if response.status == 404 and optional:
            raise _absent(path)
        if response.status != 200 or not response.body.lstrip().startswith(b"{"):
            raise self.unexpected("GET", path, response)
        try:
            return as_object(await decode_json_object(response.body))
        except (ValueError, RecursionError):
            return as_object(None)

    async def get_list(self, path: str, *, optional: bool = False) -> list[Any]:
        """GET a JSON list; `optional` as in `get_object`.

        Raises:
            ComfyConnectionError: There is no answer.
            UnexpectedResponse: The status is not 200, or the body is not a JSON list; `AccessDenied` for 401 and 403.

        """
        response = await self.call("GET", path)
        if response.status == 404 and optional:
            raise _absent(path)
        if response.status == 200 and response.body.lstrip().startswith(b"["):
            with contextlib.suppress(ValueError, RecursionError):
                return cast("list[Any]", json.loads(response.body))
        raise self.unexpected("GET", path, response)

    def unexpected(self, method: str, path: str, response: Response) -> UnexpectedResponse:
        """The error for a response that is not one of ComfyUI's."""
        msg = f"{method} {path}: HTTP {response.status}, not what ComfyUI answers"
        if response.status in _ACCESS_ERRORS:
            return AccessDenied(msg, status=response.status)
        self._availability.mark_unusable(Outage.NOT_COMFYUI)
        return UnexpectedResponse(msg, status=response.status)

    async def retry(self, request: Callable[[], Awaitable[_T]]) -> _T:
        """Send what may be sent twice; again after connection errors, with a wait that doubles.

        Raises:
            ComfyConnectionError: That of the last attempt.

        """
        for attempt in range(self._options.retry_attempts - 1):
            try:
                return await request()
            except ComfyConnectionError as error:
                _log.info("trying again: %s", error)
                await asyncio.sleep(self._options.retry_backoff * 2**attempt)
        return await request()


def _absent(path: str) -> UnexpectedResponse:
    return UnexpectedResponse(f"GET {path}: HTTP 404", status=404)
