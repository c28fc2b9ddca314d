"""The prompt of a request, written by the language model while the job waits (`/scene`, `/imagine enhance:true`)."""

from __future__ import annotations

from bot.conversation.ports import Characters
from bot.conversation.prompt_writer import PromptWriter
from bot.conversation.store import ConversationStore
from bot.domain.conversations import Message
from bot.domain.jobs import Derivation, GenerationRequest
from bot.generation.preparation import RewrittenPrompt

UNAVAILABLE = "The language model was unavailable: drawn from your own words."
AS_IT_WAS = "The language model was unavailable: the same prompt with a new seed."
_TURNS = 12


class RequestRewriter:
    """Implements `bot.generation.prompt_rewriting.PromptRewriter`."""

    def __init__(self, writer: PromptWriter, characters: Characters, store: ConversationStore) -> None:
        self._writer = writer
        self._characters = characters
        self._store = store

    async def rewrite(self, request: GenerationRequest) -> RewrittenPrompt:
        """The prompt for the request's words, in the light of its conversation's last turns if it has one.

        Raises:
            CharacterNotFound: The character's file is gone.
        """
        character = self._characters.find(request.character_id, request.origin.guild_id)
        history = await self._history(request)
        if request.derivation is Derivation.VARY:
            wish = f"the same picture as this prompt, in other words and with another composition: {request.positive}"
            written = await self._writer.write(character, wish, history)
            # Without a model the picture keeps its own prompt; the new seed varies it.
            return (
                RewrittenPrompt(written.positive) if written.by_model else RewrittenPrompt(request.positive, AS_IT_WAS)
            )
        written = await self._writer.write(character, request.written_prompt or request.positive, history)
        return RewrittenPrompt(written.positive, None if written.by_model else UNAVAILABLE)

    async def _history(self, request: GenerationRequest) -> list[Message]:
        thread = await self._store.thread_by_id(request.thread_id) if request.thread_id else None
        return await self._store.history(thread, limit=_TURNS) if thread is not None else []
