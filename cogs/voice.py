"""`/voice`: where characters speak by themselves, and the samples that their voices are copied from."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.errors import InputInvalid, NotAllowed, TooManyRequests
from bot.policy import Permission
from bot.rate_limiter import RateLimiter
from bot.voice.samples import MAX_NAME_LENGTH, MAX_TRANSCRIPT_LENGTH, UploadedSample
from cogs.actors import interaction_actor, interaction_channel
from cogs.channel_characters import character_of
from cogs.option_completion import complete_character
from cogs.ui.choices import choices
from cogs.ui.text import EMBED_DESCRIPTION, clip, escaped

if TYPE_CHECKING:
    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot
    from bot.domain.voice_samples import VoiceSample

PLAYS_PER_MINUTE = 6
"""Of one person: each is an ffmpeg process."""
_CharacterName = app_commands.Range[str, 1, 100]
_SampleName = app_commands.Range[str, 1, MAX_NAME_LENGTH]


class VoiceCog(commands.GroupCog, name="voice", description="The characters' voices"):
    """The command group. Open in Discord's settings; each subcommand checks its own permission."""

    sample = app_commands.Group(name="sample", description="What voices are copied from")

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self._voice = bot.services.voice
        self._samples = bot.services.voice.samples
        self._plays = RateLimiter(PLAYS_PER_MINUTE, seconds=60)

    # -- by itself

    @app_commands.command(name="auto", description="Whether the character's messages here are spoken too")
    @app_commands.describe(mode="on, off, or status to see how it is")
    async def auto(
        self, interaction: discord.Interaction[ChorusBot], mode: Literal["on", "off", "status"] = "status"
    ) -> None:
        """Changing it needs Manage Channels."""
        channel = interaction_channel(interaction)
        self.bot.services.policy.require_served(channel)
        character = await self._character(interaction, None)
        if mode != "status":
            self.bot.services.policy.require_permission(interaction_actor(interaction), Permission.MANAGE_CHANNELS)
            await self._voice.auto.set(channel, on=mode == "on", set_by=interaction.user.id)
        name = _shown(character.name)
        if not self._voice.auto.is_on(channel, character):
            text = f"Auto voice is **off** here: {name} writes only."
        else:
            text = f"Auto voice is **on** here: a voice message follows each message of {name}."
            silent = await self._voice.unavailable_reason(character, interaction.guild_id)
            if silent is not None:
                text = f"Auto voice is **on** here, but nothing will be heard: {silent.message} {silent.advice}"
        if self._voice.auto.channel_choice(channel) is None:
            text += "\n-# Nobody has chosen here; that is how the character is set up."
        await interaction.response.send_message(text, ephemeral=True)

    # -- samples

    @sample.command(name="add", description="Add a recording that a character's voice is copied from")
    @app_commands.autocomplete(character=complete_character)
    @app_commands.describe(
        recording="3 to 30 seconds of one person speaking, without music",
        transcript="What is said in it, word for word",
        name="What to call it",
        speaker_agreed="True: the person who speaks agreed that their voice is copied here",
        character="Whose voice; leave out for this channel's character",
    )
    async def add(  # noqa: PLR0917 - one parameter per option
        self,
        interaction: discord.Interaction[ChorusBot],
        recording: discord.Attachment,
        transcript: app_commands.Range[str, 1, MAX_TRANSCRIPT_LENGTH],
        name: _SampleName,
        speaker_agreed: bool,
        character: _CharacterName | None = None,
    ) -> None:
        """Needs Manage Server, and the word of the person who adds it that the speaker agreed; both are recorded."""
        guild_id = self._guild(interaction)
        who = await self._character(interaction, character)
        if not speaker_agreed:
            raise NotAllowed(
                "A voice is copied only with its speaker's consent.",
                advice="Ask the person who speaks in the recording; then add it with `speaker_agreed: True`.",
            )
        limit = self.bot.services.settings.voice.max_sample_bytes
        if recording.size > limit:
            raise InputInvalid(
                f"That file is too large for a voice sample (at most {limit / 1e6:.0f} MB).",
                advice="Cut it to the 3 to 30 seconds that show the voice best.",
            )
        await interaction.response.defer(ephemeral=True, thinking=True)
        agreed_at = interaction.created_at
        with tempfile.TemporaryDirectory(prefix="chorus-sample-") as folder:
            path = Path(folder) / "recording"
            await recording.save(path)
            given = UploadedSample(path, name, transcript, added_by=interaction.user.id, consented_at=agreed_at)
            added = await self._samples.add(who, guild_id, given)
        text = f"{_shown(who.name)} has a new voice sample, {_line(added.sample)}"
        if not added.sample.is_default:
            text += "\nMake it the one that is used with `/voice sample default`."
        text += "".join(f"\n-# {warning}" for warning in added.warnings)
        await interaction.followup.send(text, ephemeral=True)

    @sample.command(name="list", description="The voice samples of a character")
    @app_commands.autocomplete(character=complete_character)
    @app_commands.describe(character="Whose; leave out for this channel's character")
    async def list_(self, interaction: discord.Interaction[ChorusBot], character: _CharacterName | None = None) -> None:
        """For everybody; who added a sample is shown."""
        self.bot.services.policy.require_served(interaction_channel(interaction))
        who = await self._character(interaction, character)
        chosen = await self._samples.default_sample(who, interaction.guild_id)
        listed = await self._samples.available(who, interaction.guild_id)
        lines = [
            f"{'▸' if chosen is not None and each.id == chosen.id else '·'} {_line(each)}, {_origin(each)}"
            for each in listed
        ]
        embed = discord.Embed(
            title=f"Voice samples of {clip(who.name, 200)}",
            description=clip("\n".join(lines), EMBED_DESCRIPTION) or "None yet: add one with `/voice sample add`.",
        )
        await interaction.response.send_message(embed=embed, ephemeral=True)

    @sample.command(name="play", description="Listen to a voice sample")
    @app_commands.autocomplete(character=complete_character)
    @app_commands.describe(name="Which one", character="Whose; leave out for this channel's character")
    async def play(
        self, interaction: discord.Interaction[ChorusBot], name: _SampleName, character: _CharacterName | None = None
    ) -> None:
        """For everybody; answered to them alone."""
        self.bot.services.policy.require_served(interaction_channel(interaction))
        if not self._plays.allows(interaction.user.id):
            raise TooManyRequests("You listened to many voice samples just now.")
        who = await self._character(interaction, character)
        found = await self._samples.find(who, interaction.guild_id, name)
        await interaction.response.defer(ephemeral=True, thinking=True)
        limit = interaction.guild.filesize_limit if interaction.guild else discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES
        data = await self._samples.to_ogg(found, limit)
        file = discord.File(io.BytesIO(data), filename=f"{who.id}_sample_{found.id}.ogg")
        said = clip(escaped(found.transcript), 1500) or "(no transcript)"
        await interaction.followup.send(f"{_line(found)}\n> {said}", file=file, ephemeral=True)

    @sample.command(name="default", description="Choose the voice sample a character speaks with in this server")
    @app_commands.autocomplete(character=complete_character)
    @app_commands.describe(name="Which one", character="Whose; leave out for this channel's character")
    async def default(
        self, interaction: discord.Interaction[ChorusBot], name: _SampleName, character: _CharacterName | None = None
    ) -> None:
        """Needs Manage Server."""
        guild_id = self._guild(interaction)
        who = await self._character(interaction, character)
        found = await self._samples.find(who, guild_id, name)
        await self._samples.set_default(found, guild_id, set_by=interaction.user.id)
        text = f"{_shown(who.name)} speaks with {_line(found)} in this server now."
        await interaction.response.send_message(text, ephemeral=True)

    @sample.command(name="remove", description="Remove a voice sample that was added in this server")
    @app_commands.autocomplete(character=complete_character)
    @app_commands.describe(name="Which one", character="Whose; leave out for this channel's character")
    async def remove(
        self, interaction: discord.Interaction[ChorusBot], name: _SampleName, character: _CharacterName | None = None
    ) -> None:
        """Needs Manage Server. Speech that was made with it stays."""
        guild_id = self._guild(interaction)
        who = await self._character(interaction, character)
        found = await self._samples.find(who, guild_id, name)
        await self._samples.remove(who, found)
        await interaction.response.send_message(f"{_line(found)} is removed.", ephemeral=True)

    @play.autocomplete("name")
    @default.autocomplete("name")
    @remove.autocomplete("name")
    async def complete_sample(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """The samples of the character chosen so far."""
        who = await self._character(interaction, interaction.namespace.character)
        listed = await self._samples.available(who, interaction.guild_id)
        return choices(((each.name, str(each.id)) for each in listed), current)

    async def _character(self, interaction: discord.Interaction[ChorusBot], chosen: str | None) -> Character:
        return await character_of(interaction, chosen)

    def _guild(self, interaction: discord.Interaction[ChorusBot]) -> int:
        """The server whose samples are changed, by somebody who may."""
        actor, policy = interaction_actor(interaction), self.bot.services.policy
        policy.require_served(actor.channel)
        if interaction.guild_id is None:
            raise NotAllowed("Voice samples belong to a server.", advice="Use the command in a server.")
        policy.require_permission(actor, Permission.MANAGE_GUILD)
        return interaction.guild_id


def _line(sample: VoiceSample) -> str:
    return f"**{_shown(sample.name)}** ({sample.duration_seconds:.1f} s)"


def _origin(sample: VoiceSample) -> str:
    if sample.guild_id is None:
        return "from the host"
    when = discord.utils.format_dt(sample.created_at, "d")
    return f"added by <@{sample.added_by}> on {when}, who confirmed that the speaker agreed"


def _shown(name: str) -> str:
    return escaped(name)


async def setup(bot: ChorusBot) -> None:
    """Called by `load_extension`."""
    await bot.add_cog(VoiceCog(bot))
