"""The CDN: attachments by signed links that expire, and avatars by their hash."""

from __future__ import annotations

import io

from aiohttp import web
from PIL import Image

from sandbox.discord.attachment_payload import signature
from sandbox.discord.context import ServerContext


class Cdn:
    """The handlers of `/cdn`."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context

    async def attachment(self, request: web.Request) -> web.Response:
        """Serve an attachment; 404 if the link is unknown, unsigned or expired."""
        found = self._context.state.uploads.get(int(request.match_info["attachment_id"]))
        if found is None or not self._signed(request):
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(body=found.data, headers={"Content-Type": found.content_type})

    def _signed(self, request: web.Request) -> bool:
        expires, issued = request.query.get("ex", ""), request.query.get("is", "")
        try:
            late = int(expires, 16) < self._context.clock.now()
        except ValueError:
            return False
        return not late and request.query.get("hm") == signature(request.path, expires, issued)

    async def avatar(self, request: web.Request) -> web.Response:
        """Serve `/cdn/avatars/{user}/{hash}.png`, for users and webhooks."""
        state, user_id = self._context.state, int(request.match_info["user_id"])
        webhook = state.webhooks.get(user_id)
        owner = webhook.author if webhook else state.users.get(user_id)
        if owner is None or owner.avatar is None or request.match_info["hash"] != owner.avatar_hash:
            return web.Response(status=404)
        return web.Response(body=owner.avatar, headers={"Content-Type": "image/png"})

    async def default_avatar(self, request: web.Request) -> web.Response:
        """Serve `/cdn/embed/avatars/{index}.png`, the avatar of accounts without one."""
        shade = 40 * (int(request.match_info["index"]) % 6)
        buffer = io.BytesIO()
        Image.new("RGB", (64, 64), (shade, 101, 242)).save(buffer, "PNG")
        return web.Response(body=buffer.getvalue(), headers={"Content-Type": "image/png"})

    def routes(self) -> list[web.RouteDef]:
        """The routes to add to the application."""
        return [
            web.get(r"/cdn/attachments/{channel_id:\d+}/{attachment_id:\d+}/{name}", self.attachment),
            web.get(r"/cdn/avatars/{user_id:\d+}/{hash:[0-9a-f]+}.{extension}", self.avatar),
            web.get(r"/cdn/embed/avatars/{index:\d+}.png", self.default_avatar),
        ]
