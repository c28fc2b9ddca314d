"""Discord's dialect of Markdown, as rules of markdown-it.

Left out of CommonMark: indented code, underlined headings, HTML, entities, link references. Added: spoilers, subtext,
mentions, custom emoji, timestamps, commands, bare URLs. Discord has no tables, but language models write them. Code
blocks have been split off before (`code_blocks`), because Discord lets them begin and end inside a line.
"""

from __future__ import annotations

import functools
import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline, image, link
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

_BLOCK_RULES = ["table", "blockquote", "hr", "list", "heading", "paragraph"]
_INLINE_RULES = ["text", "newline", "escape", "backticks", "strikethrough", "emphasis", "link", "image"]

_BAR = ord("|")
_LAST_LINK = -1
"""A key in the cache of an inline state; its other keys are positions, 0 or more."""

_DISCORD_FORMAT = re.compile(
    r"<(?:"
    r"@!?(?P<user>\d{1,20})"
    r"|@&(?P<role>\d{1,20})"
    r"|#(?P<channel>\d{1,20})"
    r"|a?:(?P<emoji>\w{1,64}):\d{1,20}"
    r"|t:(?P<time>-?\d{1,17})(?::(?P<style>[a-zA-Z]))?"
    r"|/(?P<command>[^:<>\n]{1,100}):\d{1,20}"
    r"|id:(?P<navigation>\w{1,40})(?::\d{1,20})?"
    r"|(?P<url>https?://[^\s<>]{1,4000})"
    r")>"
)
"""Discord's formats in angle brackets (docs: reference, "Message Formatting"), and URLs in them; matched at a `<`."""

_URL = re.compile(r"(?:[^\s<|]|\|(?!\|))+")
_EVERYONE = re.compile(r"@(everyone|here)\b")
_TRAILING_PUNCTUATION = frozenset(".,:;!?\"'])}*_~|`\\")


class _DiscordMarkdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 - markdown-it's own name
        """Discord makes masked links of these only; `[sigh](softly)` stays text."""
        return url.lower().startswith(("http://", "https://", "discord://"))


def parse(text: str) -> list[Token]:
    """The block tokens of a message without code blocks.

    Besides markdown-it's own inline tokens there are `spoiler_open` and `spoiler_close`, `url`, `everyone` (its content
    is "everyone" or "here") and `discord_format` (its `meta` has the matched groups of `_DISCORD_FORMAT` by name).
    """
    return _markdown().parse(text)


@functools.cache
def _markdown() -> MarkdownIt:
    markdown = _DiscordMarkdown("zero", {"maxNesting": 50})
    markdown.enable(_BLOCK_RULES + _INLINE_RULES)
    markdown.inline.ruler2.enable(["balance_pairs", "strikethrough", "emphasis", "fragments_join"])
    markdown.block.ruler.before("list", "subtext", _subtext, {"alt": ["paragraph", "blockquote", "list"]})
    for marker in "|<@:":
        markdown.inline.add_terminator_char(marker)
    markdown.inline.ruler.at("link", _link)
    markdown.inline.ruler.at("image", _image)
    markdown.inline.ruler.before("emphasis", "spoiler", _spoiler)
    markdown.inline.ruler2.before("fragments_join", "spoiler", _pair_spoilers)
    markdown.inline.ruler.push("discord_format", _discord_format)
    markdown.inline.ruler.push("everyone", _everyone)
    markdown.inline.ruler.push("url", _url)
    return markdown


def _link(state: StateInline, silent: bool) -> bool:
    return state.src[state.pos] == "[" and _may_be_link(state) and link(state, silent)


def _image(state: StateInline, silent: bool) -> bool:
    return state.src[state.pos] == "!" and _may_be_link(state) and image(state, silent)


def _may_be_link(state: StateInline) -> bool:
    """Whether any `](` follows. Without this check, each of a thousand `[` would search the text for its end."""
    if _LAST_LINK not in state.cache:
        state.cache[_LAST_LINK] = state.src.rfind("](")
    return state.pos < state.cache[_LAST_LINK]


def _subtext(state: StateBlock, line: int, _end: int, silent: bool) -> bool:
    start = state.bMarks[line] + state.tShift[line]
    if not state.src.startswith("-# ", start):
        return False
    if silent:
        return True
    state.line = line + 1
    state.push("paragraph_open", "p", 1).map = [line, state.line]
    inline = state.push("inline", "", 0)
    inline.content = state.src[start + 3 : state.eMarks[line]].strip()
    inline.map = [line, state.line]
    inline.children = []
    state.push("paragraph_close", "p", -1)
    return True


def _spoiler(state: StateInline, silent: bool) -> bool:
    if silent or not state.src.startswith("||", state.pos):
        return False
    token = state.push("text", "", 0)
    token.content = "||"
    # It may open and close: unlike emphasis, spoilers may begin and end at spaces.
    state.delimiters.append(Delimiter(_BAR, 0, len(state.tokens) - 1, -1, open=True, close=True))
    state.pos += 2
    return True


def _pair_spoilers(state: StateInline) -> None:
    lists = [state.delimiters, *(meta["delimiters"] for meta in state.tokens_meta if meta)]
    for delimiters in lists:
        for delimiter in delimiters:
            if delimiter.marker == _BAR and delimiter.end != -1:
                _retype(state.tokens[delimiter.token], "spoiler_open")
                _retype(state.tokens[delimiters[delimiter.end].token], "spoiler_close")


def _retype(token: Token, kind: str) -> None:
    token.type, token.content, token.markup = kind, "", "||"


def _discord_format(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "<":
        return False
    match = _DISCORD_FORMAT.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push("discord_format", "", 0).meta = {
            key: value for key, value in match.groupdict().items() if value is not None
        }
    state.pos = match.end()
    return True


def _everyone(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "@" or state.src[max(0, state.pos - 1) : state.pos].isalnum():
        return False
    match = _EVERYONE.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push("everyone", "", 0).content = match[1]
    state.pos = match.end()
    return True


def _url(state: StateInline, silent: bool) -> bool:
    """A bare URL, found at its `://`; its `http` or `https` is in the pending text by then."""
    if silent or not state.src.startswith("://", state.pos):
        return False
    before = state.src[max(0, state.pos - 6) : state.pos].lower()
    scheme = next((name for name in ("https", "http") if before.endswith(name)), None)
    if scheme is None or before[: -len(scheme)][-1:].isalnum() or not state.pending.lower().endswith(scheme):
        return False
    start = state.pos + 3
    match = _URL.match(state.src, start, state.posMax)
    end = _url_end(state.src, start, match.end()) if match else start
    if end == start:
        return False
    state.pending = state.pending[: -len(scheme)]
    state.push("url", "", 0)
    state.pos = end
    return True


def _url_end(text: str, start: int, end: int) -> int:
    """The end of a URL without the punctuation of the sentence and the closing marks of the markup after it."""
    surplus = text.count(")", start, end) - text.count("(", start, end)
    while end > start and text[end - 1] in _TRAILING_PUNCTUATION:
        if text[end - 1] == ")":
            if surplus <= 0:
                break
            surplus -= 1
        end -= 1
    return end
