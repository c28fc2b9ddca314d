"""`SimulatedUser`: does what a user does in Discord's client, so that tests and demos can use a bot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandbox.discord import command_options, guild_changes, interactions, mentions, messages, payloads, uploads
from sandbox.discord.command_options import NotOfferedError, Value
from sandbox.discord.context import ServerContext
from sandbox.discord.message_payload import message as message_payload
from sandbox.discord.modals import fill_modal
from sandbox.discord.permissions import missing
from sandbox.discord.resolved_data import ResolvedData
from sandbox.discord.rules_commands import MESSAGE_MENU
from sandbox.discord.simulated_channel import SimulatedChannel
from sandbox.discord.simulated_interaction import Choice, SimulatedInteraction
from sandbox.discord.state import DIRECT, Channel, Interaction, Json, Message, User, get_int, get_list, get_object
from sandbox.discord.uploads import Upload


class NotAllowedError(Exception):
    """The user lacks a permission for that, or the message is somebody else's."""


class SimulatedUser:
    """A user account, as returned by `LocalDiscord.add_user` and `SimulatedGuild.add_member`."""

    def __init__(self, context: ServerContext, user: User) -> None:
        self._context = context
        self.user = user

    @property
    def id(self) -> int:
        """The user's snowflake."""
        return self.user.id

    @property
    def name(self) -> str:
        """The account's name."""
        return self.user.name

    @property
    def mention(self) -> str:
        """The text that mentions this user."""
        return self.user.mention

    @property
    def dm_channel(self) -> SimulatedChannel:
        """The DM channel of this user and the bot."""
        return SimulatedChannel(self._context, self._context.state.dm_channel(self.user))

    # -- messages ---------------------------------------------------------------------------------------------------

    async def send(
        self,
        channel: SimulatedChannel,
        text: str = "",
        *,
        reply_to: Message | None = None,
        attachments: Sequence[Upload] = (),
        ping: bool = True,
    ) -> Message:
        """Send a message.

        Args:
            channel: Where to.
            text: The content; mentions in it (`user.mention`) ping.
            reply_to: The message that this one replies to.
            attachments: Files.
            ping: Whether a reply pings the author of the other message.

        Raises:
            NotAllowedError: The user lacks a permission in that channel.
            NotOfferedError: There is neither text nor a file.

        """
        target = channel.channel
        needed = ["view_channel", "send_messages_in_threads" if target.is_thread else "send_messages"]
        self._require_permissions(target, *needed, *(["attach_files"] if attachments else []))
        if not text and not attachments:
            raise NotOfferedError("An empty message cannot be sent.")
        pings = mentions.compute(
            text,
            mentions.REGULAR | {"replied_user": ping},
            channel=target,
            author=self.user,
            reply_to=reply_to,
            default=mentions.REGULAR,
        )
        message = Message(
            id=self._context.state.ids.next(),
            channel=target,
            author=self.user,
            content=text,
            type=messages.REPLY if reply_to else 0,
            created=self._context.clock.now(),
            attachments=[uploads.store(self._context, target, upload) for upload in attachments],
            reply_to=reply_to,
            reference=messages.reference(reply_to) if reply_to else None,
            pings=pings,
        )
        messages.publish(self._context, message)
        return message

    async def edit(self, message: Message, text: str) -> Message:
        """Change the text of an own message.

        Raises:
            NotAllowedError: The message is somebody else's.

        """
        if message.author is not self.user:
            raise NotAllowedError(f"{self.name} did not write that message.")
        return messages.edit(self._context, message, {"content": text}, [])

    async def delete(self, message: Message) -> None:
        """Delete an own message, or with `manage_messages` anybody's.

        Raises:
            NotAllowedError: The message is somebody else's and the user lacks `manage_messages`.

        """
        if message.author is not self.user:
            self._require_permissions(message.channel, "manage_messages")
        messages.delete(self._context, message)

    async def add_reaction(self, message: Message, emoji: str) -> None:
        """Add a reaction. An emoji that the message does not have yet needs `add_reactions`."""
        if all(reaction.emoji != emoji for reaction in message.reactions):
            self._require_permissions(message.channel, "add_reactions")
        self._require_permissions(message.channel, "view_channel", "read_message_history")
        messages.add_reaction(self._context, message, self.user, emoji)

    async def remove_reaction(self, message: Message, emoji: str) -> None:
        """Remove an own reaction."""
        messages.remove_reaction(self._context, message, self.user, emoji)

    async def start_typing(self, channel: SimulatedChannel) -> None:
        """Send TYPING_START, as the client does while somebody types."""
        target, now = channel.channel, int(self._context.clock.now())
        self._context.state.typing.append((target, self.user))
        body: Json = {"channel_id": str(target.id), "user_id": str(self.user.id), "timestamp": now}
        if target.guild is not None:
            member = payloads.member(target.guild.members[self.user.id])
            body |= {"guild_id": str(target.guild.id), "member": member}
        self._context.gateway.send_in("TYPING_START", body, target)

    async def create_thread(
        self, channel: SimulatedChannel, name: str, message: Message | None = None
    ) -> SimulatedChannel:
        """Create a public thread, from a message or without one."""
        self._require_permissions(channel.channel, "create_public_threads")
        return SimulatedChannel(
            self._context, guild_changes.create_thread(self._context, channel.channel, name, self.user, message)
        )

    # -- commands ---------------------------------------------------------------------------------------------------

    async def slash(
        self,
        channel: SimulatedChannel,
        command: str,
        /,
        *,
        wait: bool = True,
        **values: Value | SimulatedUser | SimulatedChannel,
    ) -> SimulatedInteraction:
        """Use a slash command, such as `slash(channel, "character use", name="nova")`.

        Returns when the application has responded or its 3 s are over (`failed`); with `wait=False` at once.

        Raises:
            NotOfferedError: Discord's client would not offer the command, or not accept a value.
            NotAllowedError: The user may not use commands in that channel.

        """
        self._require_command_permissions(channel.channel)
        filled = command_options.fill_command(self._context, self.user, channel.channel, command, _state_values(values))
        data = filled.data()
        return await self._start_interaction(
            channel.channel, interactions.COMMAND, data, wait=wait, about={"name": command}
        )

    async def autocomplete(
        self,
        channel: SimulatedChannel,
        command: str,
        option: str,
        text: str = "",
        /,
        **values: Value | SimulatedUser | SimulatedChannel,
    ) -> list[Choice]:
        """The choices that the application offers while `text` is typed into `option`.

        `values` are the options that are filled in already.

        Raises:
            NoResponseError: The application did not respond within 3 s.

        """
        self._require_command_permissions(channel.channel)
        given = _state_values(values) | {option: text}
        filled = command_options.fill_command(self._context, self.user, channel.channel, command, given, focused=option)
        interaction = await self._start_interaction(
            channel.channel, interactions.AUTOCOMPLETE, filled.data(), wait=True
        )
        return interaction.choices

    async def context_menu(self, message: Message, command: str, *, wait: bool = True) -> SimulatedInteraction:
        """Use a message command, which clients show in a message's context menu.

        Raises:
            NotOfferedError: No such command is offered in that channel.

        """
        self._require_command_permissions(message.channel)
        found = command_options.find_command(self._context, self.user, message.channel, MESSAGE_MENU, command)
        body = message_payload(message, self._context.state, self._context.base_url, viewer=self._context.state.bot)
        filled = command_options.FilledCommand(found, resolved={"messages": {str(message.id): body}})
        data = filled.data() | {"target_id": str(message.id)}
        about: Json = {"name": command, "target_message_id": str(message.id)}
        return await self._start_interaction(message.channel, interactions.COMMAND, data, wait=wait, about=about)

    # -- components -------------------------------------------------------------------------------------------------

    def find_component(self, message: Message, wanted: str, *kinds: int) -> Json:
        """A component of the given types, named by its custom id, label, placeholder or emoji.

        Raises:
            NotOfferedError: There is none, it is disabled, or the user cannot see the message.

        """
        if message.ephemeral and (message.interaction is None or message.interaction.user is not self.user):
            raise NotOfferedError(f"{self.name} does not see that message.")
        if message.deleted:
            raise NotOfferedError("The message is deleted.")
        found = [entry for entry in message.flat_components() if entry.get("type") in kinds]
        for entry in found:
            emoji = get_object(entry, "emoji").get("name")
            if wanted in (entry.get("custom_id"), entry.get("label"), entry.get("placeholder"), emoji):
                if entry.get("disabled"):
                    raise NotOfferedError(f"{wanted!r} is disabled.")
                return entry
        names = [entry.get("label") or entry.get("placeholder") or entry.get("custom_id") for entry in found]
        raise NotOfferedError(f"The message has no {wanted!r}; it has {names}.")

    async def press(self, message: Message, button: str, *, wait: bool = True) -> SimulatedInteraction:
        """Press a button, named by custom id, label or emoji.

        Raises:
            NotOfferedError: The message has no such button, or it is a link or disabled.

        """
        entry = self.find_component(message, button, 2)
        if "custom_id" not in entry:
            raise NotOfferedError(f"{button!r} is a link.")
        return await self._use_component(message, {"custom_id": entry["custom_id"], "component_type": 2}, wait=wait)

    async def select(
        self, message: Message, menu: str, *values: str | SimulatedUser | SimulatedChannel, wait: bool = True
    ) -> SimulatedInteraction:
        """Choose in a select menu: values or labels in a string select, users or channels in the others.

        Raises:
            NotOfferedError: There is no such menu or value, or the menu takes another number of values.

        """
        entry = self.find_component(message, menu, 3, 5, 6, 7, 8)
        resolved = ResolvedData(self._context, message.channel, self.user)
        chosen = fill_select(entry, values, resolved)
        data: Json = {"custom_id": entry["custom_id"], "component_type": entry["type"], "values": chosen}
        return await self._use_component(
            message, data | ({"resolved": resolved.data} if resolved.data else {}), wait=wait
        )

    async def _use_component(self, message: Message, data: Json, *, wait: bool) -> SimulatedInteraction:
        about: Json = {"interacted_message_id": str(message.id)}
        channel = message.channel
        return await self._start_interaction(
            channel, interactions.COMPONENT, data, wait=wait, source=message, about=about
        )

    async def submit_modal(
        self,
        interaction: SimulatedInteraction,
        values: Mapping[str, str | Sequence[str | Upload]] | None = None,
        *,
        wait: bool = True,
    ) -> SimulatedInteraction:
        """Submit the modal that an interaction was answered with.

        `values` are by custom id or label; the other fields keep the text that they are shown with.

        Raises:
            NotOfferedError: There is no such field, or it does not take that value.
            NoResponseError: The interaction was not answered with a modal.

        """
        opened = interaction.interaction
        data = fill_modal(interaction.modal, values or {}, ResolvedData(self._context, opened.channel, self.user))
        about: Json = {"triggering_interaction_metadata": opened.metadata}
        source = opened.source
        return await self._start_interaction(
            opened.channel, interactions.MODAL, data, wait=wait, source=source, about=about
        )

    # -- reading ---------------------------------------------------------------------------------------------------

    def can_see(self, message: Message) -> bool:
        """Whether the client shows this user the message."""
        if message.deleted:
            return False
        if message.ephemeral:
            return message.interaction is not None and message.interaction.user is self.user
        if message.channel.type == DIRECT:
            return self.user in message.channel.recipients
        return not missing(message.channel, self.user, "view_channel")

    def is_pinged_by(self, message: Message) -> bool:
        """Whether the message pings this user: by a mention, a role or `@everyone`."""
        guild = message.channel.guild
        member = guild.members.get(self.id) if guild else None
        by_role = member is not None and bool(member.role_ids & message.pings.roles)
        return self.id in message.pings.users or by_role or message.pings.everyone

    # -- interactions -----------------------------------------------------------------------------------------------

    async def _start_interaction(
        self,
        channel: Channel,
        kind: int,
        data: Json,
        *,
        wait: bool,
        source: Message | None = None,
        about: Json | None = None,
    ) -> SimulatedInteraction:
        made: Interaction = interactions.start(
            self._context, self.user, channel, kind, data, source=source, about=about
        )
        interaction = SimulatedInteraction(self._context, made)
        if wait:
            await interaction.wait_settled()
        return interaction

    def _require_permissions(self, channel: Channel, *needed: str) -> None:
        lacking = missing(channel, self.user, *needed)
        if lacking:
            raise NotAllowedError(f"{self.name} lacks {lacking} in #{channel.name}.")

    def _require_command_permissions(self, channel: Channel) -> None:
        self._require_permissions(channel, "view_channel", "use_application_commands")


def _state_values(values: Mapping[str, Value | SimulatedUser | SimulatedChannel]) -> dict[str, Value]:
    result: dict[str, Value] = {}
    for key, value in values.items():
        if isinstance(value, SimulatedUser):
            result[key] = value.user
        elif isinstance(value, SimulatedChannel):
            result[key] = value.channel
        else:
            result[key] = value
    return result


def fill_select(
    entry: Json, values: Sequence[str | SimulatedUser | SimulatedChannel], resolved: ResolvedData
) -> list[str]:
    """The values of a select menu as its interaction carries them: option values, or the ids of users and channels.

    Raises:
        NotOfferedError: A value is not offered, or there are too many or too few.

    """
    low, high = get_int(entry, "min_values", 1), get_int(entry, "max_values", 1)
    if not low <= len(values) <= high:
        raise NotOfferedError(f"The menu takes {low} to {high} values.")
    chosen: list[str] = []
    for value in values:
        if isinstance(value, SimulatedUser):
            chosen.append(resolved.user(value.user))
        elif isinstance(value, SimulatedChannel):
            chosen.append(resolved.channel(value.channel))
        else:
            offered = get_list(entry, "options")
            found = next((option for option in offered if value in (option["value"], option["label"])), None)
            if found is None:
                raise NotOfferedError(f"The menu offers {[option['label'] for option in offered]}.")
            chosen.append(found["value"])
    return chosen
