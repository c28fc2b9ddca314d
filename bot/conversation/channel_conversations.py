"""Which conversation and which thread a channel has, and which character is bound to it."""

from __future__ import annotations

from bot.characters.library import CharacterLibrary
from bot.domain.channels import Channel
from bot.domain.conversations import AnswerMode, ChannelBinding, Conversation, IncomingMessage, Thread
from bot.storage.conversations import ConversationRepository


class ChannelConversations:
    """Finds conversations by their channel, and creates them on first use, also in channels without a binding."""

    def __init__(
        self, repository: ConversationRepository, characters: CharacterLibrary, *, default_character: str
    ) -> None:
        self._repository = repository
        self._characters = characters
        self._default_character = default_character

    async def thread_for(self, incoming: IncomingMessage, binding: ChannelBinding | None, character_id: str) -> Thread:
        """Return the thread that a message belongs to.

        Args:
            incoming: The message. One in a Discord thread gets a thread of its own, which starts with the history of
                the parent channel up to that message.
            binding: The binding of the channel, or of the Discord thread's parent channel.
            character_id: The character that a new conversation belongs to if there is no binding.
        """
        channel = incoming.channel
        conversation = await self._current_conversation(channel.bound_id, channel.guild_id, binding, character_id)
        main = await self._repository.get_or_create_thread(conversation.id, channel.bound_id)
        if not channel.is_thread:
            return main
        return await self._repository.get_or_create_thread(
            conversation.id, channel.channel_id, parent=main, before_discord_message_id=incoming.discord_message_id
        )

    async def current_thread(self, channel: Channel) -> Thread | None:
        """Return the channel's thread in its current conversation; None: there is none yet."""
        binding = await self._repository.binding(channel.bound_id)
        conversation_id = binding.conversation_id if binding is not None else None
        if conversation_id is None:
            known = await self._repository.conversations(channel.bound_id)
            conversation_id = known[0].id if known else None
        if conversation_id is None:
            return None
        return await self._repository.thread_in_channel(conversation_id, channel.channel_id)

    async def bind_character(
        self,
        channel_id: int,
        guild_id: int | None,
        character_id: str,
        *,
        mode: AnswerMode = AnswerMode.ALL,
        bound_by: int | None = None,
    ) -> ChannelBinding:
        """Bind a character to a channel; its last conversation there goes on, or a new one begins.

        Args:
            channel_id: The channel.
            guild_id: The channel's guild; None for a direct message.
            character_id: The character.
            mode: When it answers.
            bound_by: Discord id of the person who chose it.
        """
        known = await self._repository.conversations(channel_id)
        last = next((each.id for each in known if each.character_id == character_id), None)
        binding = ChannelBinding(
            channel_id=channel_id,
            guild_id=guild_id,
            character_id=character_id,
            conversation_id=last,
            mode=mode,
            bound_by=bound_by,
        )
        await self._repository.bind(binding)
        return binding

    async def bind_default_character(
        self, channel_id: int, guild_id: int | None, *, bound_by: int | None = None
    ) -> ChannelBinding:
        """Bind the default character, which answers mentions only: as in a channel without a binding."""
        return await self.bind_character(
            channel_id, guild_id, self._default_character, mode=AnswerMode.MENTION, bound_by=bound_by
        )

    async def _current_conversation(
        self, channel_id: int, guild_id: int | None, binding: ChannelBinding | None, character_id: str
    ) -> Conversation:
        """Return the binding's conversation, else the character's last one in the channel, else a new one."""
        if binding is not None and binding.conversation_id is not None:
            found = await self._repository.conversation(binding.conversation_id)
            if found is not None:
                return found
        owner = binding.character_id if binding is not None else character_id
        conversation = None
        if binding is None:
            known = await self._repository.conversations(channel_id)
            conversation = next((each for each in known if each.character_id == owner), None)
        if conversation is None:
            title = f"With {self._characters.names(guild_id).get(owner, owner)}"
            conversation = await self._repository.create_conversation(
                character_id=owner, title=title, guild_id=guild_id, channel_id=channel_id
            )
        if binding is not None:
            await self._repository.bind(binding.model_copy(update={"conversation_id": conversation.id}))
        return conversation
