"""Which messages become part of a conversation, and which of them a character answers.

`decide_answer` is a pure function. `AnswerPolicy` calls it with what the database and the character library know, and
adds the rules that need them: age-restricted characters, limits for bots, and the age of a message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.characters.library import CharacterLibrary
from bot.conversation.called_characters import find_called_character
from bot.conversation.options import ConversationOptions
from bot.domain.channels import Channel
from bot.domain.conversations import AnswerMode, ChannelBinding, ChatRole, IncomingMessage, Message, Thread
from bot.errors import CharacterNotFound, NotAllowed
from bot.policy import Feature, Policy
from bot.storage.conversations import ConversationRepository


@dataclass(frozen=True, slots=True)
class AnswerDecision:
    """A message becomes part of a conversation.

    Attributes:
        character_id: The character that the message is addressed to.
        wants_answer: That character is to answer it.
    """

    character_id: str
    wants_answer: bool


def decide_answer(
    incoming: IncomingMessage,
    binding: ChannelBinding | None,
    called: Sequence[tuple[str, str]],
    *,
    default_character: str,
    replied_character: str | None = None,
    allow_bots: bool = False,
) -> AnswerDecision | None:
    """Decide whether a message is stored, and who answers it.

    A message is addressed to the character whose message it replies to, else to the one it calls by name, else to the
    channel's. In channels without a binding, messages that neither mention the bot nor reply to it are not stored;
    direct messages are.

    Args:
        incoming: The message.
        binding: The channel's binding; for a Discord thread, that of its parent channel.
        called: (name or alias, character id) of every character that may answer there.
        default_character: Id of the character that answers in channels without a binding.
        replied_character: Id of the character whose message this one replies to; None: it replies to none.
        allow_bots: Whether messages of bots are treated like those of people.

    Returns:
        None: the message is not stored and not answered.
    """
    if incoming.author_is_bot and not allow_bots:
        return None
    is_direct = incoming.channel.is_direct
    summoned = incoming.mentions_bot or incoming.replies_to_bot or replied_character is not None
    if binding is None:
        if not (summoned or is_direct):
            return None
        channel_character, mode = default_character, AnswerMode.ALL
    else:
        channel_character, mode = binding.character_id, binding.mode
    if mode is AnswerMode.OFF:
        return None
    character_id = replied_character or find_called_character(incoming.content, called) or channel_character
    return AnswerDecision(character_id, wants_answer=summoned or mode is AnswerMode.ALL or is_direct)


class AnswerPolicy:
    """Decides about messages with the bindings, turns and characters that the bot knows."""

    def __init__(
        self,
        repository: ConversationRepository,
        characters: CharacterLibrary,
        options: ConversationOptions,
        access: Policy,
    ) -> None:
        self._access = access
        self._repository = repository
        self._characters = characters
        self._options = options

    async def decide(self, incoming: IncomingMessage, binding: ChannelBinding | None) -> AnswerDecision | None:
        """Decide about a message in a channel with that binding; None: it is neither stored nor answered."""
        if not incoming.text:
            return None  # a poll or a forwarded message has nothing that the model could read
        decision = decide_answer(
            incoming,
            binding,
            self._characters.names_and_aliases(incoming.channel.guild_id),
            default_character=self._options.default_character,
            replied_character=await self._replied_character(incoming),
            allow_bots=self._options.allow_bots,
        )
        if decision is None or not self._suits_channel(decision.character_id, incoming.channel):
            return None
        return decision

    def may_talk(self, incoming: IncomingMessage, *, wants_answer: bool) -> bool:
        """Whether the rules of the owner and the server let the person talk there.

        Raises:
            NotAllowed: They do not, and the message wants an answer.
        """
        try:
            self._access.require_may_use(incoming.author_id, incoming.channel, Feature.TALK)
        except NotAllowed:
            if wants_answer:
                raise
            return False
        return True

    async def is_bot_limit_reached(self, incoming: IncomingMessage, thread: Thread) -> bool:
        """Whether a bot's message stays without an answer, so that two bots do not answer each other for ever."""
        if not incoming.author_is_bot:
            return False
        return await self._repository.turns_since_last_person(thread.id) >= self._options.max_bot_turns

    def is_recent(self, message: Message | IncomingMessage) -> bool:
        """Whether a message that was written while the bot was away is worth an answer."""
        return self._options.now() - message.created_at < self._options.answer_missed_within

    def is_too_late(self, seconds: float) -> bool:
        """Whether a message that waited so long for an unavailable language model is not worth an answer any more."""
        return seconds >= self._options.answer_missed_within.total_seconds()

    async def _replied_character(self, incoming: IncomingMessage) -> str | None:
        if incoming.replies_to_message_id is not None:
            turn = await self._repository.message_by_discord_id(incoming.replies_to_message_id)
            if turn is not None and turn.role is ChatRole.ASSISTANT and turn.character_id:
                return turn.character_id
        return incoming.replied_character_id

    def _suits_channel(self, character_id: str, channel: Channel) -> bool:
        """Whether the character may answer there, as far as age restriction goes."""
        try:
            character = self._characters.find(character_id, channel.guild_id)
        except CharacterNotFound:  # the answer itself will report this
            return True
        return Policy.suits(channel, adults_only=character.nsfw)
