"""Auto voice: in which channels a character's turns are spoken without being asked for."""

from __future__ import annotations

from bot.characters.character import Character
from bot.domain.channels import Channel
from bot.storage.guild_settings import GuildSettings

SETTING = "voice.auto"
"""Key in `guild_settings`, set for channels."""


class AutoVoice:
    """Reads and changes what `/voice auto` sets."""

    def __init__(self, settings: GuildSettings) -> None:
        self._settings = settings

    def channel_choice(self, channel: Channel) -> bool | None:
        """Return what was chosen for the channel, or for a Discord thread's parent; None: nothing was chosen."""
        for channel_id in (channel.channel_id, channel.parent_id):
            if channel_id is not None:
                value = self._settings.get(channel.guild_id, SETTING, channel_id=channel_id)
                if isinstance(value, bool):
                    return value
        return None

    def is_on(self, channel: Channel, character: Character) -> bool:
        """Whether the character's turns are spoken there: as chosen, else by `voice.always_on` in its file."""
        if not character.voice.enabled:
            return False
        chosen = self.channel_choice(channel)
        return character.voice.always_on if chosen is None else chosen

    async def set(self, channel: Channel, *, on: bool, set_by: int) -> None:
        """Choose for a channel or Discord thread; `set_by` is the Discord id of the person."""
        await self._settings.set(channel.guild_id, SETTING, on, channel_id=channel.channel_id, set_by=set_by)
