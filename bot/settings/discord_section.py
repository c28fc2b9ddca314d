"""`discord` in `config.yaml`."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from bot.settings.section import Emoji, HttpUrl, Seconds, Section, Snowflake


class Reactions(Section):
    """`discord.reactions`: what a reaction on a result does. A guild's own emoji is written `name:id`."""

    regenerate: Emoji = "🔁"
    speak: Emoji = "🔊"
    dm: Emoji = "✉️"
    delete: Emoji = "🗑️"
    cancel: Emoji = "❌"

    @model_validator(mode="after")
    def _refuse_equal_emoji(self) -> Self:
        if len(set(self.model_dump().values())) < len(type(self).model_fields):
            raise ValueError("must name a different emoji for each action")
        return self


class DiscordSection(Section):
    """`discord`: where the bot connects and how it behaves there."""

    server: HttpUrl | None = None
    """Base URL of another Discord-compatible server: REST at `/api/v10`, CDN at `/cdn`, gateway at `/gateway`."""
    guild_ids: tuple[Snowflake, ...] = ()
    """Ids of the guilds that the bot serves and registers its commands in; empty: all, with global commands."""
    allow_dms: bool = False
    """Whether people may use the bot in direct messages."""
    log_channel_id: Snowflake | None = None
    """Channel in which the bot tells what can no longer be run after ComfyUI has changed; None: only its log does."""
    offer_reactions: bool = False
    """Whether the bot adds the reactions to its own results, so that people need only press them."""
    prompt_flags: bool = True
    """Whether flags at the end of a prompt count, such as `--ar 16:9`, and `<lora:name:0.8>` in it."""
    notify_after_seconds: Seconds = 60
    """A result that took longer is followed by a reply that mentions the person, since edits do not notify."""
    progress_interval_seconds: Seconds = 1.5
    """The shortest time between two edits of a progress message."""
    reactions: Reactions = Reactions()
