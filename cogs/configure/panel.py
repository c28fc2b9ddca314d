"""The configuration panel as a message of Components V2: every page of parameters with its values and a button."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import discord

from bot.workflows.parameter_pages import shown_value
from bot.workflows.parameters import Parameter, ParameterType
from cogs.configure.forms import short_name
from cogs.ui.components import TURN_ID, button
from cogs.ui.text import clip, escaped

if TYPE_CHECKING:
    from bot.domain.saved_settings import Draft
    from bot.workflows.parameter_pages import ParameterPage

DRAFT_ID: Final = TURN_ID.replace("turn", "draft")
PANEL_ACTION: Final = rf"chorus:draft:(?P<action>run|save|last|defaults|page):{DRAFT_ID}:(?P<at>\d{{1,3}})"
PANEL_EDIT: Final = rf"chorus:draft:edit:{DRAFT_ID}:(?P<at>\d{{1,3}}):(?P<key>[0-9a-f]{{8}})"
PANEL_FORM: Final = rf"chorus:draft:form:{DRAFT_ID}:(?P<at>\d{{1,3}})"
PRESET_FORM: Final = rf"chorus:draft:preset:{DRAFT_ID}:(?P<at>\d{{1,3}})"

PAGES_SHOWN: Final = 8
"""Of parameters at once: Discord takes 40 components and 4000 characters of text in a message."""
_COLOUR: Final = discord.Colour(0x5B7FB5)
_SECTION_CHARS: Final = 420
_MESSAGE_CHARS: Final = 400
_VALUE_CHARS: Final = {ParameterType.LONG_TEXT: 220}
_SHORT_VALUE_CHARS: Final = 60
_COUNTER: Final = 999
"""The page in the custom id of the disabled counter: Discord refuses two components with the same custom id."""


@dataclass(frozen=True, kw_only=True)
class PanelContent:
    """What a panel shows.

    Attributes:
        draft: What the person has set.
        title: Character and workflow.
        notes: What was left out, a sentence each.
        pages: Every page of parameters.
        defaults: Parameter name -> what is used otherwise, where that is not the parameter's own default.
        problems: Parameter name -> why its value cannot be used.
        has_last: There are settings that the person used last.
        can_save: Presets can be saved here.

    """

    draft: Draft
    title: str
    notes: Sequence[str]
    pages: Sequence[ParameterPage]
    defaults: Mapping[str, str]
    problems: Mapping[str, str]
    has_last: bool
    can_save: bool


def panel_view(content: PanelContent, at: int = 0, message: str | None = None) -> discord.ui.LayoutView:
    """The panel, already stopped, so that discord.py keeps nothing of it.

    Args:
        content: What it shows.
        at: Which `PAGES_SHOWN` pages of parameters, from 0.
        message: What happened, at the top.

    """
    last_page = max((len(content.pages) - 1) // PAGES_SHOWN, 0)
    at = min(at, last_page)
    container: discord.ui.Container[Any] = discord.ui.Container(accent_colour=_COLOUR)
    container.add_item(discord.ui.TextDisplay(_head(content, message)))
    for page in content.pages[at * PAGES_SHOWN :][:PAGES_SHOWN]:
        edit = button(f"chorus:draft:edit:{content.draft.id}:{at}:{page.key}", "Change")
        container.add_item(discord.ui.Section(discord.ui.TextDisplay(_page_text(content, page)), accessory=edit))
    if last_page:
        container.add_item(_turning(content.draft, at, last_page))
    container.add_item(_actions(content, at))
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(container)
    view.stop()
    return view


def _head(content: PanelContent, message: str | None) -> str:
    lines = [f"## {clip(escaped(content.title), 120)}"]
    if message:
        lines.append(clip(message, _MESSAGE_CHARS))
    lines += [f"-# {clip(note, 110)}" for note in content.notes[:2]]
    return clip("\n".join(lines), 4000 - PAGES_SHOWN * _SECTION_CHARS)


def _page_text(content: PanelContent, page: ParameterPage) -> str:
    """The title and a line for each value; what the person has set is bold."""
    lines = [f"### {clip(escaped(page.title), 60)}"]
    room = _SECTION_CHARS - len(lines[0])
    for n, parameter in enumerate(page.parameters):
        line = clip(_line(content, parameter), max(room // (len(page.parameters) - n) - 1, 20))
        room -= len(line) + 1
        lines.append(line)
    return "\n".join(lines)


def _line(content: PanelContent, parameter: Parameter) -> str:
    name, values = parameter.name, content.draft.values
    own = content.defaults.get(name, shown_value(parameter.default))
    value = " ".join(shown_value(values.get(name, own)).split())
    shown = escaped(clip(value, _VALUE_CHARS.get(parameter.type, _SHORT_VALUE_CHARS))) or _nothing(parameter)
    label = escaped(clip(short_name(parameter), 40))
    line = f"{label}: **{shown}**" if name in values else f"{label}: {shown}"
    problem = content.problems.get(name)
    return f"⚠️ {line}. {problem}" if problem else line


def _nothing(parameter: Parameter) -> str:
    return "a new one each time" if parameter.type is ParameterType.SEED else "as in the workflow"


def _turning(draft: Draft, at: int, last: int) -> discord.ui.ActionRow[Any]:
    def turn(label: str, to: int, *, disabled: bool) -> Any:
        return button(f"chorus:draft:page:{draft.id}:{to}", label, disabled=disabled)

    return discord.ui.ActionRow(
        turn("◀", max(at - 1, 0), disabled=at == 0),
        turn(f"{at + 1} / {last + 1}", _COUNTER, disabled=True),
        turn("▶", min(at + 1, last), disabled=at == last),
    )


def _actions(content: PanelContent, at: int) -> discord.ui.ActionRow[Any]:
    draft = content.draft
    items = [button(f"chorus:draft:run:{draft.id}:{at}", "Run", style=discord.ButtonStyle.primary)]
    if content.can_save:
        items.append(button(f"chorus:draft:save:{draft.id}:{at}", "Save as preset"))
    if content.has_last:
        items.append(button(f"chorus:draft:last:{draft.id}:{at}", "As last time"))
    items.append(button(f"chorus:draft:defaults:{draft.id}:{at}", "Back to defaults"))
    return discord.ui.ActionRow(*items)
