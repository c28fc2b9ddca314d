"""What was found in a workflow, as an embed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

import discord

from bot.workflows import SHARED, InputRole
from bot.workflows.parameters import OpenTo
from cogs.ui.embeds import RESULT_COLOUR
from cogs.ui.text import clip, escaped

if TYPE_CHECKING:
    from bot.domain.workflow_history import WorkflowPlace
    from bot.errors import ChorusError
    from bot.workflows import WorkflowDescription
    from bot.workflows.memory_estimate import MemoryEstimate
    from bot.workflows.model_files import ModelFile
    from bot.workflows.parameters import Parameter
    from bot.workflows.template_gallery import TemplateModel

_MAX_VALUE: Final = 60
_MAX_LINES: Final = 12
_MAX_ADDRESS: Final = 300
_FIELD: Final = 900
"""Six such fields and the title fit an embed."""
_MORE: Final = 16


def place_name(place: WorkflowPlace) -> str:
    """`portrait` · image · nova, for a sentence or a title."""
    owner = "every character" if place.character_id == SHARED else place.character_id
    return f"{escaped(place.name)} · {place.kind.value} · {owner}"


def description_embed(
    place: WorkflowPlace,
    description: WorkflowDescription,
    notes: Sequence[str] = (),
    *,
    memory: MemoryEstimate | None = None,
    downloads: Sequence[TemplateModel] = (),
) -> discord.Embed:
    """What takes which value, what can be changed, what is needed and lacking, and what is wrong with it.

    Args:
        place: Where the workflow belongs.
        description: What was found in it.
        notes: What its conversion changed.
        memory: What the sizes of its models say; None: it loads none, or ComfyUI does not answer.
        downloads: Where its models can be had.

    """
    embed = discord.Embed(title=clip(place_name(place), 256), colour=RESULT_COLOUR)
    _add(embed, "Found", _roles(description))
    _add(embed, "Can be changed", [_parameters(description.parameters)])
    outputs = [f"{escaped(clip(node.title, _MAX_VALUE))} ({node.node_id[:20]})" for node in description.output_nodes]
    _add(embed, "Makes", [", ".join(outputs[:6])] if outputs else ["nothing that is saved"])
    _add(embed, "Needs", [*_needs(description, downloads), *_memory(memory)])
    _add(embed, "Problems", [_problem(error) for error in description.problems])
    _add(embed, "Warnings", [escaped(clip(warning, 200)) for warning in description.warnings])
    _add(embed, "Notes", [escaped(clip(note, 200)) for note in notes])
    return embed


def _add(embed: discord.Embed, name: str, lines: Sequence[str]) -> None:
    """A field, if there is something in it."""
    shown = [line for line in lines if line]
    if not shown:
        return
    # Whole lines only: a part of an address would lead somewhere else.
    lengths = accumulate(len(line) + 1 for line in shown)
    fitting = max(1, sum(length <= _FIELD - _MORE for length in lengths))
    count = min(len(shown), _MAX_LINES, fitting)
    more = [f"and {len(shown) - count} more"] if count < len(shown) else []
    embed.add_field(name=name, value=clip("\n".join([*shown[:count], *more]), _FIELD), inline=False)


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


def _needs(description: WorkflowDescription, downloads: Sequence[TemplateModel]) -> Iterator[str]:
    missing = [required.name for required in description.classes if required.installed is False]
    if missing:
        yield "nodes that ComfyUI lacks: " + ", ".join(escaped(clip(name, _MAX_VALUE)) for name in missing[:8])
    lacking = [model for model in description.models if model.installed is False]
    for model in lacking[:6]:
        yield _missing_model(model, downloads)
    if any(required.installed is None for required in description.classes):
        yield "ComfyUI does not answer, so what it lacks is not known."
    elif not missing and not lacking:
        models = ", ".join(escaped(clip(model.name, _MAX_VALUE)) for model in description.models[:4])
        yield f"everything is installed{f': {models}' if models else ''}"


def _missing_model(model: ModelFile, downloads: Sequence[TemplateModel]) -> str:
    name = escaped(clip(model.name, _MAX_VALUE))
    file_name = model.name.replace("\\", "/").rsplit("/", 1)[-1]
    source = next((each for each in downloads if file_name == each.name and each.folder), None)
    if source is not None:
        return f"a model that ComfyUI lacks: {name}; {where_from(source)}"
    near = f"; the nearest is {escaped(clip(model.nearest[0], _MAX_VALUE))}" if model.nearest else ""
    return f"a model that ComfyUI lacks: {name}{near}"


def where_from(model: TemplateModel) -> str:
    """Where a missing model goes, and the page to download it from."""
    folder = f"it goes into `models/{_code(model.folder)}`"
    has_page = model.url is not None and len(model.url) <= _MAX_ADDRESS and not re.search(r"[\s<>]", model.url)
    return f"{folder}: <{model.url}>" if has_page else folder


def _memory(memory: MemoryEstimate | None) -> Iterator[str]:
    """The expected class of graphics card, by the sizes of the models."""
    if memory is None:
        return
    missing = ", ".join(escaped(clip(name, _MAX_VALUE)) for name in memory.unknown[:2])
    if not memory.largest_bytes:
        yield f"graphics memory: not known, because ComfyUI does not tell how large {missing} is"
        return
    size = memory.class_gigabytes
    card = f"{size} GB" if size is not None else "more than 96 GB"
    known = f"its models have {gigabytes(memory.total_bytes)}, the largest {gigabytes(memory.largest_bytes)}"
    if memory.unknown:
        yield f"graphics memory: at least the class of {card} ({known}; the size of {missing} is not known)"
    else:
        yield f"graphics memory: the class of {card} ({known})"


def gigabytes(size: int) -> str:
    """`6.9 GB`, `320 MB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6))} MB"


def _problem(error: ChorusError) -> str:
    return f"{escaped(clip(error.message, 250))} `{error.code}`"


def _code(text: str) -> str:
    """Text for inline code."""
    return clip(text.replace("`", "'"), _MAX_VALUE)
