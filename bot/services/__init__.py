"""The composition root: everything the cogs and commands work with, opened in order and closed in reverse."""

from bot.services.composition import Services, open_services

__all__ = ["Services", "open_services"]
