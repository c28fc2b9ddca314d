"""Addresses of servers."""

from __future__ import annotations

import pytest

from bot.comfyui.transport import normalize_url


@pytest.mark.parametrize(
    ("given_url", "url"),
    [
        ("127.0.0.1:8188", "http://127.0.0.1:8188"),
        (" http://comfy.lan/ ", "http://comfy.lan"),
        ("https://x.example/comfy/", "https://x.example/comfy"),
    ],
)
def test_addresses(given_url: str, url: str) -> None:
    assert normalize_url(given_url) == url


@pytest.mark.parametrize("bad", ["", "ftp://x", "http://", "/path", "http://x:port", "x:99999", "http://[::1"])
def test_no_addresses(bad: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        normalize_url(bad)
