"""What a person sees of an interaction: the first answer, further messages, choices, a modal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.discord.core import Core
from sandbox.discord.interactions import CHOICES, SHOW_MODAL
from sandbox.discord.state import Interaction, Json, Message

DEADLINE = 60.0
"""Seconds that waits last unless told otherwise: generous, because the machine may be busy."""


@dataclass(frozen=True)
class Choice:
    """One suggestion of an autocomplete."""

    name: str
    value: str | int | float


@dataclass(frozen=True)
class Response:
    """The first callback: its type (4-9) and its data as it came."""

    type: int
    data: Json


class NoAnswerError(AssertionError):
    """The application did not respond in time."""


class Answer:
    """An interaction as the person who started it follows it."""

    def __init__(self, core: Core, interaction: Interaction) -> None:
        self._core = core
        self.interaction = interaction

    @property
    def id(self) -> int:
        """The interaction's snowflake; `interaction_metadata.id` of the messages it made."""
        return self.interaction.id

    @property
    def answered(self) -> bool:
        """A callback arrived in time."""
        return self.interaction.response_type is not None

    @property
    def failed(self) -> bool:
        """The person sees "The application did not respond"."""
        return self.interaction.failed

    @property
    def response(self) -> Response:
        """The first callback.

        Raises:
            NoAnswerError: There is none (yet).

        """
        if self.interaction.response_type is None:
            raise NoAnswerError(f"The application did not answer {self.interaction.data}.")
        return Response(self.interaction.response_type, self.interaction.response_data)

    @property
    def message(self) -> Message:
        """The first answer as a message (with type 6 and 7 the message whose component was used).

        Raises:
            NoAnswerError: There is none (yet).

        """
        if self.interaction.original is None:
            raise NoAnswerError(f"The answer to {self.interaction.data} is no message.")
        return self.interaction.original

    @property
    def messages(self) -> list[Message]:
        """Every message made through this interaction, ephemeral ones included, in order."""
        return list(self.interaction.messages)

    @property
    def modal(self) -> Json:
        """The modal that was shown: `title`, `custom_id`, `components`.

        Raises:
            NoAnswerError: The answer was none.

        """
        if self.interaction.response_type != SHOW_MODAL:
            raise NoAnswerError(f"The answer to {self.interaction.data} was no modal.")
        return self.interaction.response_data

    @property
    def choices(self) -> list[Choice]:
        """What an autocomplete offered."""
        if self.interaction.response_type != CHOICES:
            raise NoAnswerError(f"The answer to {self.interaction.data} was no list of choices.")
        return [Choice(entry["name"], entry["value"]) for entry in self.interaction.response_data.get("choices", [])]

    async def wait_response(self, timeout: float | None = None) -> Response:  # noqa: ASYNC109 - a deadline of the test
        """The first callback; at the end of the 3 s (or `timeout`) the interaction has failed.

        Raises:
            NoAnswerError: None came in time.

        """
        await self.settle(timeout)
        return self.response

    async def settle(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as above
        """As `wait_response`, but a failure only shows in `failed`."""
        waited = self._core.clock.now() - self.interaction.created
        left = max(0.001, self._core.limits.callback_seconds - waited) if timeout is None else timeout
        try:
            await self._core.pulse.until(lambda: self.answered or None, timeout=left, what="an answer")
        except TimeoutError:
            self.interaction.failed = True

    async def wait_message(
        self,
        predicate: Callable[[Message], object] = lambda message: not message.loading,
        timeout: float = DEADLINE,  # noqa: ASYNC109 - a deadline of the test
    ) -> Message:
        """The first message of this interaction that fits, now or after an edit; "is thinking" does not by default."""

        def look() -> Message | None:
            original = [self.interaction.original] if self.interaction.original else []
            found = {message.id: message for message in [*original, *self.interaction.messages] if not message.deleted}
            return next((message for message in found.values() if predicate(message)), None)

        what = f"a message of {self.interaction.data}"
        return await self._core.pulse.until(look, timeout=timeout, what=what)
