"""Backups of the whole bot in one archive, made while it runs, and restored while it does not."""
