"""Pictures of messages: those that people attached, and the files of our own results."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import discord

from bot.derived_jobs.picture_workflows import picture_workflow, with_picture_workflow
from bot.derived_jobs.service import pictures
from bot.discord_client.errors import NETWORK_ERRORS
from bot.domain.jobs import FileRole, GenerationRequest, Job, JobKind, JobQuery, JobState
from bot.errors import InputInvalid
from cogs.actors import may_read_messages, may_view_job
from cogs.attachments import GivenFiles, fetch_files
from cogs.results import results_of

if TYPE_CHECKING:
    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message, Thread

LONGEST_LINK: Final = 200
_LINK: Final = re.compile(
    r"<?https?://\S+/channels/(?P<guild>\d{1,20}|@me)/(?P<channel>\d{1,20})/(?P<message>\d{1,20})>?"
    r"(?:\s+#?(?P<number>\d{1,2}))?"
)
_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".bmp", ".tif", ".tiff", ".heic", ".heif")
_RECENT_JOBS: Final = 20
_PICTURE_ROLES: Final[tuple[FileRole, ...]] = ("reference_image", "image2", "image3", "image4")


def attached_pictures(message: discord.Message) -> Sequence[discord.Attachment]:
    """The pictures of a message, by what Discord says of them; their content is checked when they are fetched."""
    return [
        file
        for file in message.attachments
        if (file.content_type or "").startswith("image/") or file.filename.lower().endswith(_SUFFIXES)
    ]


async def fetched_message(bot: ChorusBot, channel_id: int, message_id: int, guild_id: int | None) -> discord.Message:
    """A message as it is now.

    Raises:
        InputInvalid: It is gone, or the bot cannot read it.

    """
    channel = bot.get_partial_messageable(channel_id, guild_id=guild_id)
    try:
        return await channel.fetch_message(message_id)
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        raise InputInvalid("That message is gone.", advice="Choose another picture.") from error


async def picture_of_message(
    bot: ChorusBot, message: discord.Message, n: int, *, may_show: Callable[[Job], bool]
) -> GivenFiles:
    """Picture `n` (from 0) of a message: the file of our own result, else the attachment.

    Raises:
        InputInvalid: It cannot be fetched or used.

    """
    job, found = await results_of(bot).of_message(message.id), attached_pictures(message)
    if isinstance(job, Job) and may_show(job) and len(pictures(job)) == len(found):
        number, _ = pictures(job)[n]
        return GivenFiles((await bot.services.derived_jobs.input_picture(job, number),))
    return await fetch_files(bot, [found[n]])


async def linked_picture(interaction: discord.Interaction[ChorusBot], text: str) -> GivenFiles:
    """The picture of the message that a link names; of several, the one whose number follows the link.

    Raises:
        InputInvalid: The text is no such link, the person may not read the message, or it has no such picture.

    """
    link = _LINK.fullmatch(text.strip())
    if link is None:
        raise InputInvalid(
            "That is no link to a message.", advice="Choose Copy Message Link in the menu of a message with a picture."
        )
    here = str(interaction.guild_id or "@me")
    if link["guild"] != here or not may_read_messages(interaction, int(link["channel"])):
        raise InputInvalid(
            "There is no message behind that link that you can see.", advice="Use one of this server, or of this chat."
        )
    message = await fetched_message(
        interaction.client, int(link["channel"]), int(link["message"]), interaction.guild_id
    )
    found = attached_pictures(message)
    if not found:
        raise InputInvalid("There is no picture in that message.", advice="Choose a message with a picture.")
    number = int(link["number"] or (1 if len(found) == 1 else 0))
    if not 1 <= number <= len(found):
        raise InputInvalid(
            f"That message has {len(found)} pictures.", advice="Write the number of one after the link, such as 1."
        )
    return await picture_of_message(
        interaction.client, message, number - 1, may_show=lambda job: may_view_job(interaction, job)
    )


def joined(first: GivenFiles, further: GivenFiles) -> GivenFiles:
    """Both, with the roles of pictures in their order.

    Raises:
        InputInvalid: There are too many.

    """
    roles, places = list(_PICTURE_ROLES), frozenset(_PICTURE_ROLES)
    files = (*first.files, *further.files)
    if sum(file.role in places for file in files) > len(roles):
        raise InputInvalid(f"At most {len(roles)} pictures can be given.", advice="Leave the others out.")
    ordered = tuple(file.model_copy(update={"role": roles.pop(0)}) if file.role in places else file for file in files)
    return GivenFiles(ordered, " ".join(filter(None, (first.note, further.note))) or None)


async def picture_of_talk(bot: ChorusBot, asked: Message | None, thread: Thread) -> GivenFiles | None:
    """The picture that a person wants changed: of their message, of the one it replies to, else the newest drawn there.

    None: there is none.

    Raises:
        InputInvalid: It cannot be fetched or used.

    """
    guild_id = getattr(getattr(bot.get_channel(thread.channel_id), "guild", None), "id", None)
    if asked is not None and asked.discord_message_id is not None:
        message = await fetched_message(bot, thread.channel_id, asked.discord_message_id, guild_id)
        reference = message.reference
        replied = reference.message_id if reference and reference.channel_id == thread.channel_id else None
        if not attached_pictures(message) and replied is not None:
            message = await fetched_message(bot, thread.channel_id, replied, guild_id)
        if attached_pictures(message):
            return await picture_of_message(
                bot, message, 0, may_show=lambda job: job.request.origin.channel_id == thread.channel_id
            )
    query = JobQuery(channel_id=thread.channel_id, states=(JobState.DELIVERED,), limit=_RECENT_JOBS)
    for job in await bot.services.jobs.recent(query):
        if job.request.kind is JobKind.IMAGE and not job.request.trial and pictures(job):
            return GivenFiles((await bot.services.derived_jobs.input_picture(job, pictures(job)[0][0]),))
    return None


async def edit_in_talk(
    bot: ChorusBot, request: GenerationRequest, asked: Message | None, thread: Thread, character: Character
) -> GenerationRequest:
    """The request of a turn's picture with the picture that is to be changed, and a workflow that takes it.

    Where there is none of either, the picture is drawn from the words alone, and a note says so.
    """
    services = bot.services
    try:
        given = await picture_of_talk(bot, asked, thread)
    except InputInvalid as error:
        return _noted(request, f"{error.message} It was drawn from the words alone.")
    if given is None:
        return _noted(request, "There was no picture to change, so it was drawn from the words alone.")
    if picture_workflow(services.workflows, character, request.kind, request.origin.guild_id) is None:
        return _noted(
            request, f"{character.name} has no workflow that takes a picture, so it was drawn from the words alone."
        )
    return with_picture_workflow(services.workflows, character, given.added_to(request))


def _noted(request: GenerationRequest, note: str) -> GenerationRequest:
    return request.model_copy(update={"note": note})
