"""The image prompt of a waiting job, written by the language model (`/scene`, `/imagine enhance:true`, Vary)."""

from __future__ import annotations

from bot.characters.library import CharacterLibrary
from bot.conversation.image_prompt_writer import ImagePromptWriter
from bot.domain.conversations import Message
from bot.domain.jobs import Derivation, GenerationRequest
from bot.generation.prompt_rewriting import RewrittenPrompt
from bot.storage.conversations import ConversationRepository

OWN_WORDS_NOTE = "The language model was unavailable: drawn from your own words."
SAME_PROMPT_NOTE = "The language model was unavailable: the same prompt with a new seed."
CONTEXT_MESSAGES = 12


class RequestRewriter:
    """Implements `bot.generation.prompt_rewriting.PromptRewriter` with an `ImagePromptWriter`."""

    def __init__(
        self, writer: ImagePromptWriter, characters: CharacterLibrary, repository: ConversationRepository
    ) -> None:
        self._writer = writer
        self._characters = characters
        self._repository = repository

    async def rewrite(self, request: GenerationRequest) -> RewrittenPrompt:
        """Write the prompt for a request from its words and the newest messages of its conversation, if it has one.

        Without a language model the prompt stays as it is, and the result has a note that says so.

        Raises:
            CharacterNotFound: The character's file was removed.
        """
        character = self._characters.find(request.character_id, request.origin.guild_id)
        history = await self._history(request)
        if request.derivation is Derivation.VARY:
            subject = (
                f"the same picture as this prompt, in other words and with another composition: {request.positive}"
            )
            written = await self._writer.write(character, subject, history, person_id=request.requester_id)
            if not written.by_model:
                return RewrittenPrompt(request.positive, SAME_PROMPT_NOTE)
            return RewrittenPrompt(written.positive)
        words = request.written_prompt or request.positive
        written = await self._writer.write(character, words, history, person_id=request.requester_id)
        return RewrittenPrompt(written.positive, None if written.by_model else OWN_WORDS_NOTE)

    async def _history(self, request: GenerationRequest) -> list[Message]:
        thread = await self._repository.thread(request.thread_id) if request.thread_id else None
        if thread is None:
            return []
        return await self._repository.history(thread, limit=CONTEXT_MESSAGES)
