"""`size` and `aspect`: width and height together, and the usual ones of a workflow."""

from __future__ import annotations

import math
import re

from bot.errors import InputInvalid
from bot.workflows.parameters.collection import WorkflowParameters
from bot.workflows.parameters.parameter import Parameter

RATIOS = ("1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "21:9")
_SIZE = re.compile(r"(\d{1,6})\s*(?:x|×|\*|,|\s)\s*(\d{1,6})", re.IGNORECASE)  # noqa: RUF001
_RATIO = re.compile(r"(\d{1,4}(?:\.\d{1,4})?)\s*[:/]\s*(\d{1,4}(?:\.\d{1,4})?)")
_NAMED_RATIOS = {"square": "1:1", "portrait": "2:3", "landscape": "3:2", "wide": "16:9", "tall": "9:16"}
_MULTIPLE = 8
"""Sizes are multiples of this where the node says nothing: latents are an eighth of a picture."""
_WIDEST = 20.0
_DEFAULT_SIDE = 1024


def parse_size(text: str, parameters: WorkflowParameters) -> dict[str, int]:
    """Return `width` and `height` for `1024x768`, or for a ratio such as `16:9`, which keeps the workflow's area.

    Raises:
        InputInvalid: The workflow has no size to be set, or the text is neither.

    """
    width, height = parameters.find("width"), parameters.find("height")
    if width is None or height is None:
        raise InputInvalid("That workflow has no size to be set.", advice="Leave `size` and `aspect` out.")
    if match := _SIZE.fullmatch(text.strip()):
        return {"width": int(match[1]), "height": int(match[2])}
    match = _RATIO.fullmatch(_NAMED_RATIOS.get(text.strip().lower(), text.strip()))
    if match is None or not float(match[1]) or not float(match[2]):
        raise InputInvalid(
            "That size cannot be used.", advice="Write `size=1024x768`, or a ratio such as `aspect=16:9`."
        )
    ratio = float(match[1]) / float(match[2])
    if not 1 / _WIDEST <= ratio <= _WIDEST:
        raise InputInvalid("That ratio is too extreme.", advice=f"Up to {_WIDEST:g}:1 is possible.")
    return size_of_ratio(ratio, width, height)


def size_of_ratio(ratio: float, width: Parameter, height: Parameter) -> dict[str, int]:
    """Return the size of that width / height whose area is nearest to the workflow's, in the nodes' multiples."""
    area = _side(width) * _side(height)
    multiple = int(max(width.step or _MULTIPLE, height.step or _MULTIPLE))
    wide = _fitted(math.sqrt(area * ratio), width, multiple)
    return {"width": wide, "height": _fitted(math.sqrt(area / ratio), height, multiple)}


def usual_sizes(parameters: WorkflowParameters) -> list[str]:
    """Return the workflow's own size and those of the usual ratios with its area, such as `1024x1024`."""
    width, height = parameters.find("width"), parameters.find("height")
    if width is None or height is None:
        return []
    sizes = [f"{_side(width)}x{_side(height)}"]
    for ratio in RATIOS:
        one, other = (float(part) for part in ratio.split(":"))
        found = size_of_ratio(one / other, width, height)
        sizes.append(f"{found['width']}x{found['height']}")
    return list(dict.fromkeys(sizes))


def _side(parameter: Parameter) -> int:
    value = parameter.default
    return int(value) if isinstance(value, (int, float)) and value > 0 else _DEFAULT_SIDE


def _fitted(length: float, parameter: Parameter, multiple: int) -> int:
    fitted = max(multiple, round(length / multiple) * multiple)
    low, high = parameter.minimum or multiple, parameter.maximum
    while fitted < low:
        fitted += multiple
    return fitted if high is None or fitted <= high else int(high) // multiple * multiple
