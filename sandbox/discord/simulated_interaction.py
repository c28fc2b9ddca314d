"""What a person sees of an interaction: the first answer, further messages, choices, a modal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.discord.context import ServerContext
from sandbox.discord.interactions import CHOICES, SHOW_MODAL
from sandbox.discord.state import Interaction, Json, Message

DEFAULT_TIMEOUT = 60.0
"""Seconds that waits last unless told otherwise: generous, because the machine may be busy."""


@dataclass(frozen=True)
class Choice:
    """One suggestion of an autocomplete."""

    name: str
    value: str | int | float


@dataclass(frozen=True)
class InteractionResponse:
    """The first callback: its type (4-9) and its data as it came."""

    type: int
    data: Json


class NoResponseError(AssertionError):
    """The application did not respond in time."""


class SimulatedInteraction:
    """An interaction as the person who started it follows it."""

    def __init__(self, context: ServerContext, interaction: Interaction) -> None:
        self._context = context
        self.interaction = interaction

    @property
    def id(self) -> int:
        """The interaction's snowflake; `interaction_metadata.id` of the messages it made."""
        return self.interaction.id

    @property
    def responded(self) -> bool:
        """A callback arrived in time."""
        return self.interaction.response_type is not None

    @property
    def failed(self) -> bool:
        """The person sees "The application did not respond"."""
        return self.interaction.failed

    @property
    def response(self) -> InteractionResponse:
        """The first callback.

        Raises:
            NoAnswerError: There is none (yet).

        """
        if self.interaction.response_type is None:
            raise NoResponseError(f"The application did not answer {self.interaction.data}.")
        return InteractionResponse(self.interaction.response_type, self.interaction.response_data)

    @property
    def message(self) -> Message:
        """The first answer as a message (with type 6 and 7 the message whose component was used).

        Raises:
            NoAnswerError: There is none (yet).

        """
        if self.interaction.original is None:
            raise NoResponseError(f"The answer to {self.interaction.data} is no message.")
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
            raise NoResponseError(f"The answer to {self.interaction.data} was no modal.")
        return self.interaction.response_data

    @property
    def choices(self) -> list[Choice]:
        """What an autocomplete offered."""
        if self.interaction.response_type != CHOICES:
            raise NoResponseError(f"The answer to {self.interaction.data} was no list of choices.")
        return [Choice(entry["name"], entry["value"]) for entry in self.interaction.response_data.get("choices", [])]

    async def wait_for_response(self, timeout: float | None = None) -> InteractionResponse:  # noqa: ASYNC109 - a deadline of the test
        """The first callback; at the end of the 3 s (or `timeout`) the interaction has failed.

        Raises:
            NoAnswerError: None came in time.

        """
        await self.wait_settled(timeout)
        return self.response

    async def wait_settled(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as above
        """As `wait_response`, but a failure only shows in `failed`."""
        waited = self._context.clock.now() - self.interaction.created
        left = max(0.001, self._context.limits.callback_seconds - waited) if timeout is None else timeout
        try:
            await self._context.changes.wait_until(lambda: self.responded or None, timeout=left, what="an answer")
        except TimeoutError:
            self.interaction.failed = True

    async def wait_for_message(
        self,
        predicate: Callable[[Message], object] = lambda message: not message.loading,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - a deadline of the test
    ) -> Message:
        """The first message of this interaction that fits, now or after an edit; "is thinking" does not by default."""

        def look() -> Message | None:
            original = [self.interaction.original] if self.interaction.original else []
            found = {message.id: message for message in [*original, *self.interaction.messages] if not message.deleted}
            return next((message for message in found.values() if predicate(message)), None)

        what = f"a message of {self.interaction.data}"
        return await self._context.changes.wait_until(look, timeout=timeout, what=what)
