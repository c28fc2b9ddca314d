"""Starting what follows from a result: once, for whoever may, as the bot's own reply to the result."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from uuid import UUID
from weakref import WeakValueDictionary

import discord

from bot.derived_jobs.requests import Requester, again
from bot.domain.deliveries import DeliveryKind, DeliveryState
from bot.domain.jobs import Derivation, GenerationRequest, Job
from bot.errors import ChorusError, InputInvalid
from cogs.delivery import delivery_of
from cogs.ui.asker import Asker

if TYPE_CHECKING:
    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot

Build = Callable[[Requester], GenerationRequest]
"""The request, once it is known who wants it and where the answer goes."""

PATIENCE_SECONDS: Final = 1.5
"""Discord waits three seconds for an answer."""
_NAMES = {
    Derivation.AGAIN: "Again",
    Derivation.VARY: "A variation",
    Derivation.REMIX: "That remix",
    Derivation.UPSCALE: "A larger one",
    Derivation.REPEAT: "The repetition",
    Derivation.DRAW: "A picture of that message",
}


class AlreadyRunning(InputInvalid):
    """The same is being made already; the message says where and how far it is."""

    default_advice = "Wait for it, or cancel it at its own message."


class Starter:
    """Accepts follow-ups. Remembers only which ones are being accepted this very moment."""

    def __init__(self, bot: ChorusBot) -> None:
        self._bot = bot
        self._locks = WeakValueDictionary[tuple[object, ...], asyncio.Lock]()

    # -- ways in

    async def by_interaction(self, interaction: discord.Interaction[ChorusBot], job: Job, build: Build) -> Job:
        """Check, accept, and answer with the new job's message.

        A press on a public message is answered by a reply to it. Where the press came from something only the person
        sees (Info, the gallery, a context menu), the reply goes to the result itself, and the person gets a link.

        Raises:
            ChorusError: Refused; `AlreadyRunning` names what runs.

        """
        asker = Asker.pressing(interaction)
        source = interaction.message
        public = source is not None and not source.flags.ephemeral
        reply_to = source.id if source is not None and public else await self.original(job, asker.channel_id)
        request = self.checked(asker, job, build(asker.by(reply_to=reply_to, interaction_id=interaction.id)))
        if public:
            return await self._accept(interaction, request)
        return await self.post_beside(interaction, request)

    async def by_reaction(self, asker: Asker, job: Job, build: Build, *, reply_to: int) -> Job:
        """As above, without anybody to answer privately.

        Raises:
            ChorusError: Refused.
            discord.HTTPException: The bot may not post there.

        """
        request = self.checked(asker, job, build(asker.by(reply_to=reply_to)))
        async with self._alone(request):
            return await delivery_of(self._bot).accept_in_channel(request)

    async def again(self, asker: Asker, job: Job, *, reply_to: int) -> Job:
        """The reaction's Again."""
        return await self.by_reaction(asker, job, self.once_more(job), reply_to=reply_to)

    def once_more(self, job: Job) -> Build:
        """Again, of a picture or of speech."""
        seed = self._bot.services.derived_jobs.new_speech_seed(job)
        return lambda by: again(job, by, speech_seed=seed)

    async def post_beside(self, interaction: discord.Interaction[ChorusBot], request: GenerationRequest) -> Job:
        """Post the new job as a message of its own, and tell the person where."""
        origin = request.origin.model_copy(update={"interaction_id": None})
        request = request.model_copy(update={"origin": origin})
        async with self._alone(request):
            # Discord waits 3 s for this interaction, and posting may have to wait longer.
            await interaction.response.defer(ephemeral=True, thinking=True)
            job = await delivery_of(self._bot).accept_in_channel(request)
        link = await self.link(job)
        await interaction.followup.send(f"It is on its way{f': {link}' if link else '.'}", ephemeral=True)
        return job

    async def _accept(self, interaction: discord.Interaction[ChorusBot], request: GenerationRequest) -> Job:
        async with self._alone(request):
            return await delivery_of(self._bot).accept(interaction, request)

    # -- checks

    def checked(self, asker: Asker, job: Job, request: GenerationRequest) -> GenerationRequest:
        """The request as it can be made, for somebody who may.

        Raises:
            ChorusError: Not allowed, or the workflow is gone for good.

        """
        asker.require_served(self._bot)
        asker.require_may_ask(self._bot, job.request.requester_id)
        asker.require_room_to_post()
        asker.require_fitting(self.character(job.request.character_id, asker.guild_id))
        return self._bot.services.derived_jobs.with_available_workflow(request, job)

    def character(self, character_id: str, guild_id: int | None) -> Character | None:
        """None: its file is gone; acceptance says so where it matters."""
        try:
            return self._bot.services.characters.get(character_id, guild_id)
        except ChorusError:
            return None

    @asynccontextmanager
    async def _alone(self, request: GenerationRequest) -> AsyncGenerator[None]:
        """Nobody else starts the same between the look for it and its row; a second press waits for the first.

        Raises:
            AlreadyRunning: It is under way, or still being accepted after a moment.

        """
        lock = self._locks.setdefault(_key(request), asyncio.Lock())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await lock.acquire()
        except TimeoutError:
            raise AlreadyRunning(f"{_name(request)} is being started already.") from None
        try:
            await self._only_one(request)
            yield
        finally:
            lock.release()

    async def _only_one(self, request: GenerationRequest) -> None:
        running = await self._bot.services.derived_jobs.find_unfinished(request)
        if running is not None:
            raise AlreadyRunning(f"{_name(request)} is under way already{await self._where(running)}.")

    async def _where(self, job: Job) -> str:
        """For whom it is made, its place, and a link."""
        words = f" for <@{job.request.requester_id}>"
        for entry in self._bot.services.orchestrator.queue_view().waiting:
            if entry.job_id == job.id:
                words += f", place {entry.position} in the queue"
                break
        else:
            words += ", running now"
        link = await self.link(job)
        return f"{words}: {link}" if link else words

    # -- messages

    async def original(self, job: Job, channel_id: int) -> int | None:
        """The message that shows the job, if it stands in that channel."""
        for kind in (DeliveryKind.RESULT, DeliveryKind.VOICE, DeliveryKind.ANSWER):
            for row in await self._bot.services.deliveries.of_job(job.id):
                if (row.kind, row.part, row.state) == (kind, 0, DeliveryState.SENT) and row.channel_id == channel_id:
                    return row.discord_message_id
        return None

    async def link(self, job: Job) -> str | None:
        """The address of that message, whatever its channel."""
        return await message_link(self._bot, job)


async def message_link(bot: ChorusBot, job: Job) -> str | None:
    """Where the job's message stands; None: nowhere (any more)."""
    rows = await bot.services.deliveries.of_job(job.id)
    for kind in (DeliveryKind.RESULT, DeliveryKind.VOICE, DeliveryKind.ANSWER):
        for row in rows:
            if row.kind is kind and row.part == 0 and row.state is DeliveryState.SENT and row.discord_message_id:
                place = row.guild_id or "@me"
                return f"https://discord.com/channels/{place}/{row.channel_id}/{row.discord_message_id}"
    return None


def _name(request: GenerationRequest) -> str:
    return _NAMES[request.derivation] if request.derivation else "The same"


def _key(request: GenerationRequest) -> tuple[object, ...]:
    source: UUID | int | None = request.parent_job_id or request.source_message_id
    return (
        source,
        request.derivation,
        request.inputs,
        request.workflow_hash,
        *((request.positive, request.negative) if request.derivation is Derivation.REMIX else ()),
    )
