"""Attachments as Discord's JSON, and their signed CDN links."""

from __future__ import annotations

import hashlib
import hmac

from sandbox.discord.json_values import Json
from sandbox.discord.message_models import Attachment

CDN_SECRET = b"local discord"


CDN_LINK_SECONDS = 24 * 3600
"""How long a CDN link is valid (reference, "Signed Attachment CDN URLs")."""


def attachment_url(value: Attachment, base: str, now: float) -> str:
    """A CDN link with the parameters `ex` and `is` (hexadecimal seconds since 1970) and the signature `hm`."""
    path = f"/cdn/attachments/{value.channel_id}/{value.id}/{value.filename}"
    expires, issued = f"{int(now + CDN_LINK_SECONDS):x}", f"{int(now):x}"
    return f"{base}{path}?ex={expires}&is={issued}&hm={signature(path, expires, issued)}"


def signature(path: str, expires: str, issued: str) -> str:
    """The signature of a CDN link."""
    return hmac.new(CDN_SECRET, f"{path} {expires} {issued}".encode(), hashlib.sha256).hexdigest()


def attachment(value: Attachment, base: str, now: float) -> Json:
    """resources/message, "Attachment Object"."""
    url = attachment_url(value, base, now)
    body: Json = {
        "id": str(value.id),
        "filename": value.filename,
        "size": value.size,
        "url": url,
        "proxy_url": url,
        "content_type": value.content_type,
    }
    optional = {
        "title": value.title,
        "description": value.description,
        "width": value.width,
        "height": value.height,
        "duration_secs": value.duration_secs,
        "waveform": value.waveform,
    }
    body |= {key: entry for key, entry in optional.items() if entry is not None}
    return body | {"ephemeral": True} if value.ephemeral else body
