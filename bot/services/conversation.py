"""Opens what characters talk with: the language model's client, the prompt writer and the conversations."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from bot.characters.library import CharacterLibrary
from bot.conversation.image_prompt_rewriting import RequestRewriter
from bot.conversation.image_prompt_writer import ImagePromptWriter
from bot.conversation.options import ConversationOptions
from bot.conversation.reply_generation import ReplyGenerator
from bot.conversation.service import ConversationService
from bot.conversation.token_budget import TokenBudget
from bot.conversation.turn_answerer import TurnAnswerer
from bot.gpu_lock import GpuLock
from bot.language_model.client import LanguageModel, ModelOptions
from bot.language_model.request_slots import RequestSlots
from bot.policy import Policy
from bot.service_clock import ServiceClock
from bot.settings import Settings
from bot.storage.conversations import ConversationRepository


@dataclass(frozen=True, kw_only=True)
class ConversationServices:
    """What is open while characters talk."""

    language_model: LanguageModel
    conversations: ConversationService
    rewriter: RequestRewriter


@asynccontextmanager
async def open_conversation_services(
    settings: Settings,
    repository: ConversationRepository,
    characters: CharacterLibrary,
    gpu: GpuLock,
    *,
    clock: ServiceClock,
    policy: Policy | None = None,
) -> AsyncGenerator[ConversationServices]:
    """Open the client of the language model and build what needs it.

    Args:
        settings: `llm`, `conversation` and `default_character`.
        repository: Stored conversations.
        characters: The character library.
        gpu: The lock of the GPU that the language model may share with ComfyUI.
        clock: Discord's time.
        policy: Who may talk; None: everybody.

    """
    llm = settings.llm
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
    async with LanguageModel(llm.url, key, tools=llm.tools) as model:
        options = ModelOptions(
            model=llm.model,
            temperature=llm.temperature,
            max_tokens=llm.max_response_tokens,
            stop=llm.stop,
            timeout_seconds=llm.timeout_seconds,
            max_answer_seconds=llm.max_answer_seconds,
            max_answer_characters=llm.max_answer_characters,
        )
        budget = TokenBudget(llm.context_window, llm.max_response_tokens)
        slots = RequestSlots(llm.max_parallel)
        image_prompts = ImagePromptWriter(model, options, gpu, slots)
        answerer = TurnAnswerer(
            repository,
            characters,
            replies=ReplyGenerator(repository, model, options, budget),
            image_prompts=image_prompts,
            gpu=gpu,
            slots=slots,
        )
        conversation = settings.conversation
        conversations = ConversationService(
            repository,
            characters,
            model,
            answerer,
            ConversationOptions(
                default_character=settings.default_character,
                allow_bots=conversation.allow_bots,
                answer_missed_within=timedelta(minutes=conversation.answer_missed_within_minutes),
                max_bot_turns=conversation.max_bot_turns,
                now=clock.now,
            ),
            policy,
        )
        rewriter = RequestRewriter(image_prompts, characters, repository)
        yield ConversationServices(language_model=model, conversations=conversations, rewriter=rewriter)
        await conversations.close()
