"""`/character`: which character a channel has, which characters there are, and importing cards."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.characters import import_card
from bot.domain.conversations import AnswerMode
from bot.errors import CharacterNotFound, ChorusError, InputInvalid
from bot.policy import Actor, Permission
from bot.services.character_cards import CardParts, character_card
from bot.workflow_store.drafts import Upload
from cogs.actors import interaction_actor, interaction_channel
from cogs.option_completion import complete_character
from cogs.ui.text import EMBED_DESCRIPTION, clip, escaped, without_masked_links

if TYPE_CHECKING:
    from bot.characters import Character, ImportedCard
    from bot.discord_client.bot import ChorusBot

LARGEST_CARD = 20 * 1024 * 1024
"""Bytes; a larger attachment is refused before it is read."""
_MODES = {
    AnswerMode.ALL: "answers every message",
    AnswerMode.MENTION: "answers when mentioned or replied to",
    AnswerMode.OFF: "does not answer",
}


class CharactersCog(commands.GroupCog, name="character", description="The characters of this server"):
    """The command group. Open in Discord's settings; each subcommand checks its own permission."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self._service = bot.services.conversations
        self._importing = asyncio.Lock()
        """Cards are read one after another: each may take a hundred megabytes."""

    @app_commands.command(name="use", description="Give this channel to a character")
    @app_commands.autocomplete(name=complete_character)
    @app_commands.describe(name="Who lives here from now on", mode="When it answers (default: every message)")
    async def use(
        self,
        interaction: discord.Interaction[ChorusBot],
        name: app_commands.Range[str, 1, 100],
        mode: Literal["all", "mention", "off"] = "all",
    ) -> None:
        """Needs Manage Channels. The character's last conversation here goes on."""
        actor = self._require(interaction, Permission.MANAGE_CHANNELS)
        character = self.bot.services.characters.find(name, interaction.guild_id)
        self.bot.services.policy.require_suitable(actor.channel, character.name, adults_only=character.nsfw)
        await self._service.channels.bind_character(
            actor.channel.bound_id,
            interaction.guild_id,
            character.id,
            mode=AnswerMode(mode),
            bound_by=interaction.user.id,
        )
        text = f"This channel belongs to **{character.name}** now, who {_MODES[AnswerMode(mode)]}."
        if character.greeting:
            text += f"\n> {without_masked_links(clip(' '.join(character.greeting.split()), 300))}"
        await interaction.response.send_message(text, ephemeral=True)

    @app_commands.command(name="show", description="Whose channel this is")
    async def show(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """For everybody."""
        channel = interaction_channel(interaction)
        self.bot.services.policy.require_served(channel)
        binding = await self._service.repository.binding(channel.bound_id)
        default = self.bot.services.settings.default_character
        try:
            character = self.bot.services.characters.get(
                binding.character_id if binding else default, interaction.guild_id
            )
        except CharacterNotFound:
            gone = binding.character_id if binding else default
            raise CharacterNotFound(
                f"This channel belongs to `{gone}`, whose file is gone; the conversation is kept.",
                advice="Choose another character with `/character use`, or ask the owner to put the file back.",
            ) from None
        if binding is None:
            text = f"This channel belongs to nobody; **{character.name}** answers when I am mentioned."
        else:
            text = f"This channel belongs to **{character.name}**, who {_MODES[binding.mode]}."
        await interaction.response.send_message(text, embed=_card(character), ephemeral=True)

    @app_commands.command(name="list", description="Who there is")
    async def list_(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """For everybody."""
        self.bot.services.policy.require_served(interaction_channel(interaction))
        characters = self.bot.services.characters.all(interaction.guild_id)
        lines = [
            f"**{each.name}** (`{each.id}`)" + (f" · {clip(each.role, 80)}" if each.role else "") for each in characters
        ]
        embed = discord.Embed(title="Characters", description=clip("\n".join(lines) or "None yet.", EMBED_DESCRIPTION))
        await interaction.response.send_message(embed=embed, ephemeral=True)

    @app_commands.command(name="clear", description="Let this channel belong to nobody")
    async def clear(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """Needs Manage Channels. The conversations are kept."""
        actor = self._require(interaction, Permission.MANAGE_CHANNELS)
        was_bound = await self._service.repository.unbind(actor.channel.bound_id)
        text = "This channel belongs to nobody now." if was_bound else "This channel belonged to nobody."
        await interaction.response.send_message(f"{text} Its conversations are kept.", ephemeral=True)

    @app_commands.command(name="reload", description="Read the character files again")
    async def reload(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """Needs Manage Server. Changes are picked up without it; this tells what came of them."""
        self._require(interaction, Permission.MANAGE_GUILD)
        report = await self.bot.services.characters.reload()
        guild_id = interaction.guild_id
        parts = [
            f"{word}: {', '.join(ids)}"
            for word, labels in (("New", report.added), ("Changed", report.changed), ("Removed", report.removed))
            if (ids := _of_guild(labels, guild_id))
        ]
        # File names only: the host's paths are not shown.
        library = self.bot.services.characters
        broken = [path.name for path in library.problems if _is_seen_from(library.guilds, path, guild_id)]
        if broken:
            parts.append(f"Cannot be used (the log says why): {', '.join(broken)}")
        await interaction.response.send_message(clip("\n".join(parts) or "Nothing changed.", 2000), ephemeral=True)

    @app_commands.command(name="import", description="Bring in a character card (SillyTavern, TavernAI; PNG or JSON)")
    @app_commands.describe(card="The card's file")
    async def import_(self, interaction: discord.Interaction[ChorusBot], card: discord.Attachment) -> None:
        """Needs Manage Server. The character is visible in this server only."""
        actor = self._require(interaction, Permission.MANAGE_GUILD)
        if interaction.guild_id is None:
            raise InputInvalid("Characters are brought into servers.", advice="Use this command in your server.")
        if card.size > LARGEST_CARD:
            raise InputInvalid("That file is larger than a character card is.", advice="At most 20 MB.")
        # Reading and checking may take longer than Discord's 3 s.
        await interaction.response.defer(ephemeral=True, thinking=True)
        async with self._importing:
            imported = await asyncio.to_thread(import_card, await card.read(), card.filename)
        character = await self.bot.services.characters.add(imported, interaction.guild_id)
        brought = await self._save_workflows(imported, character, actor)
        notes = "".join(f"\n-# {escaped(clip(note, 200))}" for note in [*imported.notes, *brought][:8])
        text = f"**{character.name}** (`{character.id}`) lives in this server now. Try `/character use`.{notes}"
        await interaction.followup.send(text, embed=_card(character), ephemeral=True)

    @app_commands.command(name="export", description="A character as a card that SillyTavern and other bots open")
    @app_commands.describe(
        name="Who",
        voice="With its voice samples",
        references="With its reference pictures",
        workflows="With its workflows, without prompts and paths",
    )
    async def export(
        self,
        interaction: discord.Interaction[ChorusBot],
        name: app_commands.Range[str, 1, 100],
        voice: bool = False,
        references: bool = False,
        workflows: bool = False,
    ) -> None:
        """Needs Manage Server. The card is for the person alone, who posts it where they like."""
        actor = self._require(interaction, Permission.MANAGE_GUILD)
        services = self.bot.services
        character = services.characters.find(name, interaction.guild_id)
        services.policy.require_suitable(actor.channel, character.name, adults_only=character.nsfw)
        await interaction.response.defer(ephemeral=True, thinking=True)
        card, notes = await character_card(
            services,
            character,
            CardParts(voice=voice, references=references, workflows=workflows),
            guild_id=interaction.guild_id,
            requester_id=actor.user_id,
        )
        text = (
            f"**{escaped(character.name)}** as a card: SillyTavern opens it, and `/character import` makes the same"
            " character of it again. Send it as a file: programs that make pictures smaller remove the card."
        )
        text += "".join(f"\n-# {escaped(clip(note, 200))}" for note in notes[:5])
        file = discord.File(io.BytesIO(card), filename=f"{character.id}.png")
        await interaction.followup.send(text, file=file, ephemeral=True)

    async def _save_workflows(self, card: ImportedCard, character: Character, actor: Actor) -> list[str]:
        """Save the workflows of a card for the character that was made of it; a sentence for each."""
        drafts, told = self.bot.services.workflow_drafts, list[str]()
        for workflow in card.workflows:
            try:
                page = await drafts.upload(
                    Upload(
                        data=json.dumps(workflow).encode(),
                        file_name=f"{character.id}.json",
                        guild_id=actor.channel.guild_id or 0,
                        character_id=character.id,
                        author_id=actor.user_id,
                    )
                )
                await drafts.save(page.draft, actor.user_id)
            except ChorusError as error:
                told.append(f"A workflow was left out: {error.message}")
            else:
                told.append(f"Its workflow {page.draft.place.name} was saved.")
        return told

    def _require(self, interaction: discord.Interaction[ChorusBot], permission: Permission) -> Actor:
        actor, policy = interaction_actor(interaction), self.bot.services.policy
        policy.require_served(actor.channel)
        policy.require_permission(actor, permission)
        return actor


def _of_guild(labels: Iterable[str], guild_id: int | None) -> list[str]:
    """The ids of a `LoadReport`'s labels that are visible in a guild: the owner's and its own."""
    parts = [label.rpartition("/") for label in labels]
    return [character_id for guild, _, character_id in parts if guild in {"", str(guild_id)}]


def _is_seen_from(guilds: Path | None, path: Path, guild_id: int | None) -> bool:
    """A file is the owner's, or lies in the guild's own folder."""
    return guilds is None or not path.is_relative_to(guilds) or path.is_relative_to(guilds / str(guild_id))


def _card(character: Character) -> discord.Embed:
    about = character.role or character.visual_identity.prompt_context or character.system_prompt
    embed = discord.Embed(title=character.name, description=without_masked_links(clip(" ".join(about.split()), 400)))
    if character.personality_traits:
        embed.add_field(name="Is", value=clip(without_masked_links(", ".join(character.personality_traits)), 1024))
    can = ["talks"]
    can += ["draws"] if character.image_generation.enabled else []
    can += ["speaks"] if character.voice.enabled else []
    return embed.add_field(name="Can", value=", ".join(can))


async def setup(bot: ChorusBot) -> None:
    """Called by `load_extension`."""
    await bot.add_cog(CharactersCog(bot))
