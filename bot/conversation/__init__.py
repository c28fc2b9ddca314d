"""Conversations: which messages a character answers, what the language model reads, and what is done with its answer.

This package knows nothing of discord.py: people's messages arrive as `IncomingMessage` values, and a character's turns
are shown by a `TurnPresenter`, which the cogs implement.
"""
