"""Walking the parsed message and saying it."""

# ruff: noqa: RUF001 - the punctuation of several scripts is what this is about
from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from markdown_it.token import Token

from bot.media.speech.code import CodeBlock, segments
from bot.media.speech.options import SpeechOptions
from bot.media.speech.parser import parse
from bot.media.speech.phrase import Phrase, is_word_letter
from bot.media.speech.timestamps import spoken_time

_NO_OPTIONS = SpeechOptions()


def speakable(text: str, options: SpeechOptions = _NO_OPTIONS) -> str:
    """What a voice says for a Discord message: no markup, no ids, one line for each line that says something.

    Headings, list items and table rows end as sentences. Code blocks are announced or skipped; addresses are "link"
    or their own text; mentions, channels, custom emoji and times are said by name. A message with nothing to say (only
    emoji, only an action, only code that is skipped) is "".

    Pure, never raises, and takes time in proportion to the text.
    """
    lines: list[str] = []
    for segment in segments(text):
        if isinstance(segment, CodeBlock):
            if options.code == "announce":
                lines.append(f"Code block in {segment.language}." if segment.language else "Code block.")
        else:
            lines.extend(_blocks(parse(segment), options))
    return "\n".join(lines)


def _blocks(tokens: Sequence[Token], options: SpeechOptions) -> Iterator[str]:
    numbers: list[str] = []
    headings = 0
    at = 0
    while at < len(tokens):
        token = tokens[at]
        match token.type:
            case "table_open":
                at, rows = _table(tokens, at, options)
                yield from rows
            case "heading_open":
                headings += 1
            case "heading_close":
                headings -= 1
            case "list_item_open":
                if numbers and numbers[-1]:  # "1." with nothing but a list inside
                    yield numbers[-1].strip()
                    numbers[-1] = ""
                numbers.append(f"{token.info}. " if token.info else "")
            case "list_item_close":
                if number := numbers.pop():
                    yield number.strip()  # "5." alone was no list but a short answer
            case "inline":
                said = _inline(token.children or [], options)
                if said:
                    number, numbers[-1:] = (numbers[-1], [""]) if numbers else ("", [])
                    yield number + (_as_sentence(said) if numbers or headings else said)
            case _:
                pass
        at += 1


def _table(tokens: Sequence[Token], at: int, options: SpeechOptions) -> tuple[int, list[str]]:
    """(index of the table's last token, its rows): each cell with its column's heading, each row a sentence."""
    rows: list[list[str]] = []
    while tokens[at].type != "table_close":
        if tokens[at].type == "tr_open":
            rows.append([])
        elif tokens[at].type == "inline":
            rows[-1].append(_inline(tokens[at].children or [], options).replace("\n", " "))
        at += 1
    head, *body = rows
    if not body:
        spoken = [", ".join(cell for cell in head if cell)]
    else:
        spoken = [
            ", ".join(f"{name}: {cell}" if name else cell for name, cell in zip(head, row, strict=True) if cell)
            for row in body
        ]
    return at, [_as_sentence(row) for row in spoken if row]


def _inline(tokens: Sequence[Token], options: SpeechOptions) -> str:
    phrase = Phrase(options)
    actions = _actions(tokens) if options.read_actions == "skip" else {}
    at = 0
    while at < len(tokens):
        token = tokens[at]
        end = actions.get(at)
        if end is not None and not (phrase.ends_in_word and _starts_in_word(tokens, end + 1)):
            phrase.drop()
            at = end + 1
            continue
        _say(phrase, token, options)
        at += 1
    return str(phrase)


def _say(phrase: Phrase, token: Token, options: SpeechOptions) -> None:
    match token.type:
        case "text" | "text_special" | "code_inline":
            phrase.say(token.content)
        case "softbreak" | "hardbreak":
            phrase.line_break()
        case "image":
            phrase.word(token.content or "image")
        case "address":
            phrase.word("link")
        case "everyone":
            phrase.word(token.content)
        case "angled":
            _say_angled(phrase, cast("Mapping[str, str]", token.meta), options)
        case _:  # openings and closings of what is only shown, not said
            pass


def _say_angled(phrase: Phrase, found: Mapping[str, str], options: SpeechOptions) -> None:
    match dict(found):
        case {"user": number}:
            phrase.word(options.users.get(int(number)) or "someone")
        case {"role": number}:
            phrase.word(options.roles.get(int(number)) or "a role")
        case {"channel": number}:
            phrase.word(options.channels.get(int(number)) or "a channel")
        case {"emoji": name} if options.emoji == "name":
            phrase.emoji(" ".join(name.split("_")).strip() or "emoji")
        case {"emoji": _}:
            phrase.drop()
        case {"time": unix, **rest}:
            phrase.word(spoken_time(int(unix), rest.get("style", "f"), options.time_zone, options.now))
        case {"command": name} | {"place": name}:
            phrase.word(name)
        case _:
            phrase.word("link")


def _actions(tokens: Sequence[Token]) -> dict[int, int]:
    """Index of opening -> index of closing, of the outermost `*spans*`. Spans of `_` are emphasis, not actions."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.markup != "*":
            continue
        if token.type == "em_open":
            opened.append(index)
        elif token.type == "em_close" and opened:
            start = opened.pop()
            if not opened and not _only_bold(tokens[start + 1 : index]) and not _beside_star(tokens, start, index):
                found[start] = index
    return found


def _beside_star(tokens: Sequence[Token], start: int, end: int) -> bool:
    """What is left of a bold mark that was never closed stands beside the span: it was not meant as an action."""
    before = tokens[start - 1].content if start else ""
    after = tokens[end + 1].content if end + 1 < len(tokens) else ""
    return before.endswith("*") or after.startswith("*")


def _only_bold(tokens: Sequence[Token]) -> bool:
    """`***loud***`: nothing but one bold span is emphasis."""
    shown = [token for token in tokens if token.type != "text" or token.content]
    return bool(shown) and shown[0].type == "strong_open" and shown[-1].type == "strong_close"


def _starts_in_word(tokens: Sequence[Token], at: int) -> bool:
    """The text at `at` goes on with the word before it, as in `un*believ*able`."""
    while at < len(tokens) and tokens[at].type == "text" and not tokens[at].content:
        at += 1
    return at < len(tokens) and tokens[at].type == "text" and is_word_letter(tokens[at].content[0])


def _as_sentence(text: str) -> str:
    last = text[-1]
    if last.isalnum() or last in ")]}\"'”’»%":
        return text + ("。" if unicodedata.east_asian_width(last) in {"W", "F"} else ".")
    return text
