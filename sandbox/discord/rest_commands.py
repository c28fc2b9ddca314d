"""Application commands: single and bulk registration, global and per guild (interactions/application-commands)."""

from __future__ import annotations

from sandbox.discord import payloads
from sandbox.discord.core import NO_CONTENT, Call, Core, Reply, Route
from sandbox.discord.refusals import ApiError, Form, missing_access, unknown
from sandbox.discord.rules_commands import check_command, check_commands
from sandbox.discord.state import Command, Json


def _scope(core: Core, call: Call) -> int | None:
    if call.number("application_id") != core.world.application_id:
        raise ApiError(403, 20012, "You are not authorized to perform this action on this application", violation=True)
    if "guild_id" not in call.parameters:
        return None
    guild = core.world.guilds.get(call.number("guild_id"))
    if guild is None or core.world.bot.id not in guild.members:
        raise missing_access()
    return guild.id


def _render(core: Core, commands: list[Command]) -> list[Json]:
    return [payloads.command(command, core.world.application_id) for command in commands]


async def listed(core: Core, call: Call) -> Reply:
    """`GET /applications/{application_id}[/guilds/{guild_id}]/commands`."""
    scope = _scope(core, call)
    return Reply(_render(core, [command for command in core.world.commands if command.guild_id == scope]))


async def overwrite(core: Core, call: Call) -> Reply:
    """`PUT .../commands`: exactly these from now on; a command that keeps its name and type keeps its id."""
    scope = _scope(core, call)
    form = Form()
    check_commands(call.items, form)
    form.refuse()
    before = {(command.type, command.name): command.id for command in core.world.commands if command.guild_id == scope}
    made = [
        _command(core, body, scope, before.get((int(body.get("type") or 1), str(body["name"])))) for body in call.items
    ]
    core.world.commands = [command for command in core.world.commands if command.guild_id != scope] + made
    core.pulse.beat()
    return Reply(_render(core, made))


async def upsert(core: Core, call: Call) -> Reply:
    """`POST .../commands`: one more, or a new version of one."""
    scope, body = _scope(core, call), call.body
    form = Form()
    check_command(body, "_", form)
    form.refuse()
    key = (int(body.get("type") or 1), str(body["name"]), scope)
    old = next((entry for entry in core.world.commands if (entry.type, entry.name, entry.guild_id) == key), None)
    made = _command(core, body, scope, old.id if old else None)
    core.world.commands = [entry for entry in core.world.commands if entry is not old] + [made]
    core.pulse.beat()
    return Reply(_render(core, [made])[0], 200 if old else 201)


async def remove(core: Core, call: Call) -> Reply:
    """`DELETE .../commands/{command_id}`."""
    scope = _scope(core, call)
    found = [
        entry for entry in core.world.commands if entry.id == call.number("command_id") and entry.guild_id == scope
    ]
    if not found:
        raise unknown("application command")
    core.world.commands.remove(found[0])
    return NO_CONTENT


def _command(core: Core, body: Json, scope: int | None, old_id: int | None) -> Command:
    return Command(old_id or core.world.ids.next(), int(body.get("type") or 1), str(body["name"]), body, scope)


_GLOBAL = "/applications/{application_id}/commands"
_GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"

ROUTES = [
    Route(method, base + tail, handler)
    for base in (_GLOBAL, _GUILD)
    for method, tail, handler in (
        ("GET", "", listed),
        ("PUT", "", overwrite),
        ("POST", "", upsert),
        ("DELETE", "/{command_id}", remove),
    )
]
