"""What a conversation needs of the rooms around it, as it needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bot.characters import Character
from bot.domain.conversations import Message, Scene, Thread
from bot.errors import ChorusError


class PlaceClosedError(Exception):
    """The channel is gone, or closed to the bot: nothing can be said there."""


class Characters(Protocol):
    """The character library, as far as talking goes."""

    def find(self, name_or_id: str, guild_id: int | None = None) -> Character:
        """By id or name. Raises CharacterNotFound."""
        ...

    def names(self, guild_id: int | None = None) -> Mapping[str, str]:
        """Id -> name of every character visible there."""
        ...

    def names_and_aliases(self, guild_id: int | None = None) -> Sequence[tuple[str, str]]:
        """(what people call it, id) of every character visible there: names first, then aliases."""
        ...


class TurnPost(Protocol):
    """A turn on its way into Discord."""

    def grow(self, text: str) -> None:
        """All that may be shown so far. Never blocks: the poster takes the newest text when it may edit again."""
        ...

    async def finish(self, turn: Message) -> None:
        """Return once all of the turn's text stands in Discord, once, and nothing else of it does."""
        ...


class TurnPresenter(Protocol):
    """Discord's side of a conversation."""

    def open(self, turn: Message, thread: Thread) -> AbstractAsyncContextManager[TurnPost]:
        """Show that the character is about to speak (typing) until the first text; find what a crash left posted.

        Raises:
            PlaceClosedError: On entering: the channel is gone.
        """
        ...

    async def retract(self, turn: Message, thread: Thread) -> None:
        """Take back what is posted of a turn that will not be finished, as far as Discord lets us."""
        ...

    async def draw(self, turn: Message, thread: Thread, character: Character, scene: Scene, prompt: str) -> str | None:
        """Submit the job of the picture that the character decided to send; its id.

        The same job where the turn has one already; None where it was refused (the channel is told why).
        """
        ...

    async def notice(self, thread: Thread, error: ChorusError) -> None:
        """Tell the channel once, with the error's code."""
        ...


class Turnstile(Protocol):
    """The lock that talk and generation share in VRAM hand-over mode; a free pass otherwise."""

    def conversation(self) -> AbstractAsyncContextManager[None]:
        """Hold while the language model works."""
        ...
