"""What was found in a workflow, as an embed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import discord

from bot.workflows import SHARED, InputRole
from bot.workflows.parameters import OpenTo
from cogs.ui.embeds import RESULT_COLOUR
from cogs.ui.text import EMBED_FIELD_VALUE, clip, escaped

if TYPE_CHECKING:
    from bot.domain.workflow_history import WorkflowPlace
    from bot.errors import ChorusError
    from bot.workflows import WorkflowDescription
    from bot.workflows.model_files import ModelFile
    from bot.workflows.parameters import Parameter

_MAX_VALUE: Final = 60
_MAX_LINES: Final = 12


def place_name(place: WorkflowPlace) -> str:
    """`portrait` · image · nova, for a sentence or a title."""
    owner = "every character" if place.character_id == SHARED else place.character_id
    return f"{escaped(place.name)} · {place.kind.value} · {owner}"


def description_embed(
    place: WorkflowPlace, description: WorkflowDescription, notes: Sequence[str] = ()
) -> discord.Embed:
    """What takes which value, what can be changed, what is needed and lacking, and what is wrong with it.

    Args:
        place: Where the workflow belongs.
        description: What was found in it.
        notes: What its conversion changed.

    """
    embed = discord.Embed(title=clip(place_name(place), 256), colour=RESULT_COLOUR)
    _add(embed, "Found", _roles(description))
    _add(embed, "Can be changed", [_parameters(description.parameters)])
    outputs = [f"{escaped(clip(node.title, _MAX_VALUE))} ({node.node_id[:20]})" for node in description.output_nodes]
    _add(embed, "Makes", [", ".join(outputs[:6])] if outputs else ["nothing that is saved"])
    _add(embed, "Needs", list(_needs(description)))
    _add(embed, "Problems", [_problem(error) for error in description.problems])
    _add(embed, "Notes", [escaped(clip(note, 200)) for note in notes])
    return embed


def _add(embed: discord.Embed, name: str, lines: Sequence[str]) -> None:
    """A field, if there is something in it."""
    shown = [line for line in lines if line]
    if not shown:
        return
    if len(shown) > _MAX_LINES:
        shown = [*shown[:_MAX_LINES], f"and {len(shown) - _MAX_LINES} more"]
    embed.add_field(name=name, value=clip("\n".join(shown), min(EMBED_FIELD_VALUE, 900)), inline=False)


def _roles(description: WorkflowDescription) -> list[str]:
    lines: list[str] = []
    for role in description.roles:
        if role.candidates:
            listed = ", ".join(f"`{_code(str(candidate))}`" for candidate in role.candidates[:5])
            lines.append(f"**{role.label}**: several could be it ({listed}); choose with Bind")
        elif role.inputs:
            listed = "; ".join(
                f"{escaped(clip(found.node_title, 40))} `{_code(str(found.node_input))}`{_now(role.role, found.value)}"
                for found in role.inputs[:3]
            )
            lines.append(f"**{role.label}**: {listed}")
        elif role.role in {InputRole.POSITIVE, InputRole.SEED}:
            lines.append(f"**{role.label}**: none")
    return lines


def _now(role: InputRole, value: Any) -> str:
    if value is None or (role in {InputRole.POSITIVE, InputRole.NEGATIVE, InputRole.TEXT} and not str(value).strip()):
        return ""
    return f" now {escaped(clip(' '.join(str(value).split()), _MAX_VALUE))}"


def _parameters(parameters: Sequence[Parameter]) -> str:
    open_ones = [each for each in parameters if each.open_to is OpenTo.EVERYONE]
    names = [f"`{_code(each.name)}`{_range(each)}" for each in open_ones[:15]]
    more = len(parameters) - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 and names else "")


def _range(parameter: Parameter) -> str:
    if parameter.choices is not None:
        return f" (one of {len(parameter.choices)})"
    if parameter.minimum is None or parameter.maximum is None or parameter.name == "seed":
        return ""
    return f" ({parameter.minimum:g} to {parameter.maximum:g})"


def _needs(description: WorkflowDescription) -> Iterator[str]:
    missing = [required.name for required in description.classes if required.installed is False]
    if missing:
        yield "nodes that ComfyUI lacks: " + ", ".join(escaped(clip(name, _MAX_VALUE)) for name in missing[:8])
    lacking = [model for model in description.models if model.installed is False]
    for model in lacking[:6]:
        yield _missing_model(model)
    if any(required.installed is None for required in description.classes):
        yield "ComfyUI does not answer, so what it lacks is not known."
    elif not missing and not lacking:
        models = ", ".join(escaped(clip(model.name, _MAX_VALUE)) for model in description.models[:4])
        yield f"everything is installed{f': {models}' if models else ''}"


def _missing_model(model: ModelFile) -> str:
    near = f"; the nearest is {escaped(clip(model.nearest[0], _MAX_VALUE))}" if model.nearest else ""
    return f"a model that ComfyUI lacks: {escaped(clip(model.name, _MAX_VALUE))}{near}"


def _problem(error: ChorusError) -> str:
    return f"{escaped(clip(error.message, 250))} `{error.code}`"


def _code(text: str) -> str:
    """Text for inline code."""
    return clip(text.replace("`", "'"), _MAX_VALUE)
