"""Finding a message's components, and filling in select menus, as Discord's client does."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.discord.command_options import NotOfferedError, Value
from sandbox.discord.guild_models import Role, User
from sandbox.discord.json_values import Json, get_int, get_list, get_object
from sandbox.discord.message_models import Channel, Message
from sandbox.discord.resolved_data import ResolvedData


def find_component(user: User, message: Message, name: str, *types: int) -> Json:
    """The first component of the given types whose custom id, label, placeholder or emoji is `name`.

    Raises:
        NotOfferedError: There is none, it is disabled, or the user cannot see the message.

    """
    if message.ephemeral and (message.interaction is None or message.interaction.user is not user):
        raise NotOfferedError(f"{user.name} does not see that message.")
    if message.deleted:
        raise NotOfferedError("The message is deleted.")
    components = [entry for entry in message.flat_components() if entry.get("type") in types]
    for entry in components:
        emoji = get_object(entry, "emoji").get("name")
        if name in (entry.get("custom_id"), entry.get("label"), entry.get("placeholder"), emoji):
            if entry.get("disabled"):
                raise NotOfferedError(f"{name!r} is disabled.")
            return entry
    names = [entry.get("label") or entry.get("placeholder") or entry.get("custom_id") for entry in components]
    raise NotOfferedError(f"The message has no {name!r}; it has {names}.")


def fill_select(menu: Json, values: Sequence[Value], resolved: ResolvedData) -> list[str]:
    """The values of a select menu as its interaction carries them: option values, or ids of users, roles and channels.

    Args:
        menu: The select menu component.
        values: What the user selects; for a string select the values or labels of options.
        resolved: Collects the users, roles and channels that are selected.

    Raises:
        NotOfferedError: A value is not offered, or there are too many or too few.

    """
    low, high = get_int(menu, "min_values", 1), get_int(menu, "max_values", 1)
    if not low <= len(values) <= high:
        raise NotOfferedError(f"The menu takes {low} to {high} values.")
    return [_fill_value(menu, value, resolved) for value in values]


def _fill_value(menu: Json, value: Value, resolved: ResolvedData) -> str:
    if isinstance(value, User):
        return resolved.user(value)
    if isinstance(value, Channel):
        return resolved.channel(value)
    if isinstance(value, Role):
        return resolved.role(value)
    options = get_list(menu, "options")
    found = next((option for option in options if value in (option["value"], option["label"])), None)
    if found is None:
        raise NotOfferedError(f"The menu offers {[option['label'] for option in options]}.")
    return str(found["value"])
