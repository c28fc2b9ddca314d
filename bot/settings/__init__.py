"""The configuration: `config.yaml`, the environment and `.env`, as one frozen value."""

from bot.settings.loading import Settings, default_settings, load_settings

__all__ = ["Settings", "default_settings", "load_settings"]
