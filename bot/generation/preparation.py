"""Everything a part needs before it is submitted, done while another prompt still has the GPU."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

from bot.comfyui.cache import break_cache
from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyConnectionError, ComfyError
from bot.domain.attempts import Attempt, attempt_id
from bot.domain.jobs import InputFile, Job
from bot.errors import InputInvalid
from bot.generation.acceptance import Acceptance, injection
from bot.generation.active_job import ActiveJob, Prepared
from bot.generation.error_translation import chorus_error
from bot.generation.job_registry import JobRegistry, now
from bot.generation.prompt_rewriting import PromptRewriter
from bot.workflows.injection import inject, seed_limit
from bot.workflows.validation import validate_installed
from bot.workflows.values import Workflow

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0


class Uploads:
    """Input files on one server: each content goes up once, and again when ComfyUI turns out not to have it."""

    def __init__(self, client: ComfyClient) -> None:
        self._client = client
        self._names: dict[str, str] = {}

    async def names(self, files: tuple[InputFile, ...]) -> dict[str, str]:
        """Role -> what to write into the loader node.

        Raises:
            InputInvalid: One of our own files is gone or has changed since the job was accepted.
            ComfyConnectionError, UploadRefused: As the client says.

        """
        return {file.role: await self._name(file) for file in files}

    def forget(self, files: tuple[InputFile, ...]) -> None:
        """Upload them again next time: the server's input folder was emptied, or it is another server."""
        for file in files:
            self._names.pop(file.sha256, None)

    async def _name(self, file: InputFile) -> str:
        if file.sha256 not in self._names:
            path = Path(file.path)
            try:
                digest = await asyncio.to_thread(_sha256, path)
            except OSError as error:
                raise InputInvalid("An input file of the job is no longer there.") from error
            if digest != file.sha256:
                raise InputInvalid("An input file of the job has changed since.")
            name = f"{digest[:32]}{path.suffix.lower()}"
            self._names[file.sha256] = await self._client.upload(path, name=name)
        return self._names[file.sha256]


class Preparer:
    """Prepares the next part of a run for one server."""

    def __init__(
        self, client: ComfyClient, ledger: JobRegistry, acceptance: Acceptance, rewriter: PromptRewriter | None = None
    ) -> None:
        self.uploads = Uploads(client)
        self._rewriter = rewriter
        self._client = client
        self._ledger = ledger
        self._acceptance = acceptance
        self._version: tuple[Mapping[str, Any], str] | None = None

    async def prepare(self, run: ActiveJob) -> Prepared | None:
        """Wait for the server, build and check the graph, upload inputs, commit the attempt.

        None: the job ended meanwhile.

        Raises:
            ChorusError: The job cannot be run.

        """
        await self._rewrite(run)
        job = run.job
        workflow = await self._acceptance.pinned(job)
        part = min(run.todo)
        while True:
            try:
                async with self._present():
                    graph, version = await self._graph(job, workflow, part)
                    break
            except ComfyConnectionError as error:
                _log.info("job %s waits for ComfyUI: %s", job.id, error)
                await asyncio.sleep(_RETRY_SECONDS)
            except ComfyError as error:
                raise chorus_error(error, workflow.graph) from error
        n = run.number(part)
        if run.gone_nodes:
            graph = break_cache(graph, f"{job.id}/{n}", run.gone_nodes)
        attempt = Attempt(
            prompt_id=attempt_id(job.id, part, n),
            job_id=job.id,
            part=part,
            n=n,
            server=self._client.url,
            created_at=now(),
        )
        parameters = {**job.parameters, "comfyui_version": version}
        if not await self._ledger.store.begin_attempt(attempt, parameters):
            return None
        run.todo.discard(part)
        run.job = run.job.model_copy(update={"parameters": parameters})
        return Prepared(attempt, graph)

    async def _rewrite(self, run: ActiveJob) -> None:
        """Let the language model write the prompt, once: what it wrote is committed with the first attempt."""
        job = run.job
        if self._rewriter is None or not job.request.rewrite or job.parameters.get("rewritten"):
            return
        written = await self._rewriter.rewrite(job.request)
        if written.note:
            run.note(written.note)
        parameters = {**job.parameters, "positive": written.positive, "rewritten": True}
        run.job = job.model_copy(update={"parameters": parameters})

    async def _graph(self, job: Job, workflow: Workflow, part: int) -> tuple[Mapping[str, Any], str]:
        info = await self._client.object_info()
        limit = seed_limit(workflow, info)
        # A seed that we drew before ComfyUI was asked is wrapped to fit each node (`inject`); a person's own is not.
        if job.request.seed is not None and job.seed > limit:
            raise InputInvalid(f"The seed must be a whole number from 0 to {limit}.")
        uploaded = await self.uploads.names(job.request.inputs)
        graph = inject(workflow, injection(job.parameters, job.request, part=part, uploaded=uploaded), info)
        validate_installed(graph, info)
        return graph, await self._comfyui_version(info)

    async def _comfyui_version(self, info: Mapping[str, Any]) -> str:
        """Asked once in each life of the server: its `object_info` is fetched anew after a restart."""
        if self._version is None or self._version[0] is not info:
            self._version = info, (await self._client.system_stats()).version_text
        return self._version[1]

    @contextlib.asynccontextmanager
    async def _present(self) -> AsyncGenerator[None]:
        """Wait until the server answers, and say that it is away while it does not."""
        url = self._client.url
        if self._client.connected and url not in self._ledger.away:
            yield
            return
        available = asyncio.ensure_future(self._client.wait_available())
        try:
            done, _ = await asyncio.wait({available}, timeout=0.5)
            if not done:
                self._ledger.away.add(url)
                self._ledger.changed()
            await available
        finally:
            available.cancel()
        if url in self._ledger.away:
            self._ledger.away.discard(url)
            self._ledger.changed()
        yield


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
