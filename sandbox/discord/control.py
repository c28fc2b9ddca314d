"""An HTTP API below `/control` that acts for users, for a local Discord in a process of its own.

::

    GET  /control/state                                     guilds, channels, users, commands
    GET  /control/channels/{id}/messages                    the messages of a channel
    POST /control/guilds                   {"name"}
    POST /control/guilds/{id}/channels     {"name", "nsfw"}
    POST /control/guilds/{id}/members      {"name", "permissions"}
    POST /control/users/{id}/send          {"channel", "text"}
    POST /control/users/{id}/slash         {"channel", "command", "options"}
    POST /control/users/{id}/press         {"message", "button"}
    POST /control/users/{id}/react         {"message", "emoji"}

Bodies and answers are JSON. `python -m sandbox.discord` and `LocalDiscord(control=True)` serve it, on 127.0.0.1 only.
"""

from __future__ import annotations

import json

from aiohttp import web

from sandbox.discord import guild_changes
from sandbox.discord.command_options import NotOfferedError
from sandbox.discord.context import ServerContext
from sandbox.discord.guild_models import DEFAULT_ATTACHMENT_LIMIT
from sandbox.discord.json_values import Json, get_object
from sandbox.discord.message_models import Message
from sandbox.discord.message_payload import message as message_payload
from sandbox.discord.simulated_account import NotAllowedError
from sandbox.discord.simulated_channel import SimulatedChannel
from sandbox.discord.simulated_guild import SimulatedGuild
from sandbox.discord.simulated_interaction import SimulatedInteraction
from sandbox.discord.simulated_user import SimulatedUser


class Control:
    """The handlers of the control API."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        """What the server mounts."""
        return [
            web.get("/control/state", self.state),
            web.get(r"/control/channels/{channel:\d+}/messages", self.messages),
            web.post("/control/guilds", self.add_guild),
            web.post(r"/control/guilds/{guild:\d+}/channels", self.add_channel),
            web.post(r"/control/guilds/{guild:\d+}/members", self.add_member),
            web.post(r"/control/users/{user:\d+}/{action:send|slash|press|react}", self.perform),
        ]

    async def state(self, _: web.Request) -> web.Response:
        """Guilds, channels, users and commands with their ids, and the violations so far."""
        state = self._context.state
        return web.json_response(
            {
                "sandbox": True,
                "bot_connected": self._context.gateway.connected,
                "guilds": [{"id": guild.id, "name": guild.name} for guild in state.guilds.values()],
                "channels": [{"id": channel.id, "name": channel.name} for channel in state.channels.values()],
                "users": [{"id": user.id, "name": user.name} for user in state.users.values()],
                "commands": [command.name for command in state.commands],
                "violations": [f"{entry.method} {entry.path}: {entry.message}" for entry in self._context.violations],
            },
        )

    async def messages(self, request: web.Request) -> web.Response:
        """A channel's history, oldest first."""
        return web.json_response(
            [self._message_json(message) for message in self._channel(request.match_info["channel"]).messages]
        )

    async def add_guild(self, request: web.Request) -> web.Response:
        """Add a guild with the bot in it."""
        body = await _body(request)
        name = str(body.get("name", "Sandbox"))
        guild = guild_changes.create_guild(
            self._context, name, with_bot=True, attachment_limit=DEFAULT_ATTACHMENT_LIMIT
        )
        return web.json_response({"id": guild.id}, status=201)

    async def add_channel(self, request: web.Request) -> web.Response:
        """Add a text channel to a guild."""
        body = await _body(request)
        channel = self._guild(request).add_channel(str(body.get("name", "general")), nsfw=bool(body.get("nsfw")))
        return web.json_response({"id": channel.id}, status=201)

    async def add_member(self, request: web.Request) -> web.Response:
        """Add a member with a new account to a guild."""
        body = await _body(request)
        user = self._guild(request).add_member(str(body.get("name", "ada")), permissions=body.get("permissions") or [])
        return web.json_response({"id": user.id}, status=201)

    async def perform(self, request: web.Request) -> web.Response:
        """Do something as a user. What Discord's client or the user's permissions forbid is answered with 409."""
        account = self._context.state.users.get(int(request.match_info["user"]))
        if account is None:
            raise web.HTTPNotFound(text="No user has that id.")
        user, body = SimulatedUser(self._context, account), await _body(request)
        try:
            return web.json_response(await self._perform(user, request.match_info["action"], body))
        except (NotOfferedError, NotAllowedError) as refusal:
            raise web.HTTPConflict(text=str(refusal)) from refusal
        except KeyError as missing:
            raise web.HTTPBadRequest(text=f"The body needs {missing}.") from missing

    async def _perform(self, user: SimulatedUser, action: str, body: Json) -> Json:
        match action:
            case "send":
                return self._message_json(await user.send(self._channel(body["channel"]), str(body["text"])))
            case "slash":
                channel = self._channel(body["channel"])
                return self._interaction_json(
                    await user.slash(channel, str(body["command"]), **get_object(body, "options"))
                )
            case "press":
                return self._interaction_json(await user.press(self._message(body["message"]), str(body["button"])))
            case _:
                message = self._message(body["message"])
                await user.add_reaction(message, str(body["emoji"]))
                return self._message_json(message)

    def _interaction_json(self, interaction: SimulatedInteraction) -> Json:
        if not interaction.responded:
            return {"failed": "The application did not respond"}
        messages = [self._message_json(message) for message in interaction.messages]
        return {"type": interaction.response.type, "data": interaction.response.data, "messages": messages}

    def _message_json(self, message: Message) -> Json:
        return message_payload(message, self._context.state, self._context.base_url)

    def _guild(self, request: web.Request) -> SimulatedGuild:
        guild = self._context.state.guilds.get(int(request.match_info["guild"]))
        if guild is None:
            raise web.HTTPNotFound(text="No guild has that id.")
        return SimulatedGuild(self._context, guild)

    def _channel(self, channel_id: str | int) -> SimulatedChannel:
        channel = self._context.state.channels.get(int(channel_id))
        if channel is None:
            raise web.HTTPNotFound(text="No channel has that id.")
        return SimulatedChannel(self._context, channel)

    def _message(self, message_id: str | int) -> Message:
        message = self._context.state.messages.get(int(message_id))
        if message is None:
            raise web.HTTPNotFound(text="No message has that id.")
        return message


async def _body(request: web.Request) -> Json:
    try:
        body: object = json.loads(await request.read() or b"{}")
    except ValueError as error:
        raise web.HTTPBadRequest(text="The body is no JSON.") from error
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="The body is no object.")
    return Json(body)  # pyright: ignore[reportUnknownArgumentType]
