"""The printed transcript: who said what, how messages changed, which files came of it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.text import Text

NAME_WIDTH = 9
INDENT = " " * (NAME_WIDTH + 8)
RULE_WIDTH = 100
STYLES = {"Ada": "bold cyan", "Bob": "bold green", "Chorus": "bold yellow", "Nova": "bold magenta"}


class Transcript:
    """Lines for people; plain where the output is no terminal.

    Args:
        console: Where to.
        here: Paths are shown relative to this folder, where they are below it.

    """

    def __init__(self, console: Console, here: Path) -> None:
        self._console = console
        self._here = here
        self._started = time.monotonic()

    def title(self, text: str) -> None:
        """What this is, above everything."""
        self._console.print(Text(text, style="bold"))

    def heading(self, text: str) -> None:
        """A new act."""
        self._console.print()
        self._console.print(Text(f"-- {text} ".ljust(RULE_WIDTH, "-"), style="bold"), soft_wrap=True)

    def said(self, who: str, text: str, *, to: str | None = None) -> None:
        """Somebody wrote; `to` names the only person who sees it."""
        private = f"(only {to} sees this) " if to else ""
        head = Text(f"{self._clock()}  ", style="dim") + Text(f"{who:<{NAME_WIDTH}} ", style=STYLES.get(who, "bold"))
        lines = f"{private}{text}".strip().splitlines() or [""]
        self._console.print(head + Text(lines[0]), soft_wrap=True)
        for line in lines[1:]:
            self._indented(Text(line))

    def changed(self, text: str) -> None:
        """The message above was edited."""
        self._indented(Text(f"~ {text}", style="dim"))

    def note(self, text: str) -> None:
        """Something that nobody said."""
        self._indented(Text(text, style="italic dim"))

    def files(self, paths: Iterable[Path]) -> None:
        """Files that were made."""
        for path in paths:
            size = path.stat().st_size
            shown = path.relative_to(self._here) if path.is_relative_to(self._here) else path
            self._indented(Text(f"{shown}", style="green") + Text(f"  {size / 1000:,.0f} kB", style="dim"))

    def problem(self, text: str) -> None:
        """Something did not arrive."""
        self._indented(Text(f"! {text}", style="bold red"))

    def _indented(self, text: Text) -> None:
        self._console.print(Text(INDENT) + text, soft_wrap=True)

    def _clock(self) -> str:
        return f"{time.monotonic() - self._started:4.1f} s"
