"""`SimulatedUser`: does what a user does in Discord's client, so that tests and demos can use a bot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandbox.discord import command_options, interactions, message_payload
from sandbox.discord.command_options import NotOfferedError, Value
from sandbox.discord.component_types import BUTTON, SELECTS
from sandbox.discord.guild_models import Role
from sandbox.discord.json_values import Json
from sandbox.discord.message_author import MessageAuthor
from sandbox.discord.message_models import Channel, Message
from sandbox.discord.modals import fill_modal
from sandbox.discord.resolved_data import ResolvedData
from sandbox.discord.rules_commands import MESSAGE_MENU
from sandbox.discord.select_menus import fill_select, find_component
from sandbox.discord.simulated_account import SimulatedAccount
from sandbox.discord.simulated_channel import SimulatedChannel
from sandbox.discord.simulated_interaction import Choice, SimulatedInteraction
from sandbox.discord.uploads import Upload


class SimulatedUser(MessageAuthor):
    """A user account, as returned by `LocalDiscord.add_user` and `SimulatedGuild.add_member`."""

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
        target = channel.channel
        self._require_command_permissions(target)
        options = {name: _state_value(value) for name, value in values.items()}
        data = command_options.fill_command(self._context, self.user, target, command, options).data()
        metadata: Json = {"name": command}
        return await self._start_interaction(target, interactions.COMMAND, data, wait=wait, metadata=metadata)

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
        target = channel.channel
        self._require_command_permissions(target)
        options = {name: _state_value(value) for name, value in values.items()} | {option: text}
        data = command_options.fill_command(self._context, self.user, target, command, options, focused=option).data()
        interaction = await self._start_interaction(target, interactions.AUTOCOMPLETE, data, wait=True)
        return interaction.choices

    async def context_menu(self, message: Message, command: str, *, wait: bool = True) -> SimulatedInteraction:
        """Use a message command, which clients show in a message's context menu.

        Raises:
            NotOfferedError: No such command is offered in that channel.

        """
        self._require_command_permissions(message.channel)
        found = command_options.find_command(self._context, self.user, message.channel, MESSAGE_MENU, command)
        state = self._context.state
        body = message_payload.message(message, state, self._context.base_url, viewer=state.bot)
        filled = command_options.FilledCommand(found, resolved={"messages": {str(message.id): body}})
        data = filled.data() | {"target_id": str(message.id)}
        metadata: Json = {"name": command, "target_message_id": str(message.id)}
        return await self._start_interaction(message.channel, interactions.COMMAND, data, wait=wait, metadata=metadata)

    # -- components -------------------------------------------------------------------------------------------------

    async def press(self, message: Message, button: str, *, wait: bool = True) -> SimulatedInteraction:
        """Press a button, named by custom id, label or emoji.

        Raises:
            NotOfferedError: The message has no such button, or it is a link or disabled.

        """
        entry = find_component(self.user, message, button, BUTTON)
        if "custom_id" not in entry:
            raise NotOfferedError(f"{button!r} is a link.")
        return await self._use_component(
            message, {"custom_id": entry["custom_id"], "component_type": BUTTON}, wait=wait
        )

    async def select(
        self, message: Message, menu: str, *values: str | SimulatedUser | SimulatedChannel | Role, wait: bool = True
    ) -> SimulatedInteraction:
        """Choose in a select menu: values or labels in a string select, users, roles or channels in the others.

        Raises:
            NotOfferedError: There is no such menu or value, or the menu takes another number of values.

        """
        entry = find_component(self.user, message, menu, *SELECTS)
        resolved = ResolvedData(self._context, message.channel, self.user)
        chosen = fill_select(entry, [_state_value(value) for value in values], resolved)
        data: Json = {"custom_id": entry["custom_id"], "component_type": entry["type"], "values": chosen}
        return await self._use_component(
            message, data | ({"resolved": resolved.data} if resolved.data else {}), wait=wait
        )

    async def _use_component(self, message: Message, data: Json, *, wait: bool) -> SimulatedInteraction:
        metadata: Json = {"interacted_message_id": str(message.id)}
        return await self._start_interaction(
            message.channel, interactions.COMPONENT, data, wait=wait, source=message, metadata=metadata
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
        metadata: Json = {"triggering_interaction_metadata": opened.metadata}
        return await self._start_interaction(
            opened.channel, interactions.MODAL, data, wait=wait, source=opened.source, metadata=metadata
        )

    # -- interactions -----------------------------------------------------------------------------------------------

    async def _start_interaction(
        self,
        channel: Channel,
        kind: int,
        data: Json,
        *,
        wait: bool,
        source: Message | None = None,
        metadata: Json | None = None,
    ) -> SimulatedInteraction:
        started = interactions.start(self._context, self.user, channel, kind, data, source=source, metadata=metadata)
        interaction = SimulatedInteraction(self._context, started)
        if wait:
            await interaction.wait_settled()
        return interaction

    def _require_command_permissions(self, channel: Channel) -> None:
        self._require_permissions(channel, "view_channel", "use_application_commands")


def _state_value(value: Value | SimulatedAccount | SimulatedChannel) -> Value:
    """The account or channel of the state that a simulated one stands for; other values as they are."""
    if isinstance(value, SimulatedAccount):
        return value.user
    return value.channel if isinstance(value, SimulatedChannel) else value
