"""Splitting a message at its code blocks, by Discord's rule: from three backticks anywhere to the next three."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_LANGUAGES = {
    "py": "Python",
    "js": "JavaScript",
    "ts": "TypeScript",
    "cs": "C sharp",
    "cpp": "C plus plus",
    "c++": "C plus plus",
    "rs": "Rust",
    "rb": "Ruby",
    "sh": "shell",
    "bash": "shell",
    "yml": "YAML",
    "md": "Markdown",
    "json": "JSON",
    "html": "HTML",
    "css": "CSS",
    "sql": "SQL",
    "txt": "",
    "text": "",
    "ansi": "",
}
"""How to say the language that stands after the opening backticks; others are said as they are written."""


@dataclass(frozen=True)
class CodeBlock:
    """A block of code. `language` is the spoken name of its language, "" where it names none."""

    language: str


def split_code_blocks(text: str) -> Iterator[str | CodeBlock]:
    """The message in order: texts, and the code blocks between them. An unclosed block reaches to the end."""
    position = 0
    while True:
        start = _find_opening(text, position)
        if start == -1:
            yield text[position:]
            return
        yield text[position:start]
        fence = _count_backticks(text, start)
        body = start + fence
        end = text.find("`" * fence, body)
        yield CodeBlock(_language(text, body))
        if end == -1:
            return
        position = end + _count_backticks(text, end)


def _find_opening(text: str, position: int) -> int:
    """The position of the next three backticks that no backslash escapes; -1 if there are none."""
    while (position := text.find("```", position)) != -1:
        escaped = position and text[position - 1] == "\\"
        backslashes = position - len(text[:position].rstrip("\\")) if escaped else 0
        if backslashes % 2 == 0:
            return position
        position += _count_backticks(text, position)
    return -1


def _count_backticks(text: str, position: int) -> int:
    end = position
    while end < len(text) and text[end] == "`":
        end += 1
    return end - position


def _language(text: str, position: int) -> str:
    line = text[position : position + 40].split("\n", 1)
    word = line[0].strip()
    if len(line) == 1 or not word or not all(char.isalnum() or char in "+-#._" for char in word):
        return ""
    return _LANGUAGES.get(word.lower(), word)
