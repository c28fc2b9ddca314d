"""The configuration of the bot: `config.yaml`, `.env` and the environment, as one frozen value."""

from bot.settings.loading import default_settings, load_settings
from bot.settings.settings import Settings

__all__ = ["Settings", "default_settings", "load_settings"]
