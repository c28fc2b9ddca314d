"""Files that people attach: fetched from Discord alone, checked and kept before the request is accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import discord
from yarl import URL

from bot.discord_client.errors import NETWORK_ERRORS
from bot.domain.jobs import GenerationRequest, InputFile, Job
from bot.errors import InputInvalid
from bot.workflows.media_assignment import FIRST_PICTURE, FURTHER_PICTURES
from cogs.delivery import delivery_of
from cogs.results import results_of

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

ANSWER_SECONDS: Final = 1.2
"""How long files are fetched before Discord, which waits 3 s for an answer, is asked for more time."""
_CDN_HOSTS: Final = frozenset({"cdn.discordapp.com", "media.discordapp.net"})


@dataclass(frozen=True)
class GivenFiles:
    """Files of a request, and sentences about what was changed on them."""

    files: tuple[InputFile, ...] = ()
    note: str | None = None

    def added_to(self, request: GenerationRequest) -> GenerationRequest:
        """The request with these files."""
        note = " ".join(filter(None, (request.note, self.note))) or None
        return request.model_copy(update={"inputs": (*request.inputs, *self.files), "note": note})


async def fetch_files(
    bot: ChorusBot, attachments: Sequence[discord.Attachment], *, last: discord.Attachment | None = None
) -> GivenFiles:
    """Fetch, check and keep attachments.

    Args:
        bot: The bot.
        attachments: Pictures in their order, and at most one film and one sound.
        last: The picture that a film shall end with.

    Raises:
        InputInvalid: One is too large, cannot be fetched any more, or is not what it should be.

    """
    keeper = bot.services.input_files
    for attachment in (*attachments, *([last] if last else [])):
        keeper.require_size(attachment.size)
    contents = [await _fetch(attachment) for attachment in attachments]
    kept = await keeper.keep(contents, last=await _fetch(last) if last else None)
    notes = dict.fromkeys(each.note for each in kept if each.note)
    return GivenFiles(tuple(each.file for each in kept), " ".join(notes) or None)


async def with_mask(
    bot: ChorusBot, given: GivenFiles, mask: discord.Attachment, *, as_transparency: bool
) -> GivenFiles:
    """The files with a mask of the first picture.

    Args:
        bot: The bot.
        given: Kept files.
        mask: Which part of the first picture is to be changed.
        as_transparency: The workflow takes the mask as the transparency of the picture.

    Raises:
        InputInvalid: There is no picture, or the mask cannot be fetched or used.

    """
    keeper = bot.services.input_files
    keeper.require_size(mask.size)
    files = await keeper.with_mask(given.files, await _fetch(mask), as_transparency=as_transparency)
    return GivenFiles(files, given.note)


def roles_of(attachments: Sequence[discord.Attachment], *, further_pictures: int = 0) -> list[str]:
    """What the attachments will be given as, by what Discord says of them; their content decides when it is read.

    Args:
        attachments: Of a command.
        further_pictures: How many pictures come from elsewhere.

    """
    kinds = [(attachment.content_type or "").partition("/")[0] for attachment in attachments]
    pictures = further_pictures + sum(kind not in {"video", "audio"} for kind in kinds)
    named = ["film"] * ("video" in kinds) + ["sound"] * ("audio" in kinds)
    return [*(FIRST_PICTURE, *FURTHER_PICTURES)[:pictures], *named]


async def accept_with_files(
    interaction: discord.Interaction[ChorusBot],
    fetch: Callable[[], Awaitable[GivenFiles]],
    build: Callable[[GivenFiles], GenerationRequest],
) -> Job:
    """Fetch the files of a request, then accept it: answered with its message, or with a link where fetching is slow.

    Raises:
        ChorusError: Nothing was accepted.

    """
    fetching = asyncio.ensure_future(fetch())
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            files = await asyncio.shield(fetching)
    except TimeoutError:
        if not interaction.response.is_done():
            await interaction.response.defer(ephemeral=True, thinking=True)
        files = await fetching
    finally:
        fetching.cancel()
    request = build(files)
    if interaction.response.is_done():
        return await results_of(interaction.client).starter.start_with_link(interaction, request)
    return await delivery_of(interaction.client).accept(interaction, request)


async def _fetch(attachment: discord.Attachment) -> bytes:
    if not is_of_discord(attachment.url):
        raise InputInvalid("That file does not lie at Discord.", advice="Attach it to the command itself.")
    try:
        return await attachment.read()
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        raise InputInvalid(
            "That attachment cannot be fetched from Discord any more.", advice="Attach the file again."
        ) from error


def is_of_discord(url: str) -> bool:
    """Whether an address is one of Discord's own file servers, or of the server that `discord.server` names."""
    address = URL(url)
    if address.scheme == "https" and address.host in _CDN_HOSTS:
        return True
    server = URL(discord.Asset.BASE)
    return (address.scheme, address.host, address.port) == (server.scheme, server.host, server.port)
