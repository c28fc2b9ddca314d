"""The marks that ComfyUI's editor understands in texts with `dynamicPrompts`: comments, `{a|b}` and escapes."""

from __future__ import annotations

import random
import re

_COMMENT_START = re.compile(r"/[*/]")
_LINE_END = re.compile(r"[\n\r\u2028\u2029]")
_ESCAPED = re.compile(r"\\([{}|])")
MAX_DEPTH = 50
"""Deeper nested braces are left as they are."""


def resolve_dynamic_prompt(text: str, choices: random.Random | None) -> str | None:
    r"""Return the text that the editor would send.

    `/* ... */` and `// ...` are removed, `{a}` becomes `a`, and `\{`, `\}`, `\|` become plain characters. Of `{a|b}`
    one part is chosen at random.

    Args:
        text: What the widget holds.
        choices: Chooses among alternatives.

    Returns:
        The text; None where it holds alternatives (or braces nested too deeply) and `choices` is None.

    """
    parts = _Parts(_without_comments(text), choices)
    found = parts.sequence(0, MAX_DEPTH)
    return None if found is None else _ESCAPED.sub(r"\1", found)


def _without_comments(text: str) -> str:
    kept = list[str]()
    position = 0
    may_close = True  # searched once: an open comment must not make every later one search to the end again
    while found := _COMMENT_START.search(text, position):
        kept.append(text[position : found.start()])
        if found[0] == "//":
            end = _LINE_END.search(text, found.end())
            position = len(text) if end is None else end.start()
            continue
        closed = text.find("*/", found.end()) if may_close else -1
        may_close = closed >= 0
        kept.append("" if may_close else "/")
        position = closed + 2 if may_close else found.start() + 1
    return "".join(kept) + text[position:]


class _Parts:
    """A text that is read once from its beginning to its end."""

    def __init__(self, text: str, choices: random.Random | None) -> None:
        self._text = text
        self._choices = choices
        self._position = 0

    def sequence(self, depth: int, limit: int) -> str | None:
        """Read up to the end of the text, or, inside braces, up to `}`; None: a choice is open or it is too deep."""
        options: list[list[str]] = [[]]
        while self._position < len(self._text):
            character = self._text[self._position]
            self._position += 1
            if character == "\\":
                character += self._text[self._position : self._position + 1]
                self._position += 1
            elif character == "{":
                inner = self.sequence(depth + 1, limit) if depth < limit else None
                if inner is None:
                    return None
                character = inner
            elif character == "}" and depth:
                break
            elif character == "|" and depth:
                options.append([])
                continue
            options[-1].append(character)
        if len(options) == 1:
            return "".join(options[0])
        return None if self._choices is None else "".join(self._choices.choice(options))
