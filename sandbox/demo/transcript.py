"""The printed transcript: messages with their authors, edits, files, and what failed."""

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
    """Prints lines to a console; without styles if it is no terminal.

    Args:
        console: Where to print.
        base_folder: Paths below this folder are printed relative to it.

    """

    def __init__(self, console: Console, base_folder: Path) -> None:
        self._console = console
        self._base_folder = base_folder
        self._started = time.monotonic()

    def title(self, text: str) -> None:
        """Print the title."""
        self._console.print(Text(text, style="bold"))

    def heading(self, text: str) -> None:
        """Print the title of a step."""
        self._console.print()
        self._console.print(Text(f"-- {text} ".ljust(RULE_WIDTH, "-"), style="bold"), soft_wrap=True)

    def message(self, who: str, text: str, *, to: str | None = None) -> None:
        """Print a message; `to` names the only user who sees it, if it is ephemeral."""
        private = f"(only {to} sees this) " if to else ""
        head = Text(f"{self._elapsed()}  ", style="dim") + Text(f"{who:<{NAME_WIDTH}} ", style=STYLES.get(who, "bold"))
        lines = f"{private}{text}".strip().splitlines() or [""]
        self._console.print(head + Text(lines[0]), soft_wrap=True)
        for line in lines[1:]:
            self._print_indented(Text(line))

    def edit(self, text: str) -> None:
        """Print the new text of the message above."""
        self._print_indented(Text(f"~ {text}", style="dim"))

    def note(self, text: str) -> None:
        """Print a remark."""
        self._print_indented(Text(text, style="italic dim"))

    def files(self, paths: Iterable[Path]) -> None:
        """Print the paths and sizes of files."""
        for path in paths:
            size = path.stat().st_size
            printed_path = path.relative_to(self._base_folder) if path.is_relative_to(self._base_folder) else path
            self._print_indented(Text(f"{printed_path}", style="green") + Text(f"  {size / 1000:,.0f} kB", style="dim"))

    def problem(self, text: str) -> None:
        """Print what failed."""
        self._print_indented(Text(f"! {text}", style="bold red"))

    def _print_indented(self, text: Text) -> None:
        self._console.print(Text(INDENT) + text, soft_wrap=True)

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self._started:4.1f} s"
