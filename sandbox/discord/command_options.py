"""Filling in a slash command as Discord's client does: from `"character use", name="nova"` to the interaction's `data`.

Refuses what the client would refuse: unknown commands, missing options, values outside the limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.discord.context import ServerContext
from sandbox.discord.guild_models import Command, Role, User
from sandbox.discord.json_values import Json, get_list
from sandbox.discord.message_models import Channel
from sandbox.discord.permissions import permissions_in
from sandbox.discord.resolved_data import ResolvedData
from sandbox.discord.rules_commands import CHAT_INPUT, GROUP, SUBCOMMAND
from sandbox.discord.uploads import Upload

MAX_INTEGER = 2**53
"""The largest integer option, in either direction.

Option types: 3 string, 4 integer, 5 boolean, 6 user, 7 channel, 8 role, 9 mentionable, 10 number, 11 attachment
(interactions/application-commands, "Application Command Option Type").
"""

Value = str | int | float | bool | User | Channel | Role | Upload
"""What a user can enter for an option."""


class NotOfferedError(Exception):
    """Discord's client would not let the user do that; the application is sent nothing."""


@dataclass
class FilledCommand:
    """A command as INTERACTION_CREATE carries it."""

    command: Command
    options: list[Json] = field(default_factory=list[Json])
    resolved: Json = field(default_factory=dict[str, Any])

    def data(self) -> Json:
        """The interaction's `data`."""
        body: Json = {"id": str(self.command.id), "name": self.command.name, "type": self.command.type}
        if self.command.guild_id:
            body["guild_id"] = str(self.command.guild_id)
        if self.options:
            body["options"] = self.options
        if self.resolved:
            body["resolved"] = self.resolved
        return body


def find_command(context: ServerContext, user: User, channel: Channel, kind: int, name: str) -> Command:
    """The command of this name that the client offers; a guild's own command goes before a global one.

    Args:
        context: The local Discord.
        user: Who uses the command.
        channel: Where.
        kind: The command type: CHAT_INPUT, USER_MENU or MESSAGE_MENU.
        name: The command's name.

    Raises:
        NotOfferedError: There is no such command, or it is not offered in that channel or to that user.

    """
    scope = channel.guild.id if channel.guild else None
    found = [entry for entry in context.state.commands if entry.type == kind and entry.name == name]
    found = [entry for entry in found if entry.guild_id in (None, scope)]
    found.sort(key=lambda entry: entry.guild_id is None)
    if not found:
        known = ", ".join(sorted(entry.name for entry in context.state.commands if entry.type == kind)) or "none"
        raise NotOfferedError(f"No command {name!r} is registered here; there are: {known}.")
    command = found[0]
    contexts = command.data.get("contexts")
    interaction_context = 1 if channel.guild is None else 0
    if contexts is not None and interaction_context not in contexts:
        raise NotOfferedError(f"/{name} is not offered in this kind of channel.")
    if channel.guild is None and (command.guild_id or command.data.get("dm_permission") is False):
        raise NotOfferedError(f"/{name} is not offered in direct messages.")
    if command.data.get("nsfw") and channel.guild is not None and not channel.restricted:
        raise NotOfferedError(f"/{name} is offered in age-restricted channels only.")
    needed = int(command.data.get("default_member_permissions") or 0)
    if channel.guild is not None and permissions_in(channel, user) & needed != needed:
        raise NotOfferedError(f"{user.name} lacks the permissions for /{name}.")
    return command


def fill_command(
    context: ServerContext,
    user: User,
    channel: Channel,
    path: str,
    values: Mapping[str, Value],
    *,
    focused: str | None = None,
) -> FilledCommand:
    """Fill in a slash command.

    Args:
        context: The local Discord.
        user: Who uses the command.
        channel: Where.
        path: The command's name with its subcommands, such as `character use`.
        values: Option name -> value.
        focused: The option that is being typed (autocomplete). Required options may be missing then.

    Raises:
        NotOfferedError: The client would not accept it.

    """
    name, *rest = path.removeprefix("/").split()
    filled = FilledCommand(find_command(context, user, channel, CHAT_INPUT, name))
    specs, target = get_list(filled.command.data, "options"), filled.options
    for word in rest:
        spec = next((entry for entry in specs if entry["name"] == word and entry["type"] in {SUBCOMMAND, GROUP}), None)
        if spec is None:
            raise NotOfferedError(f"/{path}: there is no subcommand {word!r}.")
        inner: list[Json] = []
        target.append({"type": spec["type"], "name": word, "options": inner})
        target, specs = inner, get_list(spec, "options")
    if any(entry["type"] in {SUBCOMMAND, GROUP} for entry in specs):
        raise NotOfferedError(f"/{path} needs a subcommand: {', '.join(entry['name'] for entry in specs)}.")
    resolved = ResolvedData(context, channel, user)
    for spec in _given(path, specs, values, focused):
        target.append(_option(spec, values[spec["name"]], resolved, focused))
    filled.resolved = resolved.data
    return filled


def _given(path: str, specs: list[Json], values: Mapping[str, Value], focused: str | None) -> list[Json]:
    unknown = set(values) - {entry["name"] for entry in specs}
    if unknown:
        raise NotOfferedError(f"/{path} has no option {sorted(unknown)}; it has {[entry['name'] for entry in specs]}.")
    missing = [entry["name"] for entry in specs if entry.get("required") and entry["name"] not in values]
    if missing and focused is None:
        raise NotOfferedError(f"/{path} needs {missing}.")
    return [entry for entry in specs if entry["name"] in values]


def _option(spec: Json, value: Value, resolved: ResolvedData, focused: str | None) -> Json:
    option: Json = {"name": spec["name"], "type": spec["type"]}
    if spec["name"] != focused:
        return option | {"value": _value(spec, value, resolved)}
    if not spec.get("autocomplete"):
        raise NotOfferedError(f"{focused} has no autocomplete.")
    return option | {"value": str(value), "focused": True}


def _value(spec: Json, value: Value, resolved: ResolvedData) -> Any:
    """The value as the interaction carries it: users, channels, roles and files as ids."""
    result: Any = None
    match spec["type"], value:
        case (5, bool()):
            result = value
        case (3, str()):
            result = _text(spec, value)
        case (10, int() | float()) if not isinstance(value, bool):
            result = _within(spec, float(value))
        case (4, int()) if not isinstance(value, bool) and abs(value) <= MAX_INTEGER:
            result = _within(spec, value)
        case (6 | 9, User()):
            result = resolved.user(value)
        case (7, Channel()):
            result = resolved.channel(value)
        case (8 | 9, Role()):
            result = resolved.role(value)
        case (11, Upload()):
            result = resolved.upload(value)
        case (kind, _):
            raise NotOfferedError(f"{spec['name']}: {value!r} does not fit an option of type {kind}.")
    return result


def _text(spec: Json, value: str) -> str:
    low, high = spec.get("min_length", 0), spec.get("max_length", 6000)
    if not low <= len(value) <= high or (spec.get("required") and not value):
        raise NotOfferedError(f"{spec['name']}: the client takes {low} to {high} characters.")
    return _chosen(spec, value)


def _within(spec: Json, value: float) -> Any:
    low, high = spec.get("min_value"), spec.get("max_value")
    if (low is not None and value < low) or (high is not None and value > high):
        raise NotOfferedError(f"{spec['name']}: the client takes {low} to {high}.")
    return _chosen(spec, value)


def _chosen(spec: Json, value: Any) -> Any:
    choices: list[Json] = spec.get("choices") or []
    if not choices:
        return value
    for choice in choices:
        if value in (choice["value"], choice["name"]):
            return choice["value"]
    raise NotOfferedError(f"{spec['name']}: the client offers {[choice['name'] for choice in choices]}.")
