"""The panel of a region: a button for each cell of the grid over a picture, and what is done with the chosen ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import discord

from bot.domain.regions import GRIDS
from bot.errors import InputInvalid
from cogs.ui.components import TURN_ID, Button, button, stateless_view
from cogs.ui.modals import Field, MenuField, stateless_modal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.domain.regions import RegionSelection

_ID: Final = TURN_ID.replace("turn", "selection")
_GRID: Final = rf"(?P<grid>{'|'.join(map(str, GRIDS))})"
REGION_CELL: Final = rf"chorus:region_cell:{_ID}:{_GRID}:(?P<cell>\d{{1,2}}|all):(?P<chosen>0|1)"
"""Custom ids of the buttons of cells. They say what the cell becomes: a press that is repeated changes nothing more."""
REGION_GRID: Final = rf"chorus:region_grid:{_ID}:{_GRID}"
REGION_DRAW: Final = rf"chorus:region_draw:{_ID}"
REGION_FORM: Final = rf"chorus:region_form:{_ID}:(?P<starts>\d{{1,6}})"
"""Custom id of the submitted form, with how many jobs were started from the panel when it was opened."""
PICTURE: Final = "region.jpg"
_OWN_STRENGTH: Final = "own"
_STRENGTHS: Final = (
    (0.3, "30 %: touched up"),
    (0.5, "50 %: alike"),
    (0.7, "70 %: the same shapes"),
    (0.85, "85 %: much is new"),
    (1.0, "100 %: all is new"),
)
_LONGEST_WORDS: Final = 2000


def region_view(selection: RegionSelection) -> discord.ui.View:
    """The grid in rows of buttons, and below them what can be done; at most five rows of five."""
    grid, start = selection.grid, f"{selection.id}:{selection.grid}"
    cells: list[Button] = []
    for cell in range(grid * grid):
        chosen = cell in selection.cells
        cells.append(
            button(
                f"chorus:region_cell:{start}:{cell}:{0 if chosen else 1}",
                f"✓ {cell + 1}" if chosen else str(cell + 1),
                style=discord.ButtonStyle.success if chosen else discord.ButtonStyle.secondary,
                row=cell // grid,
            )
        )
    every = 0 if selection.cells else 1
    other = next(each for each in GRIDS if each != grid)
    return stateless_view(
        *cells,
        button(
            f"chorus:region_draw:{selection.id}",
            "Draw",
            emoji="🖌️",
            style=discord.ButtonStyle.primary,
            disabled=not selection.cells,
            row=grid,
        ),
        button(f"chorus:region_cell:{start}:all:{every}", "All" if every else "None", row=grid),
        button(f"chorus:region_grid:{selection.id}:{other}", f"{other} x {other}", row=grid),
    )


def region_form(selection: RegionSelection, own_strength: float | None) -> discord.ui.Modal:
    """Ask what should be there and how much it changes.

    Args:
        selection: With the words of last time.
        own_strength: As the workflow has it; None: it has none that the person may change.

    """
    fields: list[Field | MenuField] = [
        Field(
            "words",
            "What should be there",
            selection.words,
            placeholder="a red balloon in the sky",
            long=True,
            required=True,
            max_length=_LONGEST_WORDS,
        )
    ]
    if own_strength is not None:
        options = [(f"As in the workflow ({own_strength * 100:.0f} %)", _OWN_STRENGTH)]
        options += [(label, str(value)) for value, label in _STRENGTHS]
        known = {value for value, _ in _STRENGTHS}
        value = str(selection.strength) if selection.strength in known else _OWN_STRENGTH
        fields.append(MenuField("strength", "How much it changes", options, value))
    return stateless_modal("Region", f"chorus:region_form:{selection.id}:{selection.starts}", fields)


def read_region_form(written: Mapping[str, str]) -> tuple[str, float | None]:
    """The words and the strength of a submitted form; None: the workflow's own.

    Raises:
        InputInvalid: There are no words.

    """
    words = written.get("words", "").strip()
    if not words:
        raise InputInvalid("There are no words.", advice="Say what should be there.")
    chosen = written.get("strength", _OWN_STRENGTH)
    return words, next((value for value, _ in _STRENGTHS if str(value) == chosen), None)
