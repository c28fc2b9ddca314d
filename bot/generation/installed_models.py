"""Workflows that take any model, adapted to what a ComfyUI server has installed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyError
from bot.errors import ChorusError, MissingModel, MissingNode, WorkflowFailing
from bot.workflows.families import ModelFacts, adapted, takes_any_model, unrecognized_models
from bot.workflows.validation import validate_installed
from bot.workflows.workflow import Workflow

_log = logging.getLogger(__name__)

WHAT_IS_INSTALLED = (MissingModel, MissingNode, WorkflowFailing)
"""Errors that may be over when a file or a node pack was installed."""
_MAX_SERVERS = 8
"""Bodies of `/object_info` that are kept, the newest first."""
_MAX_FILES = 40
"""Files whose metadata are asked for."""
_SECONDS = 1.5
"""How long may be asked: what is not known then is asked for again with the next job."""


@dataclass
class _Server:
    object_info: Mapping[str, Any]
    facts: ModelFacts | None = None
    """None: it was not asked yet."""
    workflows: dict[tuple[str, str | None], Workflow] = field(default_factory=dict[tuple[str, str | None], Workflow])
    """(hash of a workflow, wanted model) -> the workflow for this server."""
    runnable: dict[str, bool] = field(default_factory=dict[str, bool])
    """Hash of a workflow -> whether the server has all that it needs."""


class InstalledModels:
    """Which model is drawn with where a workflow leaves that open.

    Args:
        preferred: `visual_generation.model`: a file or family to prefer; None: by the order of families.

    """

    def __init__(self, preferred: str | None = None) -> None:
        self._preferred = preferred
        self._servers: list[_Server] = []

    async def learn(self, client: ComfyClient, object_info: Mapping[str, Any]) -> None:
        """Ask a server, once per start of it, for what tells the family of models whose names do not. Never raises."""
        server = self._server(object_info)
        if server.facts is not None:
            return
        unknown = unrecognized_models(object_info)[:_MAX_FILES]
        try:
            async with asyncio.timeout(_SECONDS):
                sizes = await client.model_sizes("checkpoints") if unknown else {}
                metadata = [await client.model_metadata(folder, name) for folder, name in unknown]
        except (TimeoutError, ComfyError) as error:
            _log.info("ComfyUI does not tell about its model files: %s", error or "it takes too long")
            return
        server.facts = ModelFacts({name: one for (_, name), one in zip(unknown, metadata, strict=True)}, sizes)
        server.workflows.clear()
        server.runnable.clear()

    def can_run(self, workflow: Workflow, object_info: Mapping[str, Any] | None) -> bool:
        """Whether a server has every node and model of a workflow; True while no server is known.

        Args:
            workflow: The workflow.
            object_info: The server's `/object_info`.

        """
        if object_info is None:
            return True
        server, key = self._server(object_info), workflow.content_hash
        if key not in server.runnable:
            try:
                validate_installed(self.adapted(workflow, object_info).graph, object_info)
                server.runnable[key] = True
            except ChorusError:
                server.runnable[key] = False
        return server.runnable[key]

    def adapted(self, workflow: Workflow, object_info: Mapping[str, Any] | None, wanted: str | None = None) -> Workflow:
        """The workflow for the models of a server; the workflow itself if it names its model, or no server is known.

        Args:
            workflow: The workflow.
            object_info: The server's `/object_info`.
            wanted: The model that a person names; it goes before the preferred one.

        Raises:
            MissingModel: The server has no model that could be used.

        """
        if object_info is None or not takes_any_model(workflow):
            return workflow
        server, key = self._server(object_info), (workflow.content_hash, wanted)
        known = server.workflows.get(key)
        if known is None or known.name != workflow.name or known.character_id != workflow.character_id:
            known = adapted(workflow, object_info, server.facts or ModelFacts(), wanted or self._preferred)
            server.workflows[key] = known
        return known

    def _server(self, object_info: Mapping[str, Any]) -> _Server:
        """By identity: the client gets a new body when its server restarts."""
        for known in self._servers:
            if known.object_info is object_info:
                return known
        known = _Server(object_info)
        self._servers.insert(0, known)
        del self._servers[_MAX_SERVERS:]
        return known
