"""Prompts that the language model writes for waiting jobs, beside everything else that happens.

A job whose prompt is being written keeps its place in the queue, and the jobs behind it are prepared and run meanwhile.
So a language model that is slow or stalled delays nobody but those who asked for it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Protocol

from bot.domain.jobs import GenerationRequest, JobState
from bot.errors import ChorusError, GenerationFailed
from bot.generation.active_job import ActiveJob
from bot.generation.character_look import TRIGGERS, with_words
from bot.generation.job_registry import JobRegistry
from bot.policy import Policy

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RewrittenPrompt:
    """A prompt that the language model wrote; `note` is a sentence for the person beside the result."""

    positive: str
    note: str | None = None


class PromptRewriter(Protocol):
    """Writes the prompts of requests with `rewrite`. Implemented in `bot.conversation`, a layer above this one."""

    async def rewrite(self, request: GenerationRequest) -> RewrittenPrompt:
        """The prompt to draw. Without a language model these are the request's own words, with a note."""
        ...


class PromptRewriting:
    """Starts the rewriting of jobs. A task is kept in `ActiveJob.rewriting`, and cancelled when the job ends.

    Args:
        registry: The jobs.
        rewriter: Writes the prompts; None: the requests' own words are drawn.
        policy: Which words are blocked, also those that the language model wrote.

    """

    def __init__(self, registry: JobRegistry, rewriter: PromptRewriter | None, policy: Policy) -> None:
        self._registry = registry
        self._rewriter = rewriter
        self._policy = policy

    def start(self, active: ActiveJob) -> None:
        """Begin to write the prompt of a job that was not put into the queue yet, if the job wants it.

        It is written once per job: the first attempt stores it with the job's parameters. A job that was interrupted
        before that gets another one after the restart.
        """
        job = active.job
        if self._rewriter is not None and job.request.rewrite and not job.parameters.get("rewritten"):
            active.rewriting = asyncio.create_task(self._run(active, self._rewriter), name=f"rewrite {job.id}")

    async def _run(self, active: ActiveJob, rewriter: PromptRewriter) -> None:
        try:
            written = await rewriter.rewrite(active.job.request)
            self._policy.require_clean(active.job.request, written.positive)
        except ChorusError as error:
            failed = error
        except Exception as error:  # noqa: BLE001 - the task's boundary: the job fails, the queue goes on; logged
            _log.exception("the prompt of job %s could not be written", active.job.id)
            failed = GenerationFailed()
            failed.__cause__ = error
        else:
            if written.note:
                active.add_note(written.note)
            positive = with_words(written.positive, *active.job.parameters.get(TRIGGERS, ()))
            parameters = {**active.job.parameters, "positive": positive, "rewritten": True}
            active.job = active.job.model_copy(update={"parameters": parameters})
            active.rewriting = None
            self._registry.queue.mark_ready(active.job.id)
            self._registry.notify_change()
            return
        await self._registry.end(active, JobState.FAILED, failed)
