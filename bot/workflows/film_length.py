"""From seconds to the number of frames that a workflow's model can make."""

from __future__ import annotations

from dataclasses import dataclass

from bot.errors import InputInvalid
from bot.workflows.object_info import ObjectInfo
from bot.workflows.parameters import Parameter, ParameterValue, parameters_of
from bot.workflows.workflow import Workflow


@dataclass(frozen=True, slots=True)
class FilmLength:
    """What is written for a wanted length.

    Attributes:
        name: The parameter's name.
        value: Frames; seconds where the workflow takes seconds.
        note: Says what the person gets where it is not what was asked for.

    """

    name: str
    value: ParameterValue
    note: str | None = None


def film_length(workflow: Workflow, seconds: float, object_info: ObjectInfo | None = None) -> FilmLength:
    """Return the nearest length that the workflow's node can make: its smallest number of frames plus whole steps.

    The frames a second are those of the node that makes the film (`fps`, `frame_rate`).

    Args:
        workflow: The workflow.
        seconds: What is wanted.
        object_info: The body of `GET /object_info`, for limits and steps.

    Raises:
        InputInvalid: The workflow has no length, or does not tell its frames a second.

    """
    parameters = parameters_of(workflow, object_info)
    length = parameters.find("length") or parameters.find("batch")  # AnimateDiff's frames are a batch of pictures
    if length is None:
        raise InputInvalid(f"The length of the workflow {workflow.name} cannot be chosen.", advice="Leave it out.")
    if all(place.input_name.lower() in {"seconds", "duration"} for place in length.places):
        value = _limited(length, seconds)
        return FilmLength(length.name, value, _note(seconds, value, ""))
    fps = parameters.find("fps")
    rate = fps.default if fps is not None else None
    if not isinstance(rate, (int, float)) or isinstance(rate, bool) or rate <= 0:
        raise InputInvalid(
            f"The workflow {workflow.name} does not tell its frames a second.",
            advice="Choose the number of frames, such as `settings: length=81`.",
        )
    frames = round(_limited(length, seconds * rate))
    return FilmLength(length.name, frames, _note(seconds, frames / rate, f" ({frames} frames at {rate:g} a second)"))


def _limited(length: Parameter, wanted: float) -> float:
    """The nearest allowed value."""
    low = length.minimum if length.minimum is not None else 1
    step = length.step or 1
    value = low + max(0, round((wanted - low) / step)) * step
    if length.maximum is not None and value > length.maximum:
        value = low + (length.maximum - low) // step * step
    return value


def _note(wanted: float, made: float, how: str) -> str | None:
    return None if abs(made - wanted) < 0.05 else f"The film is {made:.3g} s long{how}, the nearest that is possible."
