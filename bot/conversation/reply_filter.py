"""Filters the model's stream down to the text that a character says.

Removed are `<think>...</think>`, the character's own name before the text ("Nova:"), everything from the first line
that begins with another speaker's name, and invisible characters. `<draw>...</draw>` and `<edit>...</edit>`, with which
a model without tools asks for a picture or a change of one, are removed and kept as scenes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.conversation.sanitizing import speaker_name
from bot.language_model.draw_tool import MAX_SCENE_LENGTH

MAX_CHARACTERS = 16_000
"""Eight Discord messages; a longer reply is cut off."""

MAX_SCENES = 8
"""Further `<draw>` blocks of a reply are removed without being kept."""

_SCENES = ("draw", "edit")
"""Names of the blocks that are kept."""
_MARK = re.compile(r"<(/?)(think|thinking|draw|edit)>", re.IGNORECASE | re.ASCII)
_MARKS = ("<think>", "</think>", "<thinking>", "</thinking>", "<draw>", "</draw>", "<edit>", "</edit>")
_LONGEST_MARK = max(len(mark) for mark in _MARKS)
_CLOSERS = {name: re.compile(f"</{name}>", re.IGNORECASE | re.ASCII) for name in ("think", "thinking", *_SCENES)}
_LABEL_ROOM = 64
"""Characters for asterisks and spaces around the character's own name."""
_INVISIBLE = re.compile("[\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")


class ReplyFilter:
    """Takes a reply in fragments and returns what may be shown of it so far.

    Text that may still turn out to be one of the things to remove is held back, so that shown text never has to be
    removed again. The exception is a `</think>` without its beginning: it removes everything before it.

    Args:
        own_name: The character's name; before the reply it is removed.
        others: Names of everybody else in the prompt; a line that begins with one of them and a colon ends the reply.
    """

    def __init__(self, own_name: str, others: Sequence[str] = ()) -> None:
        own = re.escape(own_name)
        self._prefix = re.compile(rf"\s*\*{{0,8}}{own}\**\s*:\**\s*", re.IGNORECASE)
        self._label = f"{own_name}:".lower()
        names = "|".join(re.escape(name) for name in sorted({speaker_name(each) for each in others}, key=len))
        self._impersonation = re.compile(rf"(?:^|\n)[ \t]*\**(?:{names})\**[ \t]*:", re.IGNORECASE) if names else None
        # With room for asterisks, spaces and the colon around the name.
        self._longest_name = max((len(name) for name in others), default=0) + 8
        self._buffer = ""
        """What is not decided yet: less than a mark, except while `feed` runs."""
        self._inside: str | None = None
        """The name of the block that is open."""
        self._block: list[str] = []
        """What an open `<draw>` or `<edit>` block has so far."""
        self._visible = ""
        self.scenes: list[str] = []
        """The contents of `<draw>` blocks, in order."""
        self.edits: list[str] = []
        """The contents of `<edit>` blocks, in order."""
        self.ended = False
        """Nothing that follows will be shown, so the stream may be closed."""

    def feed(self, delta: str) -> str:
        """Take the next fragment; return all that may be shown so far."""
        if not self.ended:
            self._buffer += _INVISIBLE.sub("", delta)
            self._consume(final=False)
        return self._showable(final=False)

    def finish(self) -> str:
        """End the stream; return the whole reply."""
        self._consume(final=True)
        return self._showable(final=True)

    def _consume(self, *, final: bool) -> None:
        """Decide about the buffer from its beginning; what may still become a mark stays in it."""
        data, position = self._buffer, 0
        self._buffer = ""
        while position < len(data) and not self.ended:
            following = self._read_block(data, position) if self._inside else self._read_text(data, position, final)
            if following == position:  # undecided, or the block was never closed: none of it is text
                break
            position = following
        if not self.ended:
            self._buffer = "" if final else data[position:]

    def _read_text(self, data: str, position: int, final: bool) -> int:
        """Take text up to the next mark, or one mark; return the position after it."""
        start = data.find("<", position)
        if start != position:
            end = len(data) if start < 0 else start
            self._take(data[position:end])
            return end
        mark = _MARK.match(data, position)
        if mark is None:
            head = data[position : position + _LONGEST_MARK].lower()
            if not final and any(each.startswith(head) for each in _MARKS):
                return position
            self._take("<")
            return position + 1
        name = mark[2].lower()
        if not mark[1]:
            self._inside, self._block = name, []
        elif name not in _SCENES:  # some chat templates contain `<think>`, and only its end is streamed
            self._visible = ""
        return mark.end()

    def _read_block(self, data: str, position: int) -> int:
        """Remove the inside of a block up to its end; what may be the beginning of the end stays."""
        name = self._inside or ""
        closer = _CLOSERS[name].search(data, position)
        end = closer.start() if closer else max(len(data) - len(f"</{name}>") + 1, position)
        if name in _SCENES:
            self._block.append(data[position:end])
        if closer is None:
            return end
        kept = self.edits if name == "edit" else self.scenes
        if name in _SCENES and (scene := "".join(self._block).strip()) and len(kept) < MAX_SCENES:
            kept.append(scene[:MAX_SCENE_LENGTH])
        self._inside = None
        return closer.end()

    def _take(self, text: str) -> None:
        if not self._visible:
            text = text.lstrip()  # a model that sends nothing but white space must not fill the reply with it
        checked_from = max(len(self._visible) - self._longest_name, 0)
        self._visible += text[: MAX_CHARACTERS + 1]
        # A reply that begins with "Ada:" only repeats the form of its prompt; a later line speaks for Ada.
        lines = self._impersonation.finditer(self._visible, checked_from) if self._impersonation else iter(())
        found = next((line for line in lines if self._without_prefix(self._visible[: line.start()])), None)
        if found:
            self._visible = self._visible[: found.start()]
            self._stop()
        elif len(self._visible) > MAX_CHARACTERS:
            self._visible = self._visible[:MAX_CHARACTERS].rsplit(" ", 1)[0] + " …"
            self._stop()

    def _stop(self) -> None:
        self.ended = True

    def _without_prefix(self, text: str) -> str:
        prefix = self._prefix.match(text)
        return text[prefix.end() :] if prefix else text.lstrip()

    def _showable(self, *, final: bool) -> str:
        text = self._without_prefix(self._visible)
        final = final or self.ended
        may_be_label = len(text) < len(self._label) + _LABEL_ROOM
        if not final and may_be_label and self._label.startswith(text.replace("*", "").strip().lower()):
            return ""  # may still become "Nova:"
        if final or self._impersonation is None:
            return text.rstrip()
        # Hold back the last line while it may still begin with another speaker's name.
        line_start = text.rfind("\n") + 1
        held = line_start > 0 and len(text) - line_start < self._longest_name and ":" not in text[line_start:]
        return text[: line_start - 1].rstrip() if held else text.rstrip()
