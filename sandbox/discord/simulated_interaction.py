"""`SimulatedInteraction`: what the user who started an interaction sees of the application's responses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.discord.context import ServerContext
from sandbox.discord.interactions import CHOICES, SHOW_MODAL
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import Interaction, Message

DEFAULT_TIMEOUT = 60.0
"""Seconds for which tests wait unless they say otherwise; long, because the machine may be busy."""


@dataclass(frozen=True)
class Choice:
    """One choice of an autocomplete response."""

    name: str
    value: str | int | float


@dataclass(frozen=True)
class InteractionResponse:
    """The interaction callback: its type (4 to 9) and its data, as the application sent them."""

    type: int
    data: Json


class NoResponseError(AssertionError):
    """The application sent no (or another kind of) response."""


class SimulatedInteraction:
    """An interaction and the responses to it."""

    def __init__(self, context: ServerContext, interaction: Interaction) -> None:
        self._context = context
        self.interaction = interaction

    @property
    def id(self) -> int:
        """The interaction's snowflake; `interaction_metadata.id` of the messages it made."""
        return self.interaction.id

    @property
    def responded(self) -> bool:
        """The application sent its callback in time."""
        return self.interaction.response_type is not None

    @property
    def failed(self) -> bool:
        """The user is shown "The application did not respond"."""
        return self.interaction.failed

    @property
    def response(self) -> InteractionResponse:
        """The callback.

        Raises:
            NoResponseError: There is none, or not yet.

        """
        if self.interaction.response_type is None:
            raise NoResponseError(f"The application did not answer {self.interaction.data}.")
        return InteractionResponse(self.interaction.response_type, self.interaction.response_data)

    @property
    def message(self) -> Message:
        """The original response as a message; for types 6 and 7 the message whose component was used.

        Raises:
            NoResponseError: There is none, or not yet.

        """
        if self.interaction.original is None:
            raise NoResponseError(f"The answer to {self.interaction.data} is no message.")
        return self.interaction.original

    @property
    def messages(self) -> list[Message]:
        """Every message created through this interaction, ephemeral ones included, oldest first."""
        return list(self.interaction.messages)

    @property
    def modal(self) -> Json:
        """The modal of the callback: `title`, `custom_id`, `components`.

        Raises:
            NoResponseError: The callback was no modal.

        """
        if self.interaction.response_type != SHOW_MODAL:
            raise NoResponseError(f"The answer to {self.interaction.data} was no modal.")
        return self.interaction.response_data

    @property
    def choices(self) -> list[Choice]:
        """The choices of an autocomplete callback.

        Raises:
            NoResponseError: The callback had none.

        """
        if self.interaction.response_type != CHOICES:
            raise NoResponseError(f"The answer to {self.interaction.data} was no list of choices.")
        return [Choice(entry["name"], entry["value"]) for entry in self.interaction.response_data.get("choices", [])]

    async def wait_for_response(self, timeout: float | None = None) -> InteractionResponse:  # noqa: ASYNC109 - a deadline of the test
        """Wait for the callback: until the interaction's 3 s are over, or for `timeout` seconds.

        Raises:
            NoResponseError: It did not come in time.

        """
        await self.wait_settled(timeout)
        return self.response

    async def wait_settled(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - a deadline of the test
        """Wait as `wait_for_response` does, but raise nothing: `responded` and `failed` tell what happened."""
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
        """Wait for a message of this interaction for which `predicate` is true, and return it.

        By default that is the first one that is not the "is thinking" message of a deferred response.
        """

        def look() -> Message | None:
            original = [self.interaction.original] if self.interaction.original else []
            found = {message.id: message for message in [*original, *self.interaction.messages] if not message.deleted}
            return next((message for message in found.values() if predicate(message)), None)

        what = f"a message of {self.interaction.data}"
        return await self._context.changes.wait_until(look, timeout=timeout, what=what)
