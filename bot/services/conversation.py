"""Opens what characters talk with: the language model's client, the prompt writer and the conversations."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from bot.characters.library import CharacterLibrary
from bot.conversation.answering import TurnAnswerer
from bot.conversation.prompt import Budget
from bot.conversation.prompt_rewriting import RequestRewriter
from bot.conversation.prompt_writer import PromptWriter
from bot.conversation.service import ConversationOptions, ConversationService
from bot.conversation.store import ConversationStore
from bot.gpu_lock import GpuLock
from bot.language_model.client import LanguageModel, ModelOptions
from bot.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ConversationServices:
    """What is open while characters talk."""

    language_model: LanguageModel
    conversations: ConversationService
    rewriter: RequestRewriter


@asynccontextmanager
async def open_conversation_services(
    settings: Settings, store: ConversationStore, characters: CharacterLibrary, gpu: GpuLock
) -> AsyncGenerator[ConversationServices]:
    """Open the client of the language model and build what needs it.

    Args:
        settings: `llm`, `conversation` and `default_character`.
        store: Stored conversations.
        characters: The character library.
        gpu: The lock of the GPU that the language model may share with ComfyUI.

    """
    llm = settings.llm
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
    async with LanguageModel(llm.url, key, tools=llm.tools != "never") as model:
        options = ModelOptions(
            model=llm.model,
            temperature=llm.temperature,
            max_tokens=llm.max_response_tokens,
            stop=llm.stop,
            timeout_seconds=llm.timeout_seconds,
        )
        writer = PromptWriter(model, options, gpu)
        answerer = TurnAnswerer(
            store,
            characters,
            model,
            writer=writer,
            turnstile=gpu,
            options=options,
            budget=Budget(llm.context_window, llm.max_response_tokens),
        )
        conversation = settings.conversation
        conversations = ConversationService(
            store,
            characters,
            answerer,
            ConversationOptions(
                default_character=settings.default_character,
                allow_bots=conversation.allow_bots,
                answer_missed_within=timedelta(minutes=conversation.answer_missed_within_minutes),
                max_bot_turns=conversation.max_bot_turns,
            ),
        )
        rewriter = RequestRewriter(writer, characters, store)
        yield ConversationServices(language_model=model, conversations=conversations, rewriter=rewriter)
        await conversations.close()
