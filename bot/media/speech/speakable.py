"""The text that a voice speaks for a Discord message."""

# ruff: noqa: RUF001 - the punctuation of several scripts is what this is about
from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from markdown_it.token import Token

from bot.media.speech.code_blocks import CodeBlock, split_code_blocks
from bot.media.speech.options import SpeechOptions
from bot.media.speech.parser import parse
from bot.media.speech.phrase import PhraseBuilder, is_word_letter
from bot.media.speech.timestamps import spoken_time

_DEFAULT_OPTIONS = SpeechOptions()


def speakable(text: str, options: SpeechOptions = _DEFAULT_OPTIONS) -> str:
    """What a voice says for a Discord message: without markup and ids, one line for each line that says something.

    Headings, list items and table rows end like sentences. Code blocks are announced or left out; a URL is spoken as
    "link", a masked link as its text; mentions, channels, custom emoji and timestamps are spoken by name. A message
    with nothing to say (only emoji, only an action, only code that is left out) gives "".

    Never raises, and takes time in proportion to the length of the text.
    """
    lines: list[str] = []
    for segment in split_code_blocks(text):
        if isinstance(segment, CodeBlock):
            if options.code == "announce":
                lines.append(f"Code block in {segment.language}." if segment.language else "Code block.")
        else:
            lines.extend(_spoken_blocks(parse(segment), options))
    return "\n".join(lines)


def _spoken_blocks(tokens: Sequence[Token], options: SpeechOptions) -> Iterator[str]:
    numbers: list[str] = []
    headings = 0
    at = 0
    while at < len(tokens):
        token = tokens[at]
        match token.type:
            case "table_open":
                at, rows = _spoken_table(tokens, at, options)
                yield from rows
            case "heading_open":
                headings += 1
            case "heading_close":
                headings -= 1
            case "list_item_open":
                if numbers and numbers[-1]:  # an item that holds nothing but a list
                    yield numbers[-1].strip()
                    numbers[-1] = ""
                numbers.append(f"{token.info}. " if token.info else "")
            case "list_item_close":
                if number := numbers.pop():
                    yield number.strip()  # "5." alone is a short answer, not a list
            case "inline":
                said = _spoken_inline(token.children or [], options)
                if said:
                    number, numbers[-1:] = (numbers[-1], [""]) if numbers else ("", [])
                    yield number + (_as_sentence(said) if numbers or headings else said)
            case _:
                pass
        at += 1


def _spoken_table(tokens: Sequence[Token], at: int, options: SpeechOptions) -> tuple[int, list[str]]:
    """The index of the table's last token, and one sentence per row: each cell with the heading of its column."""
    rows: list[list[str]] = []
    while tokens[at].type != "table_close":
        if tokens[at].type == "tr_open":
            rows.append([])
        elif tokens[at].type == "inline":
            rows[-1].append(_spoken_inline(tokens[at].children or [], options).replace("\n", " "))
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


def _spoken_inline(tokens: Sequence[Token], options: SpeechOptions) -> str:
    phrase = PhraseBuilder(options)
    actions = _find_actions(tokens) if options.read_actions == "skip" else {}
    at = 0
    while at < len(tokens):
        token = tokens[at]
        end = actions.get(at)
        if end is not None and not (phrase.ends_in_word and _starts_in_word(tokens, end + 1)):
            phrase.omit()
            at = end + 1
            continue
        _add_token(phrase, token, options)
        at += 1
    return str(phrase)


def _add_token(phrase: PhraseBuilder, token: Token, options: SpeechOptions) -> None:
    match token.type:
        case "text" | "text_special" | "code_inline":
            phrase.add_text(token.content)
        case "softbreak" | "hardbreak":
            phrase.add_line_break()
        case "image":
            phrase.insert(token.content or "image")
        case "url":
            phrase.insert("link")
        case "everyone":
            phrase.insert(token.content)
        case "discord_format":
            _add_discord_format(phrase, cast("Mapping[str, str]", token.meta), options)
        case _:  # the beginning or end of a span that changes only how text looks
            pass


def _add_discord_format(phrase: PhraseBuilder, found: Mapping[str, str], options: SpeechOptions) -> None:
    match dict(found):
        case {"user": number}:
            phrase.insert(options.users.get(int(number)) or "someone")
        case {"role": number}:
            phrase.insert(options.roles.get(int(number)) or "a role")
        case {"channel": number}:
            phrase.insert(options.channels.get(int(number)) or "a channel")
        case {"emoji": name} if options.emoji == "name":
            phrase.add_emoji(" ".join(name.split("_")).strip() or "emoji")
        case {"emoji": _}:
            phrase.omit()
        case {"time": unix, **rest}:
            phrase.insert(spoken_time(int(unix), rest.get("style", "f"), options.time_zone, options.now))
        case {"command": name} | {"navigation": name}:
            phrase.insert(name)
        case _:
            phrase.insert("link")


def _find_actions(tokens: Sequence[Token]) -> dict[int, int]:
    """The index of the first token of each outermost `*span*`, with that of its last. Spans of `_` are emphasis."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.markup != "*":
            continue
        if token.type == "em_open":
            opened.append(index)
        elif token.type == "em_close" and opened:
            start = opened.pop()
            if not opened and not _only_bold(tokens[start + 1 : index]) and not _beside_asterisk(tokens, start, index):
                found[start] = index
    return found


def _beside_asterisk(tokens: Sequence[Token], start: int, end: int) -> bool:
    """An asterisk of an unclosed bold mark stands beside the span, so it was not meant as an action."""
    before = tokens[start - 1].content if start else ""
    after = tokens[end + 1].content if end + 1 < len(tokens) else ""
    return before.endswith("*") or after.startswith("*")


def _only_bold(tokens: Sequence[Token]) -> bool:
    """The span holds nothing but one bold span (`***loud***`), so it is emphasis."""
    shown = [token for token in tokens if token.type != "text" or token.content]
    return bool(shown) and shown[0].type == "strong_open" and shown[-1].type == "strong_close"


def _starts_in_word(tokens: Sequence[Token], at: int) -> bool:
    """The text at that index continues the word before it, as in `un*believ*able`."""
    while at < len(tokens) and tokens[at].type == "text" and not tokens[at].content:
        at += 1
    return at < len(tokens) and tokens[at].type == "text" and is_word_letter(tokens[at].content[0])


def _as_sentence(text: str) -> str:
    last = text[-1]
    if last.isalnum() or last in ")]}\"'”’»%":
        return text + ("。" if unicodedata.east_asian_width(last) in {"W", "F"} else ".")
    return text
