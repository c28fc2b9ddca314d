"""Chorus for Discord: everything but Discord's own surface, which lives in `cogs`."""
