"""Workflows that fail every time are not run again until their file, or what ComfyUI has installed, changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from bot.comfyui.client import ComfyClient
from bot.domain.jobs import Job, JobState
from bot.domain.workflow_failures import WorkflowFailures
from bot.errors import ChorusError, ErrorCategory, WorkflowFailing
from bot.generation.error_translation import job_error
from bot.generation.job_registry import utc_now
from bot.storage.workflow_failures import WorkflowFailureRepository
from bot.workflows.graph import Graph
from bot.workflows.installed_nodes import installed_fingerprint
from bot.workflows.workflow import Workflow

MAX_FAILURES = 3
"""After so many failures in a row a workflow is refused."""
_KEPT = timedelta(days=90)
_VOICE_SAMPLE = "voice_sample"


class FailingWorkflows:
    """Counts the failures of each version of a workflow on each server, and refuses those that failed too often.

    Only failures count that everybody would have: what the workflow itself, or what is installed for it, is the reason
    of. After a restart of the server, which may have mended it, one more job is let through.

    Args:
        repository: Stored rows.
        clients: The ComfyUI servers.

    """

    def __init__(self, repository: WorkflowFailureRepository, clients: Sequence[ComfyClient]) -> None:
        self._repository = repository
        self._clients = {client.url: client for client in clients}
        self._failures: dict[tuple[str, str], WorkflowFailures] = {}
        self._outages: dict[tuple[str, str], int] = {}
        """How many outages the server had had at the last failure."""

    async def load(self) -> None:
        """Read the rows; call it once, at start."""
        for found in await self._repository.all(since=utc_now() - _KEPT):
            self._failures[found.content_hash, found.server] = found
            client = self._clients.get(found.server)
            self._outages[found.content_hash, found.server] = client.outage_count if client else 0

    def found(self, workflow: Workflow) -> WorkflowFailures | None:
        """Why a workflow is not run, if no server runs it; of several the reason of the first."""
        found = [self._found_on(client, workflow.content_hash, workflow.graph) for client in self._clients.values()]
        return found[0] if found and all(found) else None

    def require_usable(self, workflow: Workflow, *, server: str | None = None) -> None:
        """Refuse a workflow that failed too often.

        Args:
            workflow: As it would be sent, adapted to the server.
            server: The base URL of the server; None: any of them.

        Raises:
            WorkflowFailing: It failed `MAX_FAILURES` times in a row, and nothing has changed since.

        """
        if server is None:
            found = self.found(workflow)
        else:
            found = self._found_on(self._clients[server], workflow.content_hash, workflow.graph)
        if found is not None:
            raise failing_error(found)

    async def record_success(self, content_hash: str) -> None:
        """A workflow made something: earlier failures do not count any more."""
        servers = [server for known, server in self._failures if known == content_hash]
        for server in servers:
            del self._failures[content_hash, server]
        if servers:
            await self._repository.remove(content_hash, servers)

    async def record_failure(self, job: Job, graph: Graph, error: ChorusError, server: str) -> None:
        """Count a failure, if it is the workflow's own.

        Args:
            job: As it was sent.
            graph: Its workflow.
            error: How it ended.
            server: The base URL of the server.

        """
        client = self._clients[server]
        info = client.cached_object_info
        if info is None or not counts(job, error):
            return
        key = job.workflow_hash, server
        installed = installed_fingerprint(graph, info)
        before = self._failures.get(key)
        if before is not None and before.installed != installed:
            before = None
        files = _files_of(job)
        seen = before.inputs if before is not None else ()
        if before is not None and (before.job_id == job.id or (files is not None and files in seen)):
            return
        failures = WorkflowFailures(
            content_hash=job.workflow_hash,
            server=server,
            count=before.count + 1 if before is not None else 1,
            error=job_error(error),
            installed=installed,
            comfyui_version=client.known_version,
            inputs=(*seen, files)[-MAX_FAILURES:] if files is not None else seen,
            job_id=job.id,
            failed_at=utc_now(),
        )
        self._failures[key], self._outages[key] = failures, client.outage_count
        await self._repository.put(failures)

    def _found_on(self, client: ComfyClient, content_hash: str, graph: Graph) -> WorkflowFailures | None:
        key = content_hash, client.url
        found = self._failures.get(key)
        if found is None or found.count < MAX_FAILURES or self._outages[key] != client.outage_count:
            return None
        if found.comfyui_version and client.known_version not in {"", found.comfyui_version}:
            return None
        info = client.cached_object_info
        if info is not None and installed_fingerprint(graph, info) != found.installed:
            return None
        return found


def counts(job: Job, error: ChorusError) -> bool:
    """Whether everybody who ran the workflow would have failed like this job.

    Settings that a person chose may be the reason, and so may be the words of a trial's author, so jobs with either do
    not count.
    """
    if error.category is not ErrorCategory.WORKFLOW or isinstance(error, WorkflowFailing):
        return False
    return job.state is not JobState.CANCELLED and not job.request.trial and not job.request.overrides


def failing_error(failures: WorkflowFailures) -> WorkflowFailing:
    """The error for a workflow that is refused."""
    return WorkflowFailing(
        f"That workflow failed {failures.count} times in a row and is not run again for now."
        f" The last time: {failures.error.message}",
        advice=f"{failures.error.advice} It is run again when its file, or what ComfyUI has installed for it, has"
        " changed, when ComfyUI was restarted, or after a trial (`/workflow try`) that went well.",
    )


def _files_of(job: Job) -> str | None:
    """A fingerprint of the pictures, films and sounds that a person gave; None: there are none.

    One person with one odd picture must not take the workflow from everybody, however often they try.
    """
    digests = sorted(f"{file.role}:{file.sha256}" for file in job.request.inputs if file.role != _VOICE_SAMPLE)
    if not digests:
        return None
    return hashlib.sha256("\n".join([str(job.request.requester_id), *digests]).encode()).hexdigest()
