"""Speech as it is uploaded: as a voice message, which discord.py cannot send, or as an attachment."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import discord
from discord.http import MultipartParameters

from bot.discord_client.errors import VOICE_MESSAGE_REFUSALS
from bot.media.audio import transcode_to_mp3
from bot.media.audio_shrinking import shrink_audio
from cogs.delivery.files import attachment_name

if TYPE_CHECKING:
    from bot.domain.deliveries import Delivery
    from bot.domain.jobs import Artifact, Job
    from bot.media.ffmpeg import Ffmpeg

log = logging.getLogger(__name__)

IS_VOICE_MESSAGE: Final = 1 << 13
"""Message flag (resources/message, "Message Flags")."""
LONGEST_VOICE_MESSAGE: Final = 1200.0
"""Seconds."""


@dataclass(frozen=True)
class SpeechFile:
    """Speech ready to be uploaded."""

    name: str
    data: bytes | Path
    """A path where the file is uploaded unchanged."""
    size: int
    """Bytes."""
    media_type: str
    duration_seconds: float
    waveform: str
    """Base64 of up to 256 bytes."""

    def open(self) -> discord.File:
        """A new `discord.File`; they are single-use."""
        return discord.File(self.data if isinstance(self.data, Path) else io.BytesIO(self.data), filename=self.name)


async def prepare_speech(job: Job, data_dir: Path, limit: int, *, as_mp3: bool, ffmpeg: Ffmpeg) -> SpeechFile:
    """The job's speech in at most `limit` bytes, at a lower bitrate where that is needed.

    Raises:
        OutputTooLarge: Even the lowest bitrate needs more.
        BadMedia, EncoderFailed, OSError: The file is gone or cannot be read.

    """
    artifact = job.artifacts[0]
    path = data_dir / artifact.path
    size = (await asyncio.to_thread(path.stat)).st_size
    if not as_mp3 and size <= limit:
        return _speech_file(job, artifact, path, size, path.suffix)
    with tempfile.TemporaryDirectory(prefix="chorus-voice-") as folder:
        source = path
        if as_mp3:
            source = Path(folder) / "speech.mp3"
            await transcode_to_mp3(path, source, ffmpeg=ffmpeg)
        fitted = await shrink_audio(source, limit, ffmpeg=ffmpeg)
    return _speech_file(job, artifact, fitted.data, len(fitted.data), fitted.suffix)


def _speech_file(job: Job, artifact: Artifact, data: bytes | Path, size: int, suffix: str) -> SpeechFile:
    return SpeechFile(
        name=attachment_name(job, 0, suffix),
        data=data,
        size=size,
        media_type="audio/mpeg" if suffix == ".mp3" else "audio/ogg",
        duration_seconds=artifact.duration_seconds or 0.0,
        waveform=artifact.waveform or "",
    )


def possible_names(job: Job) -> tuple[str, ...]:
    """The names that the uploaded file may have, by which it is found after a crash."""
    return attachment_name(job, 0, ".ogg"), attachment_name(job, 0, ".mp3")


async def send_voice_message(client: discord.Client, row: Delivery, speech: SpeechFile, reply_to: int | None) -> int:
    """Post a voice message; its id.

    It is a request of our own, because discord.py sets neither the attachment's length and waveform nor its content
    type. Discord documentation, resources/message, "Voice Messages": the flag, exactly one audio file, no content.

    Raises:
        discord.HTTPException: Discord refuses (50173: no voice messages in this channel).

    """
    attachment = {
        "id": "0",
        "filename": speech.name,
        "duration_secs": round(speech.duration_seconds, 3),
        "waveform": speech.waveform,
    }
    payload: dict[str, Any] = {
        "flags": IS_VOICE_MESSAGE,
        "attachments": [attachment],
        "allowed_mentions": {"parse": [], "replied_user": False},
        "nonce": row.nonce,
        "enforce_nonce": True,
    }
    if reply_to is not None:
        payload["message_reference"] = {
            "message_id": str(reply_to),
            "channel_id": str(row.channel_id),
            "fail_if_not_exists": False,
        }
    file = await asyncio.to_thread(speech.open)
    parts: list[dict[str, Any]] = [
        {"name": "payload_json", "value": json.dumps(payload)},
        {"name": "files[0]", "value": file.fp, "filename": speech.name, "content_type": speech.media_type},
    ]
    with MultipartParameters(payload=None, multipart=parts, files=[file]) as parameters:
        message = await client.http.send_message(row.channel_id, params=parameters)
    return int(message["id"])


async def send_attachment(
    client: discord.Client, row: Delivery, speech: SpeechFile, reply_to: int | None, note: str | None
) -> int:
    """Post the speech as a file that people can play; the message's id.

    Raises:
        discord.HTTPException: Discord refuses.

    """
    channel = client.get_partial_messageable(row.channel_id, guild_id=row.guild_id)
    given: dict[str, Any] = {}
    if reply_to is not None:
        given["reference"] = discord.MessageReference(
            message_id=reply_to, channel_id=row.channel_id, fail_if_not_exists=False
        )
    message = await channel.send(
        f"-# {note}" if note else None,
        file=await asyncio.to_thread(speech.open),
        mention_author=False,
        nonce=row.nonce,
        **given,
    )
    return message.id


def refuses_voice_message(error: discord.HTTPException) -> bool:
    """No voice message may be sent there; an attachment may still be."""
    return error.status == 403 or error.code in VOICE_MESSAGE_REFUSALS


def may_send_voice_messages(client: discord.Client, guild_id: int | None, channel_id: int) -> bool:
    """Whether the bot has Send Voice Messages there; True if the channel is in no cache (Discord decides then)."""
    channel = client.get_channel(channel_id)
    if guild_id is None or not isinstance(channel, (discord.abc.GuildChannel, discord.Thread)):
        return True
    return channel.permissions_for(channel.guild.me).send_voice_messages
