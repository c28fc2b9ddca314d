"""Placeholders in a workflow's texts: finding them in every dialect in use, and replacing them by values.

| dialect | example |
|---|---|
| Chorus | `__CHORUS_PROMPT__ __CHORUS_SEED__` |
| bare words | `PROMPT_PLACEHOLDER SEED_PLACEHOLDER` |
| braces | `{{PROMPT}} {{NEGATIVE}} {{SEED}}` |
| SillyTavern | `%prompt% %negative_prompt% %seed% %steps% %scale% %width% %height%` |
| comfyui-mcp-server | `PARAM_PROMPT PARAM_INT_STEPS PARAM_FLOAT_CFG` |
| Pixelle, in a node's title | `$prompt.value!` (the parameter, and the input that it is written into) |

ComfyUI itself replaces `%date%`, and `%width%`, `%seed%` and the like in file names; those are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, cast

from bot.workflows.errors import NotAGraph
from bot.workflows.graph import Graph, NodeInput, inputs, is_link
from bot.workflows.input_roles import NUMERIC_ROLES, InputRole

MODEL_PLACEHOLDER = "__CHORUS_MODEL__"
"""In `CheckpointLoaderSimple.ckpt_name`: any model that ComfyUI has (`bot.workflows.families`)."""
MAX_TEXT_CHARS = 1_000_000
"""Longer texts are not searched for placeholders: they are embedded files (base64), not prompts."""
MAX_USES = 10_000
"""Of placeholders in one workflow."""

_ROLES_BY_WORD: dict[str, InputRole] = {
    "PROMPT": InputRole.POSITIVE,
    "POSITIVE": InputRole.POSITIVE,
    "POSITIVE_PROMPT": InputRole.POSITIVE,
    "PROMPT_TEXT": InputRole.POSITIVE,
    "USER_PROMPT": InputRole.POSITIVE,
    "TEXT_PROMPT": InputRole.POSITIVE,
    "NEGATIVE": InputRole.NEGATIVE,
    "NEGATIVE_PROMPT": InputRole.NEGATIVE,
    "SEED": InputRole.SEED,
    "NOISE_SEED": InputRole.SEED,
    "RANDOM_SEED": InputRole.SEED,
    "TEXT": InputRole.TEXT,
    "SPEECH": InputRole.TEXT,
    "VOICE_SAMPLE": InputRole.VOICE_SAMPLE,
    "VOICE_TRANSCRIPT": InputRole.VOICE_TRANSCRIPT,
    "REFERENCE_IMAGE": InputRole.REFERENCE_IMAGE,
    "INPUT_IMAGE": InputRole.REFERENCE_IMAGE,
    "IMAGE": InputRole.REFERENCE_IMAGE,
    "CHARACTER_NAME": InputRole.CHARACTER_NAME,
    "WIDTH": InputRole.WIDTH,
    "HEIGHT": InputRole.HEIGHT,
    "STEPS": InputRole.STEPS,
    "CFG": InputRole.CFG,
    "CFG_SCALE": InputRole.CFG,
    "SCALE": InputRole.CFG,
    "GUIDANCE": InputRole.CFG,
}
"""The word of a placeholder in upper case -> the role of the value."""

_CHORUS_WORDS = (
    "PROMPT", "NEGATIVE", "SEED", "TEXT", "VOICE_SAMPLE", "VOICE_TRANSCRIPT", "REFERENCE_IMAGE", "CHARACTER_NAME",
    "WIDTH", "HEIGHT", "STEPS", "CFG",
)  # fmt: skip
_PERCENT_WORDS = "prompt|positive_prompt|negative_prompt|negative|seed|steps|scale|cfg|width|height"
_ANY_WORD = "|".join(sorted(_ROLES_BY_WORD, key=len, reverse=True))

_TOKEN = re.compile(
    rf"__CHORUS_(?P<chorus>{'|'.join(_CHORUS_WORDS)})__"
    rf"|(?<![A-Za-z0-9_])(?P<bare>{_ANY_WORD})_PLACEHOLDER(?![A-Za-z0-9_])"
    rf"|(?<![A-Za-z0-9_])PARAM_(?:(?:INT|FLOAT|STR|STRING)_)?(?P<param>{_ANY_WORD})(?![A-Za-z0-9_])"
    rf"|\{{\{{\s*(?=[A-Za-z])(?i:(?P<braces>{_ANY_WORD}))\s*\}}\}}"
    rf"|%(?=[A-Za-z])(?i:(?P<percent>{_PERCENT_WORDS}))%",
)
_PIXELLE_TITLE = re.compile(r"^\$(?P<word>[A-Za-z_]\w*)\.~?(?P<input>\w+)!?(?::.*)?$", re.DOTALL)
_FILE_NAME_INPUT = re.compile(r"prefix|file_?name|path", re.IGNORECASE)
_FILE_NAME_TOKENS = frozenset({"%width%", "%height%", "%seed%", "%steps%", "%cfg%", "%scale%"})


class Placeholder(NamedTuple):
    """One placeholder in a text, at `text[start:end]`."""

    token: str
    role: InputRole
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class PlaceholderUse:
    """One placeholder in an input of a graph."""

    node_input: NodeInput
    role: InputRole
    token: str
    """As it stands in the text, such as `{{PROMPT}}`."""
    whole: bool
    """Whether the text is nothing but the placeholder; the value then keeps its own type."""
    path: tuple[str | int, ...] = ()
    """Keys and indexes into a nested value (rgthree's nodes have dictionaries as inputs); empty: the input itself."""


def find_placeholders(text: str, input_name: str = "") -> list[Placeholder]:
    """Return the placeholders of a text from left to right.

    Args:
        text: The text of an input.
        input_name: In the input of a file name, `%width%` and the like are ComfyUI's own and do not count.

    """
    if len(text) > MAX_TEXT_CHARS:
        return []
    in_file_name = bool(_FILE_NAME_INPUT.search(input_name))
    found: list[Placeholder] = []
    for match in _TOKEN.finditer(text):
        if in_file_name and match[0].lower() in _FILE_NAME_TOKENS:
            continue
        word = next(value for value in match.groups() if value is not None)
        found.append(Placeholder(match[0], _ROLES_BY_WORD[word.upper()], match.start(), match.end()))
    return found


def placeholder_uses(graph: Graph) -> tuple[PlaceholderUse, ...]:
    """Return every placeholder in the inputs of a graph, also those inside of nested values.

    Raises:
        NotAGraph: There are more than `MAX_USES`.

    """
    found = tuple(islice(_uses(graph), MAX_USES + 1))
    if len(found) > MAX_USES:
        raise NotAGraph(f"The workflow has more than {MAX_USES:,} placeholders.")
    return found


def input_named_by_title(title: str, names: Collection[str]) -> tuple[InputRole, str] | None:
    """Return the role and input that a title such as `$prompt.value!` names, or None.

    Args:
        title: The node's title.
        names: The names of the node's literal inputs; a title that names another input is ignored.

    """
    match = _PIXELLE_TITLE.match(title.strip())
    if match is None or match["input"] not in names:
        return None
    role = _ROLES_BY_WORD.get(match["word"].upper())
    return None if role is None else (role, match["input"])


def substitute(text: str, value_of: Callable[[InputRole], Any], input_name: str = "") -> Any:
    """Return the text with its placeholders replaced, in one pass: placeholders inside of a value are left alone.

    A text that is nothing but a placeholder becomes the value itself with its type, so that a seed stays an integer; in
    a longer text the value is written as text.

    Args:
        text: The text of an input.
        value_of: Returns the value of a role.
        input_name: The name of the input, as for `find_placeholders`.

    """
    found = find_placeholders(text, input_name)
    if not found:
        return text
    if is_whole(text, found):
        return value_of(found[0].role)
    parts: list[str] = []
    at = 0
    for placeholder in found:
        parts += (text[at : placeholder.start], str(value_of(placeholder.role)))
        at = placeholder.end
    return "".join((*parts, text[at:]))


def is_whole(text: str, found: list[Placeholder]) -> bool:
    """Whether a text is nothing but one placeholder; spaces around one for a number do not count."""
    if len(found) != 1:
        return False
    return (text.strip() if found[0].role in NUMERIC_ROLES else text) == found[0].token


def _uses(graph: Graph) -> Iterator[PlaceholderUse]:
    for node_id in graph:
        for name, value in inputs(graph, node_id).items():
            if isinstance(value, str):
                yield from _uses_in_text(NodeInput(node_id, name), value, ())
            elif not is_link(value):
                yield from _uses_in_nested_value(NodeInput(node_id, name), value)


def _uses_in_text(target: NodeInput, text: str, path: tuple[str | int, ...]) -> Iterator[PlaceholderUse]:
    found = find_placeholders(text, target.input_name)
    whole = is_whole(text, found)
    for placeholder in found:
        yield PlaceholderUse(target, placeholder.role, placeholder.token, whole, path)


def _uses_in_nested_value(target: NodeInput, value: Any) -> Iterator[PlaceholderUse]:
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while waiting:
        path, here = waiting.pop()
        if isinstance(here, str):
            yield from _uses_in_text(target, here, path)
        elif isinstance(here, dict):
            waiting += [((*path, key), child) for key, child in cast("dict[str, Any]", here).items()]
        elif isinstance(here, list):
            waiting += [((*path, at), child) for at, child in enumerate(cast("list[Any]", here))]
