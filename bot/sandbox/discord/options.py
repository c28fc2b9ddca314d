"""From `"character use", name="nova"` to what Discord sends: the registered command, typed options, resolved data.

Refuses what a person's client would not let through: unknown commands, missing or unknown options, values outside the limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.discord import payloads, uploads
from bot.sandbox.discord.core import Core
from bot.sandbox.discord.permissions import permissions_in
from bot.sandbox.discord.rules_commands import CHAT_INPUT, GROUP, SUBCOMMAND
from bot.sandbox.discord.state import Attachment, Channel, Command, Json, Role, User
from bot.sandbox.discord.uploads import Upload

STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = 3, 4, 5, 6, 7, 8, 9, 10, 11

Value = str | int | float | bool | User | Channel | Role | Upload
"""What a person can give to an option."""


class NotOfferedError(Exception):
    """Discord's client would not let the person do that; the application never hears of it."""


@dataclass
class Filled:
    """A command as it goes into INTERACTION_CREATE."""

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


def offered(core: Core, user: User, channel: Channel, kind: int, name: str) -> Command:
    """The command that the person's client shows there; a guild's own goes before a global one.

    Raises:
        NotOfferedError: There is none, or not here, or not for this person.

    """
    scope = channel.guild.id if channel.guild else None
    found = [entry for entry in core.world.commands if entry.type == kind and entry.name == name]
    found = [entry for entry in found if entry.guild_id in (None, scope)]
    found.sort(key=lambda entry: entry.guild_id is None)
    if not found:
        known = ", ".join(sorted(entry.name for entry in core.world.commands if entry.type == kind)) or "none"
        raise NotOfferedError(f"No command {name!r} is registered here; there are: {known}.")
    command = found[0]
    contexts = command.data.get("contexts")
    here = 1 if channel.guild is None else 0
    if contexts is not None and here not in contexts:
        raise NotOfferedError(f"/{name} is not offered in this kind of channel.")
    if channel.guild is None and (command.guild_id or command.data.get("dm_permission") is False):
        raise NotOfferedError(f"/{name} is not offered in direct messages.")
    if command.data.get("nsfw") and channel.guild is not None and not channel.restricted:
        raise NotOfferedError(f"/{name} is offered in age-restricted channels only.")
    needed = int(command.data.get("default_member_permissions") or 0)
    if channel.guild is not None and permissions_in(channel, user) & needed != needed:
        raise NotOfferedError(f"{user.name} lacks the permissions for /{name}.")
    return command


def fill(
    core: Core,
    user: User,
    channel: Channel,
    path: str,
    values: Mapping[str, Value],
    *,
    focused: str | None = None,
) -> Filled:
    """Fill in a command. `focused` is the option being typed: then required ones may still be missing.

    Raises:
        NotOfferedError: The client would refuse it.

    """
    name, *rest = path.removeprefix("/").split()
    filled = Filled(offered(core, user, channel, CHAT_INPUT, name))
    specs: list[Json] = filled.command.data.get("options") or []
    target = filled.options
    for word in rest:
        spec = next((entry for entry in specs if entry["name"] == word and entry["type"] in {SUBCOMMAND, GROUP}), None)
        if spec is None:
            raise NotOfferedError(f"/{path}: there is no subcommand {word!r}.")
        inner: list[Json] = []
        target.append({"type": spec["type"], "name": word, "options": inner})
        target, specs = inner, spec.get("options") or []
    if any(entry["type"] in {SUBCOMMAND, GROUP} for entry in specs):
        raise NotOfferedError(f"/{path} needs a subcommand: {', '.join(entry['name'] for entry in specs)}.")
    _fill_values(core, channel, path, specs, values, target, filled, focused)
    return filled


def _fill_values(
    core: Core,
    channel: Channel,
    path: str,
    specs: list[Json],
    values: Mapping[str, Value],
    target: list[Json],
    filled: Filled,
    focused: str | None,
) -> None:
    unknown = set(values) - {entry["name"] for entry in specs}
    if unknown:
        raise NotOfferedError(f"/{path} has no option {sorted(unknown)}; it has {[entry['name'] for entry in specs]}.")
    by_name = {entry["name"]: entry for entry in specs}
    missing = [entry["name"] for entry in specs if entry.get("required") and entry["name"] not in values]
    if missing and focused is None:
        raise NotOfferedError(f"/{path} needs {missing}.")
    for key, value in values.items():
        spec = by_name[key]
        option: Json = {"name": key, "type": spec["type"]}
        if key == focused:
            if not spec.get("autocomplete"):
                raise NotOfferedError(f"/{path}: {key} has no autocomplete.")
            target.append(option | {"value": str(value), "focused": True})
        else:
            target.append(option | {"value": _value(core, channel, spec, value, filled.resolved)})


def _value(core: Core, channel: Channel, spec: Json, value: Value, resolved: Json) -> Any:
    kind, name = spec["type"], spec["name"]
    match value:
        case bool() if kind == BOOLEAN:
            return value
        case str() if kind == STRING:
            return _text(spec, value)
        case int() | float() if kind == NUMBER and not isinstance(value, bool):
            return _within(spec, float(value))
        case int() if kind == INTEGER and not isinstance(value, bool):
            if abs(value) > 2**53:
                raise NotOfferedError(f"{name}: the client takes integers between -2^53 and 2^53.")
            return _within(spec, value)
        case User() if kind in {USER, MENTIONABLE}:
            resolved.setdefault("users", {})[str(value.id)] = payloads.user(value)
            member = channel.guild.members.get(value.id) if channel.guild else None
            if member is not None:
                shown = payloads.member(member, with_user=False) | {"permissions": str(permissions_in(channel, value))}
                resolved.setdefault("members", {})[str(value.id)] = shown
            return str(value.id)
        case Channel() if kind == CHANNEL:
            resolved.setdefault("channels", {})[str(value.id)] = payloads.resolved_channel(
                value, core.world, core.world.bot
            )
            return str(value.id)
        case Role() if kind in {ROLE, MENTIONABLE}:
            resolved.setdefault("roles", {})[str(value.id)] = payloads.role(value)
            return str(value.id)
        case Upload() if kind == ATTACHMENT:
            attachment = attach(core, channel, value)
            body = payloads.attachment(attachment, core.base, core.clock.now())
            resolved.setdefault("attachments", {})[str(attachment.id)] = body
            return str(attachment.id)
        case _:
            raise NotOfferedError(f"{name}: {value!r} does not fit an option of type {kind}.")


def attach(core: Core, channel: Channel, upload: Upload) -> Attachment:
    """A file given to a command or a modal: on the CDN, ephemeral."""
    attachment = uploads.store(core, channel, upload)
    attachment.ephemeral = True
    return attachment


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
