"""What voices need of the rooms around them, as they need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from bot.characters.character import Character
from bot.domain.conversations import Message
from bot.domain.deliveries import Delivery
from bot.domain.jobs import GenerationRequest, Job, JobKind
from bot.workflows.workflow import Workflow


class Characters(Protocol):
    """The character library."""

    def get(self, character_id: str, guild_id: int | None = None) -> Character:
        """By id. Raises CharacterNotFound."""
        ...

    def all(self, guild_id: int | None = None) -> Sequence[Character]:
        """Every character visible in that guild; None: the host's."""
        ...


class Workflows(Protocol):
    """The workflow library."""

    def get(self, character_id: str, kind: JobKind, name: str | None = None) -> Workflow:
        """Raises WorkflowNotFound, WorkflowInvalid."""
        ...


class Generation(Protocol):
    """The orchestrator."""

    async def submit(self, request: GenerationRequest) -> Job:
        """Accept a wish. Raises ChorusError: it was refused."""
        ...

    async def cancel(self, job_id: UUID) -> bool:
        """End it; False: it was over."""
        ...


class Jobs(Protocol):
    """The store of jobs."""

    async def about_message(self, source_message_id: int) -> Sequence[Job]:
        """Jobs that speak, draw or regenerate that Discord message, oldest first."""
        ...


class Deliveries(Protocol):
    """The rows of what was posted."""

    async def of_job(self, job_id: UUID) -> Sequence[Delivery]:
        """Every row of a job."""
        ...

    async def of_turn(self, message_id: str) -> Sequence[Delivery]:
        """Every row of a conversation turn."""
        ...


class Turns(Protocol):
    """The store of conversations."""

    async def message(self, message_id: str) -> Message | None:
        """By our own id, deleted or not."""
        ...


class GuildSettings(Protocol):
    """Settings made in Discord; reads are from memory."""

    def get(self, guild_id: int | None, key: str, *, channel_id: int | None = None, default: Any = None) -> Any:
        """The channel's value, else the guild's, else `default`."""
        ...

    async def set(
        self,
        guild_id: int | None,
        key: str,
        value: Any,
        *,
        channel_id: int | None = None,
        set_by: int | None = None,
    ) -> None:
        """Commit a value."""
        ...

    async def clear(self, guild_id: int | None, key: str, *, channel_id: int | None = None) -> bool:
        """Back to the next wider value; False if there was none."""
        ...
