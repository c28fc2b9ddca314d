"""All parameters of a workflow, found by name, other spelling or node and input."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from bot.workflows.parameter_names import canonical_name
from bot.workflows.parameters.parameter import OpenTo, Parameter

_LONGEST_NAME = 80


class WorkflowParameters:
    """The parameters of one version of a workflow, well-known ones first.

    Args:
        parameters: In the order in which they are offered.
        other_names: Further names -> the name of the parameter: inputs that take its value through links, and
            `guidance` where only `cfg` exists.

    """

    def __init__(self, parameters: Sequence[Parameter], other_names: Mapping[str, str]) -> None:
        self._parameters = tuple(parameters)
        self._by_name = {parameter.name: parameter for parameter in self._parameters}
        self._other_names = dict(other_names)
        for parameter in self._parameters:
            for place in parameter.places:
                self._other_names.setdefault(str(place), parameter.name)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def find(self, name: str) -> Parameter | None:
        """Return the parameter of that name, in any spelling, or of that node and input (`12.shift`)."""
        for candidate in (name.strip(), canonical_name(name)):
            known = self._by_name.get(candidate) or self._by_name.get(self._other_names.get(candidate, ""))
            if known is not None:
                return known
        return None

    def nearest(self, name: str, count: int = 3) -> list[str]:
        """Return the most similar names of parameters that somebody may change."""
        open_names = [parameter.name for parameter in self._parameters if parameter.open_to is not OpenTo.NOBODY]
        return difflib.get_close_matches(canonical_name(name)[:_LONGEST_NAME], open_names, n=count, cutoff=0.3)
