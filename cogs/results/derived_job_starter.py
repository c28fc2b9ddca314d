"""Starts derived jobs: once for the same request, for whoever may, as the bot's own reply to the result."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID
from weakref import WeakValueDictionary

import discord

from bot.derived_jobs.requests import Requester, again
from bot.domain.deliveries import DeliveryKind, DeliveryState
from bot.domain.jobs import Derivation, GenerationRequest, Job
from bot.errors import ChorusError, InputInvalid
from cogs.actors import interaction_actor, requester_of
from cogs.delivery import delivery_of

if TYPE_CHECKING:
    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot
    from bot.domain.deliveries import Delivery
    from bot.policy import Actor

BuildRequest = Callable[[Requester], GenerationRequest]
"""Makes the request, once it is known for whom and where the answer goes."""

WAIT_SECONDS: Final = 1.5
"""How long a second press waits for the first; Discord waits three seconds for an answer."""
_NAMES = {
    Derivation.AGAIN: "Again",
    Derivation.VARY: "A variation",
    Derivation.REMIX: "That remix",
    Derivation.UPSCALE: "A larger one",
    Derivation.REPEAT: "The repetition",
    Derivation.ANIMATE: "That film",
    Derivation.INPAINT: "That change",
    Derivation.OUTPAINT: "That wider one",
    Derivation.DRAW: "A picture of that message",
}


class AlreadyRunning(InputInvalid):
    """The same job is being made already; the message says where and how far it is."""

    default_advice = "Wait for it, or cancel it at its own message."


class DerivedJobStarter:
    """Accepts derived jobs. It remembers only which ones are being accepted at this moment."""

    def __init__(self, bot: ChorusBot) -> None:
        self._bot = bot
        self._locks = WeakValueDictionary[tuple[object, ...], asyncio.Lock]()

    async def start_by_interaction(
        self, interaction: discord.Interaction[ChorusBot], job: Job, build: BuildRequest
    ) -> Job:
        """Check, accept, and answer with the new job's message.

        The answer to a button of a public message replies to that message. A press on something that only the person
        sees (Info, the gallery, a context menu) is answered with a link; the new job's message replies to the result.

        Raises:
            ChorusError: Refused; `AlreadyRunning` says what runs.

        """
        source = interaction.message
        request = await self.checked_request(interaction, job, build)
        if source is None or source.flags.ephemeral:
            return await self.start_with_link(interaction, request)
        async with self._only_once(request):
            return await delivery_of(self._bot).accept(interaction, request)

    async def checked_request(
        self, interaction: discord.Interaction[ChorusBot], job: Job, build: BuildRequest
    ) -> GenerationRequest:
        """The request of a derived job that the person may ask for; its message replies to the result.

        Raises:
            ChorusError: They may not.

        """
        actor, source = interaction_actor(interaction), interaction.message
        is_public = source is not None and not source.flags.ephemeral
        reply_to = source.id if source is not None and is_public else await self._result_message(job, actor)
        requester = requester_of(actor, interaction.channel, reply_to=reply_to, interaction_id=interaction.id)
        return self._checked(actor, job, build(requester))

    async def start_by_reaction(
        self, actor: Actor, channel: Any, job: Job, build: BuildRequest, *, reply_to: int
    ) -> Job:
        """Check and accept; the new job's message replies to `reply_to`. A reaction cannot be answered privately.

        Raises:
            ChorusError: Refused.
            discord.HTTPException: The bot may not post there.

        """
        request = self._checked(actor, job, build(requester_of(actor, channel, reply_to=reply_to)))
        async with self._only_once(request):
            return await delivery_of(self._bot).accept_in_channel(request)

    async def start_with_link(self, interaction: discord.Interaction[ChorusBot], request: GenerationRequest) -> Job:
        """Post the new job as a message of its own, and tell the person where.

        Raises:
            ChorusError: Refused; `AlreadyRunning` says what runs.

        """
        origin = request.origin.model_copy(update={"interaction_id": None})
        request = request.model_copy(update={"origin": origin})
        async with self._only_once(request):
            # Discord waits 3 s for an answer, and posting may have to wait longer.
            if not interaction.response.is_done():
                await interaction.response.defer(ephemeral=True, thinking=True)
            job = await delivery_of(self._bot).accept_in_channel(request)
        link = await message_link(self._bot, job)
        await interaction.followup.send(f"It is on its way{f': {link}' if link else '.'}", ephemeral=True)
        return job

    def again(self, job: Job) -> BuildRequest:
        """The same with a new seed, of a picture or of speech."""
        seed = self._bot.services.derived_jobs.new_speech_seed(job)
        return lambda requester: again(job, requester, speech_seed=seed)

    def character(self, character_id: str, guild_id: int | None) -> Character | None:
        """None: its file is gone; acceptance says so where that matters."""
        try:
            return self._bot.services.characters.get(character_id, guild_id)
        except ChorusError:
            return None

    def _checked(self, actor: Actor, job: Job, request: GenerationRequest) -> GenerationRequest:
        policy = self._bot.services.policy
        policy.require_may_ask(actor)
        policy.require_may_derive(actor, job.request.requester_id)
        character = self.character(job.request.character_id, actor.channel.guild_id)
        if character is not None:
            policy.require_suitable(actor.channel, character.name, adults_only=character.nsfw)
        return self._bot.services.derived_jobs.with_available_workflow(request, job)

    @asynccontextmanager
    async def _only_once(self, request: GenerationRequest) -> AsyncGenerator[None]:
        """Accept the same request once: a second press waits for the first, and then finds its job.

        Raises:
            AlreadyRunning: It is being made, or still being accepted after `WAIT_SECONDS`.

        """
        lock = self._locks.setdefault(_key(request), asyncio.Lock())
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await lock.acquire()
        except TimeoutError:
            raise AlreadyRunning(f"{_name(request)} is being started already.") from None
        try:
            running = await self._bot.services.derived_jobs.find_unfinished(request)
            if running is not None:
                raise AlreadyRunning(f"{_name(request)} is under way already{await self._progress_of(running)}.")
            yield
        finally:
            lock.release()

    async def _progress_of(self, job: Job) -> str:
        """For whom the job is made, its position, and a link."""
        words = f" for <@{job.request.requester_id}>"
        entry = await self._bot.services.orchestrator.place(job.id)
        words += ", running now" if entry is None else f", place {entry.position} in the queue"
        link = await message_link(self._bot, job)
        return f"{words}: {link}" if link else words

    async def _result_message(self, job: Job, actor: Actor) -> int | None:
        """The message that shows the job's result, if it is in the actor's channel."""
        for kind in (DeliveryKind.RESULT, DeliveryKind.VOICE, DeliveryKind.ANSWER):
            for row in await _deliveries(self._bot, job):
                is_first = (row.kind, row.part, row.state) == (kind, 0, DeliveryState.SENT)
                if is_first and row.channel_id == actor.channel.channel_id:
                    return row.discord_message_id
        return None


async def message_link(bot: ChorusBot, job: Job) -> str | None:
    """The address of the message that shows the job; None: there is none (any more)."""
    rows = await _deliveries(bot, job)
    for kind in (DeliveryKind.RESULT, DeliveryKind.VOICE, DeliveryKind.ANSWER):
        for row in rows:
            if row.kind is kind and row.part == 0 and row.state is DeliveryState.SENT and row.discord_message_id:
                guild = row.guild_id or "@me"
                return f"https://discord.com/channels/{guild}/{row.channel_id}/{row.discord_message_id}"
    return None


async def _deliveries(bot: ChorusBot, job: Job) -> list[Delivery]:
    """The messages that show the job, or the batch that it belongs to."""
    batch_id, deliveries = job.request.batch_id, bot.services.deliveries
    return await (deliveries.of_job(job.id) if batch_id is None else deliveries.of_batch(batch_id))


def _name(request: GenerationRequest) -> str:
    return _NAMES[request.derivation] if request.derivation else "The same"


def _key(request: GenerationRequest) -> tuple[object, ...]:
    source: UUID | int | None = request.parent_job_id or request.source_message_id
    by_words = request.derivation in {Derivation.REMIX, Derivation.ANIMATE, Derivation.INPAINT}
    changes = (request.positive, request.negative) if by_words else ()
    changes = (*changes, *sorted((name, str(value)) for name, value in request.overrides.items()))
    return (source, request.derivation, request.given_inputs, request.workflow_hash, *changes)
