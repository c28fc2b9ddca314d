"""Driving a local Discord in a process of its own: a few JSON requests below `/control`, for people with curl.

::

    GET  /control/state                                     guilds, channels, people, commands
    GET  /control/channels/{id}/messages                    what is in a channel
    POST /control/guilds                   {"name"}
    POST /control/guilds/{id}/channels     {"name", "nsfw"}
    POST /control/guilds/{id}/members      {"name", "permissions"}
    POST /control/people/{id}/say          {"channel", "text"}
    POST /control/people/{id}/slash        {"channel", "command", "options"}
    POST /control/people/{id}/press        {"message", "button"}
    POST /control/people/{id}/react        {"message", "emoji"}

Loopback only, like everything here; the control part is mounted by `python -m sandbox.discord` alone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.discord.answers import Answer
from sandbox.discord.guilds import GuildPlace
from sandbox.discord.message_payload import message as message_payload
from sandbox.discord.options import NotOfferedError
from sandbox.discord.people import NotAllowedError, Person
from sandbox.discord.rooms import Room
from sandbox.discord.state import Json, Message, item

if TYPE_CHECKING:
    from sandbox.discord.server import LocalDiscord


class Control:
    """The handlers below `/control`."""

    def __init__(self, local: LocalDiscord) -> None:
        self._local = local
        self._core = local.core

    def routes(self) -> list[web.RouteDef]:
        """What the server mounts."""
        return [
            web.get("/control/state", self.state),
            web.get(r"/control/channels/{channel:\d+}/messages", self.messages),
            web.post("/control/guilds", self.add_guild),
            web.post(r"/control/guilds/{guild:\d+}/channels", self.add_channel),
            web.post(r"/control/guilds/{guild:\d+}/members", self.add_member),
            web.post(r"/control/people/{person:\d+}/{act:say|slash|press|react}", self.act),
        ]

    async def state(self, _: web.Request) -> web.Response:
        """Everything by name and id."""
        world = self._core.world
        return web.json_response(
            {
                "sandbox": True,
                "bot_connected": self._local.gateway.connected,
                "guilds": [{"id": guild.id, "name": guild.name} for guild in world.guilds.values()],
                "channels": [{"id": channel.id, "name": channel.name} for channel in world.channels.values()],
                "people": [{"id": user.id, "name": user.name} for user in world.users.values()],
                "commands": [command.name for command in world.commands],
                "violations": [f"{entry.method} {entry.path}: {entry.message}" for entry in self._local.violations],
            },
        )

    async def messages(self, request: web.Request) -> web.Response:
        """A channel's history, oldest first."""
        return web.json_response(
            [self._shown(message) for message in self._room(request.match_info["channel"]).messages]
        )

    async def add_guild(self, request: web.Request) -> web.Response:
        """A server with the bot in it."""
        body = await _body(request)
        return web.json_response({"id": self._local.add_guild(str(body.get("name", "Sandbox"))).id}, status=201)

    async def add_channel(self, request: web.Request) -> web.Response:
        """A text channel."""
        body = await _body(request)
        room = self._guild(request).add_channel(str(body.get("name", "general")), nsfw=bool(body.get("nsfw")))
        return web.json_response({"id": room.id}, status=201)

    async def add_member(self, request: web.Request) -> web.Response:
        """Somebody new."""
        body = await _body(request)
        person = self._guild(request).add_member(
            str(body.get("name", "ada")), permissions=body.get("permissions") or []
        )
        return web.json_response({"id": person.id}, status=201)

    async def act(self, request: web.Request) -> web.Response:
        """A person does something; refusals of Discord's own client are 409."""
        user = self._core.world.users.get(int(request.match_info["person"]))
        if user is None:
            raise web.HTTPNotFound(text="Nobody has that id.")
        person, body = Person(self._core, user), await _body(request)
        try:
            return web.json_response(await self._done(person, request.match_info["act"], body))
        except (NotOfferedError, NotAllowedError) as refusal:
            raise web.HTTPConflict(text=str(refusal)) from refusal
        except KeyError as missing:
            raise web.HTTPBadRequest(text=f"The body needs {missing}.") from missing

    async def _done(self, person: Person, act: str, body: Json) -> Json:
        match act:
            case "say":
                return self._shown(await person.say(self._room(body["channel"]), str(body["text"])))
            case "slash":
                room = self._room(body["channel"])
                return self._answered(await person.slash(room, str(body["command"]), **item(body, "options")))
            case "press":
                return self._answered(await person.press(self._message(body["message"]), str(body["button"])))
            case _:
                message = self._message(body["message"])
                await person.react(message, str(body["emoji"]))
                return self._shown(message)

    def _answered(self, answer: Answer) -> Json:
        if not answer.answered:
            return {"failed": "The application did not respond"}
        messages = [self._shown(message) for message in answer.messages]
        return {"type": answer.response.type, "data": answer.response.data, "messages": messages}

    def _shown(self, message: Message) -> Json:
        return message_payload(message, self._core.world, self._core.base)

    def _guild(self, request: web.Request) -> GuildPlace:
        guild = self._core.world.guilds.get(int(request.match_info["guild"]))
        if guild is None:
            raise web.HTTPNotFound(text="No guild has that id.")
        return GuildPlace(self._core, guild)

    def _room(self, channel_id: str | int) -> Room:
        channel = self._core.world.channels.get(int(channel_id))
        if channel is None:
            raise web.HTTPNotFound(text="No channel has that id.")
        return Room(self._core, channel)

    def _message(self, message_id: str | int) -> Message:
        message = self._core.world.messages.get(int(message_id))
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
