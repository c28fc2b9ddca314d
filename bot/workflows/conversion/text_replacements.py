"""`%Node.widget%` and `%date:...%` in the `filename_prefix` of Save nodes, which ComfyUI's editor replaces."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

_MARK = re.compile(r"%([^%]+)%")
_FORBIDDEN = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')
_DATE_PART = re.compile(r"d{1,2}|M{1,2}|h{1,2}|m{1,2}|s{1,2}|yyyy|yy")
_SAVERS: Final = frozenset({"CLIPSave", "VAESave", "ModelSave", "LoraSave"})
DATE: Final = "date:"


def has_replacements(node_class: str, input_name: str) -> bool:
    """Whether the editor replaces marks in that input: the file name of a node that saves something."""
    return input_name == "filename_prefix" and (node_class.startswith("Save") or node_class in _SAVERS)


def replace_marks(text: str, widget_text: Callable[[str, str], str | None], now: datetime | None) -> str:
    """Return the text with its marks replaced; marks that name nothing stay.

    Args:
        text: What the widget holds.
        widget_text: Returns the value of a widget by the node's name and the widget's name; None: there is none.
        now: The local time for `%date:yyyy-MM-dd%`; None leaves these marks.

    """

    def replacement(found: re.Match[str]) -> str:
        parts = found[1].split(".")
        if len(parts) == 2:
            value = widget_text(*parts)
            return found[0] if value is None else _FORBIDDEN.sub("_", value)
        if len(parts) == 1 and parts[0].startswith(DATE) and now is not None:
            return format_date(parts[0].removeprefix(DATE), now)
        return found[0]

    return _MARK.sub(replacement, text)


def format_date(pattern: str, moment: datetime) -> str:
    """Return the moment by a pattern of `yyyy`, `yy`, `MM`, `M`, `dd`, `d`, `hh`, `h`, `mm`, `m`, `ss` and `s`."""
    numbers = {"d": moment.day, "M": moment.month, "h": moment.hour, "m": moment.minute, "s": moment.second}

    def part(found: re.Match[str]) -> str:
        name = found[0]
        if name[0] == "y":
            return f"{moment.year:04}"[-len(name) :]
        return f"{numbers[name[0]]:0{len(name)}}"

    return _DATE_PART.sub(part, pattern)
