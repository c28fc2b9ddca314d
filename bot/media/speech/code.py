"""Cutting code blocks out of a message, as Discord sees them: three backticks anywhere, up to the next three."""

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


@dataclass(frozen=True)
class CodeBlock:
    """A block of code; `language` as one says it, "" if it is not told."""

    language: str


def segments(text: str) -> Iterator[str | CodeBlock]:
    """The message in order: text, and the code blocks in it. One that is never closed goes on to the end."""
    at = 0
    while True:
        start = _opening(text, at)
        if start == -1:
            yield text[at:]
            return
        yield text[at:start]
        fence = _run(text, start)
        body = start + fence
        end = text.find("`" * fence, body)
        yield CodeBlock(_language(text, body))
        if end == -1:
            return
        at = end + _run(text, end)


def _opening(text: str, at: int) -> int:
    """The next three backticks that no backslash makes literal; -1 if there are none."""
    while (at := text.find("```", at)) != -1:
        backslashes = at - len(text[:at].rstrip("\\")) if at and text[at - 1] == "\\" else 0
        if backslashes % 2 == 0:
            return at
        at += _run(text, at)
    return -1


def _run(text: str, at: int) -> int:
    end = at
    while end < len(text) and text[end] == "`":
        end += 1
    return end - at


def _language(text: str, at: int) -> str:
    line = text[at : at + 40].split("\n", 1)
    word = line[0].strip()
    if len(line) == 1 or not word or not all(char.isalnum() or char in "+-#._" for char in word):
        return ""
    return _LANGUAGES.get(word.lower(), word)
