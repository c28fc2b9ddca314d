"""The part of the composition root that talks: language model, prompt writer, conversations, and the GPU they share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import aiohttp

from bot.characters.library import CharacterLibrary
from bot.comfyui.client import ComfyClient
from bot.conversation.answering import TurnAnswerer
from bot.conversation.prompt import Budget
from bot.conversation.prompt_rewriting import RequestRewriter
from bot.conversation.prompt_writer import PromptWriter
from bot.conversation.service import ConversationOptions, ConversationService
from bot.conversation.store import ConversationStore
from bot.gpu_lock import GpuLock, SwapLimits
from bot.language_model.client import LanguageModel, ModelOptions
from bot.language_model.unloading import ModelMemory, Provider
from bot.services.vram_handover import ModelHandover
from bot.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Talk:
    """What is open while characters talk."""

    model: LanguageModel
    conversations: ConversationService
    rewriter: RequestRewriter
    gpus: Sequence[GpuLock]


@asynccontextmanager
async def open_talk(
    settings: Settings, store: ConversationStore, characters: CharacterLibrary, comfy: Sequence[ComfyClient]
) -> AsyncGenerator[Talk]:
    """Open the language model's client and build what needs it.

    With `visual_generation.unload_during_image_generation` the model and the first ComfyUI share one GPU.
    """
    llm = settings.llm
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(LanguageModel(llm.url, key, tools=llm.tools != "never"))
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)))
        gpus = _gpus(settings, comfy, session)
        options = ModelOptions(
            model=llm.model,
            temperature=llm.temperature,
            max_tokens=llm.max_response_tokens,
            stop=llm.stop,
            timeout_seconds=llm.timeout_seconds,
        )
        writer = PromptWriter(model, options, gpus[0])
        answering = TurnAnswerer(
            store,
            characters,
            model,
            writer=writer,
            turnstile=gpus[0],
            options=options,
            budget=Budget(llm.context_window, llm.max_response_tokens),
        )
        conversation = settings.conversation
        service = ConversationService(
            store,
            characters,
            answering,
            ConversationOptions(
                default_character=settings.default_character,
                allow_bots=conversation.allow_bots,
                answer_missed_within=timedelta(minutes=conversation.answer_missed_within_minutes),
                max_bot_turns=conversation.max_bot_turns,
            ),
        )
        yield Talk(model=model, conversations=service, rewriter=RequestRewriter(writer, characters, store), gpus=gpus)
        await service.close()


def _gpus(settings: Settings, comfy: Sequence[ComfyClient], session: aiohttp.ClientSession) -> list[GpuLock]:
    visual = settings.visual_generation
    if not visual.unload_during_image_generation:
        return [GpuLock(client) for client in comfy]
    server = ModelMemory(
        Provider(settings.llm.provider),
        settings.llm.url,
        session=session,
        unload_timeout_seconds=visual.unload_timeout_seconds,
    )
    limits = SwapLimits(visual.max_swap_wait_seconds, visual.max_swap_wait_seconds)
    shared = GpuLock(comfy[0], handover=ModelHandover(server, comfy[0]), limits=limits)
    return [shared, *(GpuLock(client) for client in comfy[1:])]
