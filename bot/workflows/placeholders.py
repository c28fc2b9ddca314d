"""Placeholders in all the dialects people have, and substitution in one pass.

| dialect | example |
|---|---|
| Chorus | `__CHORUS_PROMPT__ __CHORUS_SEED__` |
| bare words | `PROMPT_PLACEHOLDER SEED_PLACEHOLDER` |
| braces | `{{PROMPT}} {{NEGATIVE}} {{SEED}}` |
| SillyTavern | `%prompt% %negative_prompt% %seed% %steps% %scale% %width% %height%` |
| comfyui-mcp-server | `PARAM_PROMPT PARAM_INT_STEPS PARAM_FLOAT_CFG` |
| Pixelle, in a node's title | `$prompt.value!` (the parameter, and the input it goes to) |

`%date%`-like tokens and `%width%` in a file name are ComfyUI's own and stay what they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

from bot.workflows.graph import Graph, Target, inputs, is_link
from bot.workflows.roles import NUMERIC_ROLES, Role

_WORDS: dict[str, Role] = {
    "PROMPT": Role.POSITIVE,
    "POSITIVE": Role.POSITIVE,
    "POSITIVE_PROMPT": Role.POSITIVE,
    "PROMPT_TEXT": Role.POSITIVE,
    "USER_PROMPT": Role.POSITIVE,
    "TEXT_PROMPT": Role.POSITIVE,
    "NEGATIVE": Role.NEGATIVE,
    "NEGATIVE_PROMPT": Role.NEGATIVE,
    "SEED": Role.SEED,
    "NOISE_SEED": Role.SEED,
    "RANDOM_SEED": Role.SEED,
    "TEXT": Role.TEXT,
    "SPEECH": Role.TEXT,
    "VOICE_SAMPLE": Role.VOICE_SAMPLE,
    "VOICE_TRANSCRIPT": Role.VOICE_TRANSCRIPT,
    "REFERENCE_IMAGE": Role.REFERENCE_IMAGE,
    "INPUT_IMAGE": Role.REFERENCE_IMAGE,
    "IMAGE": Role.REFERENCE_IMAGE,
    "CHARACTER_NAME": Role.CHARACTER_NAME,
    "WIDTH": Role.WIDTH,
    "HEIGHT": Role.HEIGHT,
    "STEPS": Role.STEPS,
    "CFG": Role.CFG,
    "CFG_SCALE": Role.CFG,
    "SCALE": Role.CFG,
    "GUIDANCE": Role.CFG,
}
"""What stands between the marks, upper case -> role."""

_CHORUS = (
    "PROMPT", "NEGATIVE", "SEED", "TEXT", "VOICE_SAMPLE", "VOICE_TRANSCRIPT", "REFERENCE_IMAGE", "CHARACTER_NAME",
    "WIDTH", "HEIGHT", "STEPS", "CFG",
)  # fmt: skip
_PERCENT = "prompt|positive_prompt|negative_prompt|negative|seed|steps|scale|cfg|width|height"
_ANY_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))

_TOKEN = re.compile(
    rf"__CHORUS_(?P<chorus>{'|'.join(_CHORUS)})__"
    rf"|(?<![A-Za-z0-9_])(?P<bare>{_ANY_WORD})_PLACEHOLDER(?![A-Za-z0-9_])"
    rf"|(?<![A-Za-z0-9_])PARAM_(?:(?:INT|FLOAT|STR|STRING)_)?(?P<param>{_ANY_WORD})(?![A-Za-z0-9_])"
    rf"|\{{\{{\s*(?i:(?P<braces>{_ANY_WORD}))\s*\}}\}}"
    rf"|%(?i:(?P<percent>{_PERCENT}))%",
)
_TITLE = re.compile(r"^\$(?P<word>[A-Za-z_]\w*)\.~?(?P<input>\w+)!?(?::.*)?$", re.DOTALL)
_LOOKS_LIKE_ONE = re.compile(r"%[a-z_]+%|\{\{[^{}]{1,40}\}\}|__[A-Z_]+__|[A-Z_]+_PLACEHOLDER|PARAM_[A-Z_]+")
_FILE_NAME_INPUT = re.compile(r"prefix|file_?name|path", re.IGNORECASE)
_FILE_NAME_TOKENS = frozenset({"%width%", "%height%", "%seed%", "%steps%", "%cfg%", "%scale%"})


class Found(NamedTuple):
    """One placeholder in a text."""

    token: str
    role: Role
    start: int
    end: int


class Use(NamedTuple):
    """One placeholder in an input of a graph; see `values.PlaceholderUse`."""

    target: Target
    role: Role
    token: str
    whole: bool
    path: tuple[str | int, ...]


def find_placeholders(text: str, input_name: str = "") -> list[Found]:
    """The placeholders of a text, left to right."""
    in_file_name = bool(_FILE_NAME_INPUT.search(input_name))
    found: list[Found] = []
    for match in _TOKEN.finditer(text):
        if in_file_name and match[0].lower() in _FILE_NAME_TOKENS:
            continue
        word = next(value for value in match.groups() if value is not None)
        found.append(Found(match[0], _WORDS[word.upper()], match.start(), match.end()))
    return found


def placeholder_uses(graph: Graph) -> Iterator[Use]:
    """Every placeholder in the inputs of a graph, also inside nested values (walked without recursion)."""
    for node_id in graph:
        for name, value in inputs(graph, node_id).items():
            if isinstance(value, str):
                yield from _uses_of_text(Target(node_id, name), value, ())
            elif not is_link(value):
                yield from _uses_of_nested(Target(node_id, name), value)


def unknown_placeholders(graph: Graph) -> Iterator[str]:
    """Inputs that are nothing but a placeholder of some other program's (`%model%`, `{{LORA}}`)."""
    for node_id in graph:
        for value in inputs(graph, node_id).values():
            if isinstance(value, str) and _LOOKS_LIKE_ONE.fullmatch(value.strip()) and not find_placeholders(value):
                yield value.strip()


def title_target(title: str, names: Iterator[str] | list[str]) -> tuple[Role, str] | None:
    """What a title such as `$prompt.value!` says: the role and the input it goes to, if the node has that input."""
    match = _TITLE.match(title.strip())
    if match is None or match["input"] not in names:
        return None
    role = _WORDS.get(match["word"].upper())
    return None if role is None else (role, match["input"])


def substitute(text: str, value_of: Callable[[Role], Any], input_name: str = "") -> Any:
    """The text with its placeholders filled in one pass: what was put in is never looked at again.

    A text that is nothing but a placeholder becomes the value itself, with its own type; inside a longer text the value
    is written as text.
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


def is_whole(text: str, found: list[Found]) -> bool:
    """Whether a text is nothing but one placeholder (numbers: blanks around it do not count)."""
    if len(found) != 1:
        return False
    return (text.strip() if found[0].role in NUMERIC_ROLES else text) == found[0].token


def _uses_of_text(target: Target, text: str, path: tuple[str | int, ...]) -> Iterator[Use]:
    found = find_placeholders(text, target.input_name)
    whole = is_whole(text, found)
    for placeholder in found:
        yield Use(target, placeholder.role, placeholder.token, whole, path)


def _uses_of_nested(target: Target, value: Any) -> Iterator[Use]:
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while waiting:
        path, here = waiting.pop()
        if isinstance(here, str):
            yield from _uses_of_text(target, here, path)
        elif isinstance(here, dict):
            waiting += [((*path, key), child) for key, child in cast("dict[str, Any]", here).items()]
        elif isinstance(here, list):
            waiting += [((*path, at), child) for at, child in enumerate(cast("list[Any]", here))]
