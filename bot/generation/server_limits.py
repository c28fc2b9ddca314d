"""The limits of a server beside those of `value_limits`: texts and films; and how many pictures a graph makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.domain.jobs import GenerationRequest, JobKind
from bot.errors import InputInvalid
from bot.policy import SizeLimits
from bot.workflows.graph import inputs
from bot.workflows.parameters import CheckedOverrides, parameters_of
from bot.workflows.workflow import Workflow


def require_allowed_size(
    request: GenerationRequest,
    workflow: Workflow,
    chosen: CheckedOverrides,
    limits: SizeLimits,
    object_info: Mapping[str, Any] | None,
) -> None:
    """Check texts and films of a request against the limits of its server.

    Args:
        request: What is asked for.
        workflow: Has values of its own, which are allowed however large.
        chosen: The values that will be written.
        limits: Of the server.
        object_info: ComfyUI's `/object_info`; None: not known yet.

    Raises:
        InputInvalid: It names the limit.

    """
    words = request.text_parts if request.kind is JobKind.AUDIO else (request.positive,)
    length = sum(map(len, words))
    if limits.max_text_chars is not None and length > limits.max_text_chars:
        raise InputInvalid(
            f"{length:,} characters are more than the {limits.max_text_chars:,} that this server allows.",
            advice="Write less. Rule: limits of this server, until somebody changes them with `/admin`.",
        )
    if request.kind is JobKind.VIDEO and limits.max_film_seconds is not None:
        seconds = _film_seconds(workflow, chosen, object_info)
        if seconds is not None and seconds > limits.max_film_seconds:
            raise InputInvalid(
                f"A film of {seconds:.3g} s is longer than the {limits.max_film_seconds:g} s that this server allows.",
                advice="Choose a shorter one. Rule: limits of this server, until somebody changes them with `/admin`.",
            )


def pictures_of(graph: Mapping[str, Any]) -> int:
    """How many pictures an execution makes: the largest batch, times each repetition of a batch."""
    largest, times = 1, 1
    for node_id in graph:
        values = inputs(graph, node_id)
        batch, amount = values.get("batch_size"), values.get("amount")
        if isinstance(batch, int) and not isinstance(batch, bool):
            largest = max(largest, batch)
        if (
            isinstance(amount, int)
            and not isinstance(amount, bool)
            and graph[node_id].get("class_type") == "RepeatLatentBatch"
        ):
            times *= max(amount, 1)
    return largest * times


def _film_seconds(workflow: Workflow, chosen: CheckedOverrides, object_info: Mapping[str, Any] | None) -> float | None:
    """How long the film will be where the person has chosen that; None: they have not, or it cannot be told."""
    parameters = parameters_of(workflow, object_info)
    length = parameters.find("length") or parameters.find("batch")
    value = chosen.values.get(length.name) if length is not None else None
    if length is None or not isinstance(value, int | float):
        return None
    if all(place.input_name.lower() in {"seconds", "duration"} for place in length.places):
        return float(value)
    rate = parameters.find("fps")
    frames = chosen.values.get(rate.name, rate.default) if rate is not None else None
    return value / frames if isinstance(frames, int | float) and frames > 0 else None
