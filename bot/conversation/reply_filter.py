"""Filters the model's stream down to the text that a character says.

Removed are `<think>...</think>`, the character's own name before the text ("Nova:"), everything from the first line
that begins with another speaker's name, and invisible characters. `<draw>...</draw>`, with which a model without tools
asks for a picture, is removed and kept as a scene.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.conversation.sanitizing import speaker_name
from bot.language_model.draw_tool import MAX_SCENE_LENGTH

MAX_CHARACTERS = 16_000
"""Eight Discord messages; a longer reply is cut off."""

_BLOCKS = (("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<draw>", "</draw>"))
_OPENERS = tuple(opener for opener, _ in _BLOCKS)
_MARKS = tuple(mark for block in _BLOCKS for mark in block)
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
        self._prefix = re.compile(rf"\s*\**{own}\**\s*:\**\s*", re.IGNORECASE)
        self._label = f"{own_name}:".lower()
        names = "|".join(re.escape(name) for name in sorted({speaker_name(each) for each in others}, key=len))
        self._impersonation = re.compile(rf"(?:^|\n)[ \t]*\**(?:{names})\**[ \t]*:", re.IGNORECASE) if names else None
        # With room for asterisks, spaces and the colon around the name.
        self._longest_name = max((len(name) for name in others), default=0) + 8
        self._buffer = ""
        self._inside: str | None = None
        self._visible = ""
        self.scenes: list[str] = []
        """The contents of `<draw>` blocks, in order."""
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
        while self._buffer:
            if self._inside is not None:
                if not self._leave_block(final=final):
                    return
                continue
            start = self._buffer.find("<")
            if start < 0:
                self._take(len(self._buffer))
                return
            self._take(start)
            lowered = self._buffer[:12].lower()
            opener = next((each for each in _OPENERS if lowered.startswith(each)), None)
            if opener is not None:
                self._inside = dict(_BLOCKS)[opener]
                self._buffer = self._buffer[len(opener) :]
            elif (closer := next((each for each in _MARKS if lowered.startswith(each)), None)) is not None:
                if closer != "</draw>":  # some chat templates contain `<think>`, and only its end is streamed
                    self._visible = ""
                self._buffer = self._buffer[len(closer) :]
            elif not final and any(each.startswith(lowered) for each in _MARKS):
                return  # may still become a mark
            else:
                self._take(1)

    def _leave_block(self, *, final: bool) -> bool:
        """Remove the inside of a block; False while its end has not arrived."""
        closer = self._inside or ""
        end = self._buffer.lower().find(closer)
        if end < 0:
            if final:  # the block was never closed: none of it is text
                self._buffer = ""
            return False
        if closer == "</draw>" and (scene := self._buffer[:end].strip()):
            self.scenes.append(scene[:MAX_SCENE_LENGTH])
        self._buffer = self._buffer[end + len(closer) :]
        self._inside = None
        return True

    def _take(self, count: int) -> None:
        checked_from = max(len(self._visible) - self._longest_name, 0)
        self._visible += self._buffer[:count]
        self._buffer = self._buffer[count:]
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
        self._buffer = ""

    def _without_prefix(self, text: str) -> str:
        prefix = self._prefix.match(text)
        return text[prefix.end() :] if prefix else text.lstrip()

    def _showable(self, *, final: bool) -> str:
        text = self._without_prefix(self._visible)
        final = final or self.ended
        if not final and self._label.startswith(text.replace("*", "").strip().lower()):
            return ""  # may still become "Nova:"
        if final or self._impersonation is None:
            return text.rstrip()
        # Hold back the last line while it may still begin with another speaker's name.
        line_start = text.rfind("\n") + 1
        held = line_start > 0 and len(text) - line_start < self._longest_name and ":" not in text[line_start:]
        return text[: line_start - 1].rstrip() if held else text.rstrip()
