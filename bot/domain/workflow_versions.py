"""A version of a workflow as it is kept with the jobs that used it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.domain.value import Value


class StoredWorkflow(Value):
    """A version of a workflow as it was when a job was accepted: the API graph and the owner's bindings."""

    content_hash: str
    graph: Mapping[str, Any]
    bindings: Mapping[str, Any]
