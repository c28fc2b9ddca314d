"""Servers that answer but let nobody in, and logins in addresses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bot.comfyui.availability import Outage
from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import AccessDenied, CertificateInvalid
from bot.comfyui.transport import login_headers, normalize_url, without_login
from tests.comfyui.client_options import FAST
from tests.comfyui.guarded_server import LOGIN_IN_URL, guarded_server


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the state of the client, which tells nobody
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_server_that_wants_a_login_is_told_from_one_that_is_away(status: int) -> None:
    async with guarded_server(status=status) as url, ComfyClient(url, FAST) as client:
        await until(lambda: client.outage is Outage.ACCESS_DENIED)  # by the WebSocket alone
        with pytest.raises(AccessDenied) as caught:
            await client.system_stats()
        assert caught.value.status == status
        with pytest.raises(AccessDenied):
            await client.free()


async def test_a_certificate_that_nobody_knows_is_told_from_a_server_that_is_away() -> None:
    async with guarded_server(encrypted=True) as url, ComfyClient(url, FAST) as client:
        await until(lambda: client.outage is Outage.CERTIFICATE_INVALID)
        with pytest.raises(CertificateInvalid) as caught:
            await client.system_stats()
        assert not caught.value.sent


async def test_no_server_at_all_is_away() -> None:
    async with ComfyClient("http://127.0.0.1:9", FAST) as client:
        await until(lambda: client.outage is Outage.AWAY)


async def test_something_else_at_the_address() -> None:
    async with guarded_server(status=404) as url, ComfyClient(url, FAST) as client:
        waiting = asyncio.create_task(client.wait_available())
        await until(lambda: client.outage is Outage.NOT_COMFYUI)
        waiting.cancel()


async def test_a_login_in_the_address_is_used_and_never_shown() -> None:
    async with guarded_server() as url, ComfyClient(url.replace("://", f"://{LOGIN_IN_URL}@"), FAST) as client:
        await client.wait_available()
        assert (await client.system_stats()).version_text == "0.33.0"
        assert client.url == url
        assert client.outage is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://a:b@host:8188/x@y", "http://host:8188/x@y"),
        ("http://a:p@ss@host", "http://host"),
        ("https://token@host/", "https://host/"),
        ("http://[::1]:8188", "http://[::1]:8188"),
        ("a:b@host:8188", "host:8188"),
        ("http://a:b@", "http://"),
    ],
)
def test_addresses_are_shown_without_a_login(url: str, shown: str) -> None:
    assert without_login(url) == shown
    assert login_headers("http://host") == {}


def test_the_error_of_a_wrong_address_holds_no_password() -> None:
    with pytest.raises(ValueError, match="not an address") as caught:
        normalize_url("http://ada:s3cret@host:port")
    assert "s3cret" not in str(caught.value)
