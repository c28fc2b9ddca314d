"""Buttons that work after a restart: everything a press needs is in the `custom_id`, the rest in the database.

A view of such buttons is sent already stopped. discord.py 2.7 keeps every unfinished view in memory, which would be
lost in a restart; of a stopped view it keeps nothing. Presses arrive at `cogs.component_router`, which finds the
handler by the custom id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import discord

JOB_ID: Final = r"(?P<job>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
TURN_ID: Final = r"(?P<turn>[0-9a-f-]{36})"

Button = discord.ui.Button[Any]


def button(
    custom_id: str,
    label: str | None = None,
    *,
    emoji: str | None = None,
    style: discord.ButtonStyle = discord.ButtonStyle.secondary,
    disabled: bool = False,
    row: int | None = None,
) -> Button:
    """A button without a callback; `row` 0 to 4 is chosen by discord.py if it is None."""
    return discord.ui.Button(custom_id=custom_id, label=label, emoji=emoji, style=style, disabled=disabled, row=row)


def job_button(action: str, job_id: UUID, label: str, *, emoji: str | None = None, **options: Any) -> Button:
    """A button about one job: `chorus:<action>:<job id>`."""
    return button(f"chorus:{action}:{job_id}", label, emoji=emoji, **options)


def job_action(action: str) -> str:
    """The pattern of a `job_button` with this action."""
    return f"chorus:{action}:{JOB_ID}"


def stateless_view(*items: discord.ui.Item[Any]) -> discord.ui.View:
    """A view of these buttons and menus, already stopped."""
    view = discord.ui.View(timeout=None)
    for each in items:
        view.add_item(each)
    view.stop()
    return view


def page_button(custom_id: Callable[[int], str], page: int, last: int, step: int) -> Button:
    """The button that leads back (`step` -1) or on (1) from a page of `0..last`.

    Args:
        custom_id: Makes the custom id of a page.
        page: The page that is shown.
        last: The last page.
        step: The direction.

    """
    to = page + step
    outside = not 0 <= to <= last
    # Both buttons of a message need custom ids of their own, also where they are disabled.
    return button(custom_id(9_998 + (step > 0) if outside else to), "◀" if step < 0 else "▶", disabled=outside)


def page_buttons(custom_id: Callable[[int], str], page: int, last: int) -> discord.ui.View:
    """A view with both buttons of `page_button`; empty where there is one page only."""
    return stateless_view(*(page_button(custom_id, page, last, step) for step in (-1, 1) if last))
