"""Sends a result by direct message: its files and how they were made."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import discord

from bot.conversation.message_splitting import split_message
from cogs.delivery.files import DEFAULT_LIMIT, PreparedFile, prepare_files
from cogs.results.info import job_embed, sidecar_file
from cogs.ui.text import without_masked_links

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message
    from bot.domain.jobs import Job

log = logging.getLogger(__name__)

FILES_BESIDE_SIDECAR = 9
"""Ten files go into a message; one of them says how they were made."""


async def send_result(bot: ChorusBot, job: Job, user_id: int) -> None:
    """Files, and settings as an embed and, unless `media.keep_metadata` is off, as the file for `chorus repeat`.

    Raises:
        discord.HTTPException: The person takes no direct messages from the bot.

    """
    person = await _person(bot, user_id)
    prepared = await prepare_files(job, DEFAULT_LIMIT, bot.services)
    sidecar, notes = await sidecar_file(bot, job, DEFAULT_LIMIT)
    first, rest = prepared.files[:FILES_BESIDE_SIDECAR], prepared.files[FILES_BESIDE_SIDECAR:]
    embed = job_embed(bot, job, notes=(*prepared.notes, *notes))
    await person.send(embed=embed, files=[*(file.open() for file in first), *sidecar])
    for batch in _batches(rest):
        await person.send(files=[file.open() for file in batch])


async def send_turn(bot: ChorusBot, turn: Message, user_id: int) -> None:
    """The words of a turn.

    Raises:
        discord.HTTPException: The person takes no direct messages from the bot.

    """
    person = await _person(bot, user_id)
    for piece in split_message(without_masked_links(turn.text)):
        await person.send(piece)


def _batches(files: tuple[PreparedFile, ...]) -> list[tuple[PreparedFile, ...]]:
    return [files[start : start + 10] for start in range(0, len(files), 10)]


async def _person(bot: ChorusBot, user_id: int) -> discord.User:
    return bot.get_user(user_id) or await bot.fetch_user(user_id)
