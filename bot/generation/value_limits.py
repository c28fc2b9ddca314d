"""How large and how long a picture may be that people ask for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

from bot.domain.jobs import JobKind
from bot.errors import InputInvalid
from bot.policy import SizeLimits
from bot.workflows.graph import inputs
from bot.workflows.input_roles import InputRole
from bot.workflows.parameters import parameters_of

if TYPE_CHECKING:
    from bot.domain.jobs import GenerationRequest
    from bot.workflows.parameters import CheckedOverrides, ParameterValue
    from bot.workflows.workflow import Workflow


@dataclass(frozen=True)
class RequestLimits:
    """Limits of what people choose in Discord. What a workflow has of its own is allowed, however large.

    Attributes:
        max_pixels: Of one picture, width times height.
        max_steps: Of a sampler.
        max_batch: Pictures of one job.

    """

    max_pixels: int = 2048 * 2048
    max_steps: int = 150
    max_batch: int = 20

    def within(self, limits: SizeLimits) -> RequestLimits:
        """The smaller ones of these and of what a server has set by `/admin`."""
        return RequestLimits(
            max_pixels=min(self.max_pixels, limits.max_pixels or self.max_pixels),
            max_steps=min(self.max_steps, limits.max_steps or self.max_steps),
            max_batch=min(self.max_batch, limits.max_batch or self.max_batch),
        )

    def check(self, request: GenerationRequest, workflow: Workflow, chosen: CheckedOverrides) -> None:
        """Check sizes, steps and numbers of a request. Requests from the terminal are the owner's and have no limits.

        Args:
            request: Who asks.
            workflow: What has values of its own.
            chosen: As they will be written.

        Raises:
            InputInvalid: It names what is allowed and the setting.

        """
        if not request.requester_id:
            return
        self._check_size(workflow, chosen.roles)
        self._check_steps(workflow, chosen.roles)
        self._check_nodes(workflow, chosen.values, request.kind)

    def _check_steps(self, workflow: Workflow, chosen: Mapping[str, int | float]) -> None:
        steps = chosen.get(InputRole.STEPS)
        self._require_few_steps(steps, _own(workflow, InputRole.STEPS))

    def _require_few_steps(self, steps: float | None, own: float) -> None:
        allowed = max(self.max_steps, own)
        if steps is not None and steps > allowed:
            raise InputInvalid(
                f"{steps:g} steps are more than the {allowed:g} that may be asked for here.",
                advice="Choose fewer; the owner can raise `limits.max_steps`, the server its own in `/admin`.",
            )

    def _check_size(self, workflow: Workflow, chosen: Mapping[str, int | float]) -> None:
        own_width, own_height = _own(workflow, InputRole.WIDTH), _own(workflow, InputRole.HEIGHT)
        width, height = chosen.get(InputRole.WIDTH), chosen.get(InputRole.HEIGHT)
        if width is None and height is None:
            return
        width, height = own_width if width is None else width, own_height if height is None else height
        self._require_small(width, height, own_width * own_height)

    def _require_small(self, width: float, height: float, own: float) -> None:
        allowed = max(self.max_pixels, own)
        if width * height > allowed:
            side = math.isqrt(int(allowed))
            raise InputInvalid(
                f"{width:g} x {height:g} is larger than what may be asked for here, such as {side} x {side}.",
                advice="Choose a smaller size; the limit is in `limits.max_pixels_per_image` or `/admin`.",
            )

    def _check_nodes(self, workflow: Workflow, chosen: Mapping[str, ParameterValue], kind: JobKind) -> None:
        """The same for nodes beside the main ones, such as a second sampler or the scaling of the finished picture."""
        if not chosen:
            return
        changed: dict[str, dict[str, float]] = {}
        parameters = parameters_of(workflow)
        for name, value in chosen.items():
            parameter = parameters.find(name)
            for place in parameter.places if parameter is not None and _is_number(value) else ():
                changed.setdefault(place.node_id, {})[place.input_name] = float(value)
        for node_id, values in changed.items():
            own = {name: value for name, value in inputs(workflow.graph, node_id).items() if _is_number(value)}
            self._check_node(own, own | values)
            if kind is JobKind.IMAGE:  # in a film these are its frames
                self._check_number(own, own | values)

    def _check_node(self, own: Mapping[str, float], values: Mapping[str, float]) -> None:
        for name, value in values.items():
            if value == own.get(name):
                continue
            if name in {"width", "height"}:
                own_pixels = own.get("width", 0) * own.get("height", 0)
                self._require_small(values.get("width", 1), values.get("height", 1), own_pixels)
            elif name == "steps":
                self._require_few_steps(value, own.get(name, 0))

    def _check_number(self, own: Mapping[str, float], values: Mapping[str, float]) -> None:
        for name in ("batch_size", "amount"):
            value, allowed = values.get(name, 0), max(self.max_batch, own.get(name, 0))
            if value > allowed:
                raise InputInvalid(
                    f"{value:g} pictures of one job are more than the {allowed:g} that may be asked for here.",
                    advice="Choose fewer; the owner can raise `batch.max_count`, the server its own in `/admin`.",
                )


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _own(workflow: Workflow, role: InputRole) -> float:
    """The largest number that the workflow has of its own for the role; 0: none."""
    places = workflow.analysis.inputs_for(role)
    values = [inputs(workflow.graph, place.node_id).get(place.input_name) for place in places]
    return max((value for value in values if _is_number(value)), default=0)
