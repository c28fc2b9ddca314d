"""What a benchmark reports, and what becomes of it: a table and a JSON file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Measure:
    """One number. `at_most` is the target; None where there is none and the number is for comparison."""

    name: str
    value: float
    unit: str
    at_most: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.at_most is None else self.value <= self.at_most


@dataclass
class Report:
    """Filled by one benchmark."""

    title: str = ""
    measures: list[Measure] = field(default_factory=list[Measure])
    problem: str = ""
    """Why the benchmark did not end."""

    def measured(self, name: str, value: float, unit: str, *, at_most: float | None = None, note: str = "") -> None:
        """Report a number.

        Args:
            name: What was measured, as a row of the table.
            value: In `unit`.
            unit: `ms`, `s`, `MB`, `x` (a ratio), `%` or a plain word.
            at_most: The target of the issue it comes from.
            note: What makes the number what it is: samples, sizes, what it is compared with.

        """
        self.measures.append(Measure(name, value, unit, at_most, note))

    @property
    def met(self) -> bool:
        """It ended, and no target was missed."""
        return not self.problem and all(measure.met is not False for measure in self.measures)

    def as_json(self) -> dict[str, Any]:
        """For the results file."""
        measures = [asdict(measure) | {"met": measure.met} for measure in self.measures]
        return {"title": self.title, "problem": self.problem, "measures": measures}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Report:
        """What `as_json` wrote."""
        measures = [
            Measure(**{key: value for key, value in entry.items() if key != "met"}) for entry in data["measures"]
        ]
        return cls(data["title"], measures, data["problem"])
