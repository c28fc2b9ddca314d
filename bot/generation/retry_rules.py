"""How often a part of a job is run again, by what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bot.errors import ErrorCategory

MAX_REPEATS: Mapping[ErrorCategory, int] = MappingProxyType(
    {
        ErrorCategory.NETWORK: 2,
        ErrorCategory.SERVICE: 2,
        ErrorCategory.CONFIGURATION: 0,
        ErrorCategory.WORKFLOW: 0,
        ErrorCategory.RESOURCE: 1,
        ErrorCategory.REQUEST: 0,
    }
)
"""Category -> how many more times a part is run after a failure of that kind.

NETWORK counts prompts that ComfyUI lost in a restart; waiting for a server that is away does not count. SERVICE counts
answers that ComfyUI should not give; between them its circuit breaker sets the pauses. RESOURCE is run again with the
server's memory freed. What a workflow or a request is the reason of would fail in the same way.
"""
