"""REST routes of application commands, global and per guild (interactions/application-commands)."""

from __future__ import annotations

from sandbox.discord import payloads
from sandbox.discord.context import NO_CONTENT, ApiRequest, ApiResponse, Route, ServerContext
from sandbox.discord.errors import ApiError, FormErrors, missing_access, unknown
from sandbox.discord.guild_models import Command
from sandbox.discord.json_values import Json
from sandbox.discord.rules_commands import check_command, check_commands


def _scope(context: ServerContext, request: ApiRequest) -> int | None:
    if request.number("application_id") != context.state.application_id:
        raise ApiError(403, 20012, "You are not authorized to perform this action on this application", violation=True)
    if "guild_id" not in request.parameters:
        return None
    guild = context.state.guilds.get(request.number("guild_id"))
    if guild is None or context.state.bot.id not in guild.members:
        raise missing_access()
    return guild.id


def _render(context: ServerContext, commands: list[Command]) -> list[Json]:
    return [payloads.command(command, context.state.application_id) for command in commands]


async def get_commands(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET /applications/{application_id}[/guilds/{guild_id}]/commands`."""
    scope = _scope(context, request)
    return ApiResponse(_render(context, [command for command in context.state.commands if command.guild_id == scope]))


async def bulk_overwrite_commands(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`PUT .../commands`: replace all commands; a command with the name and type of an old one keeps its id."""
    scope = _scope(context, request)
    form = FormErrors()
    check_commands(request.items, form)
    form.raise_if_any()
    before = {
        (command.type, command.name): command.id for command in context.state.commands if command.guild_id == scope
    }
    created = [
        _command(context, body, scope, before.get((int(body.get("type") or 1), str(body["name"]))))
        for body in request.items
    ]
    context.state.commands = [command for command in context.state.commands if command.guild_id != scope] + created
    context.changes.notify()
    return ApiResponse(_render(context, created))


async def create_command(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`POST .../commands`: add a command, or replace the one of that name and type."""
    scope, body = _scope(context, request), request.body
    form = FormErrors()
    check_command(body, "_", form)
    form.raise_if_any()
    key = (int(body.get("type") or 1), str(body["name"]), scope)
    old = next((entry for entry in context.state.commands if (entry.type, entry.name, entry.guild_id) == key), None)
    created = _command(context, body, scope, old.id if old else None)
    context.state.commands = [entry for entry in context.state.commands if entry is not old] + [created]
    context.changes.notify()
    return ApiResponse(_render(context, [created])[0], 200 if old else 201)


async def delete_command(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`DELETE .../commands/{command_id}`."""
    scope = _scope(context, request)
    found = [
        entry
        for entry in context.state.commands
        if entry.id == request.number("command_id") and entry.guild_id == scope
    ]
    if not found:
        raise unknown("application command")
    context.state.commands.remove(found[0])
    return NO_CONTENT


def _command(context: ServerContext, body: Json, scope: int | None, old_id: int | None) -> Command:
    return Command(old_id or context.state.ids.next(), int(body.get("type") or 1), str(body["name"]), body, scope)


_GLOBAL = "/applications/{application_id}/commands"
_GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"

ROUTES = [
    Route(method, base + tail, handler)
    for base in (_GLOBAL, _GUILD)
    for method, tail, handler in (
        ("GET", "", get_commands),
        ("PUT", "", bulk_overwrite_commands),
        ("POST", "", create_command),
        ("DELETE", "/{command_id}", delete_command),
    )
]
