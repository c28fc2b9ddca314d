"""How large and how long a picture may be that people ask for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import InputInvalid
from bot.workflows.graph import inputs
from bot.workflows.input_roles import InputRole

if TYPE_CHECKING:
    from bot.domain.jobs import GenerationRequest
    from bot.workflows.workflow import Workflow


@dataclass(frozen=True)
class RequestLimits:
    """Limits of what people choose in Discord. What a workflow has of its own is allowed, however large.

    Attributes:
        max_pixels: Of one picture, width times height.
        max_steps: Of a sampler.

    """

    max_pixels: int = 2048 * 2048
    max_steps: int = 150

    def check(self, request: GenerationRequest, workflow: Workflow, chosen: Mapping[str, int | float]) -> None:
        """Check the size and the steps of a request. Requests from the terminal are the owner's and have no limits.

        Args:
            request: Who asks.
            workflow: What has values of its own.
            chosen: `width`, `height` and `steps` as they will be written, as far as the person chose them.

        Raises:
            InputInvalid: It names what is allowed and the setting.

        """
        if not request.requester_id:
            return
        self._check_size(workflow, chosen)
        steps, allowed = chosen.get(InputRole.STEPS), max(self.max_steps, _own(workflow, InputRole.STEPS))
        if steps is not None and steps > allowed:
            raise InputInvalid(
                f"{steps:g} steps are more than the {allowed:g} that may be asked for here.",
                advice="Choose fewer; the owner can raise `limits.max_steps`.",
            )

    def _check_size(self, workflow: Workflow, chosen: Mapping[str, int | float]) -> None:
        own_width, own_height = _own(workflow, InputRole.WIDTH), _own(workflow, InputRole.HEIGHT)
        width, height = chosen.get(InputRole.WIDTH), chosen.get(InputRole.HEIGHT)
        if width is None and height is None:
            return
        width, height = own_width if width is None else width, own_height if height is None else height
        allowed = max(self.max_pixels, own_width * own_height)
        if width * height > allowed:
            side = math.isqrt(int(allowed))
            raise InputInvalid(
                f"{width:g} x {height:g} is larger than what may be asked for here, such as {side} x {side}.",
                advice="Choose a smaller size; the owner can raise `limits.max_pixels_per_image`.",
            )


def _own(workflow: Workflow, role: InputRole) -> float:
    """The largest number that the workflow has of its own for the role; 0: none."""
    places = workflow.analysis.inputs_for(role)
    values = [inputs(workflow.graph, place.node_id).get(place.input_name) for place in places]
    return max((value for value in values if isinstance(value, int | float) and not isinstance(value, bool)), default=0)
