"""What a conversation needs of Discord. The cogs implement these Protocols; tests have implementations of their own."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bot.characters import Character
from bot.domain.conversations import Message, Scene, Thread
from bot.errors import ChorusError


class ChannelUnavailableError(Exception):
    """The channel does not exist any more, or the bot has no access to it."""


class TurnPost(Protocol):
    """The Discord messages of one turn while the turn is generated."""

    def update(self, text: str) -> None:
        """Show this text, which is all of the turn that may be shown so far.

        Never blocks. Discord limits how often a message may be edited; the newest text is shown at the next edit.
        """
        ...

    async def finish(self, turn: Message) -> None:
        """Show the turn's complete text; return when Discord shows it once and nothing else of the turn."""
        ...


class TurnPresenter(Protocol):
    """Shows a character's turns in Discord."""

    def open(self, turn: Message, thread: Thread) -> AbstractAsyncContextManager[TurnPost]:
        """Begin to show a turn: a typing indicator until the first text.

        Messages of the turn that were posted before a crash are found and edited.

        Raises:
            ChannelUnavailableError: On entering.
        """
        ...

    async def delete_posts(self, turn: Message, thread: Thread) -> None:
        """Delete the Discord messages of a turn, as far as Discord allows it."""
        ...

    async def draw(self, turn: Message, thread: Thread, character: Character, scene: Scene, prompt: str) -> str | None:
        """Submit the job that draws the scene of a turn.

        Returns:
            The job's id; that of the earlier job if the turn has one already. None: the job was refused, and the
            reason was shown in the channel.
        """
        ...

    async def show_error(self, thread: Thread, error: ChorusError) -> None:
        """Post the error's sentence and code in the channel."""
        ...
