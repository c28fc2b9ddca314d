"""What the acts of a visit have in common: do something as a person, print it, wait for what must come of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from bot.errors import ERRORS_BY_CODE
from sandbox.demo.stage import Stage
from sandbox.demo.transcript import Transcript
from sandbox.discord import Message, SimulatedInteraction, SimulatedUser

DEADLINE = 30.0
"""Seconds for one thing to arrive from the stand-ins."""
REAL_DEADLINE = 300.0
"""From somebody's own ComfyUI, which may load a model first."""
_CODE = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b|\bCANCELLED\b")
_DIGEST = re.compile(r"\bjob ([0-9a-f]{12})\b")


class MissedError(Exception):
    """Something that must arrive did not."""


class Visit:
    """The hands and eyes of the acts."""

    def __init__(self, stage: Stage, transcript: Transcript) -> None:
        self.stage = stage
        self.transcript = transcript
        self.room = stage.studio
        self.deadline = DEADLINE if stage.options.comfyui is None else REAL_DEADLINE
        self.made: list[Path] = []
        self.picture: Message | None = None
        """The first result."""

    # -- people act

    async def slash(self, person: SimulatedUser, command: str, **options: str) -> SimulatedInteraction:
        """A command, as the person types it."""
        shown = " ".join(f"{name}: {value}" for name, value in options.items())
        self.transcript.said(person.name, f"/{command} {shown}".strip())
        return self._heard(await person.slash(self.room, command, wait=True, **options), command)

    async def press(self, person: SimulatedUser, message: Message, button: str) -> SimulatedInteraction:
        """A button."""
        self.transcript.said(person.name, f"presses [{button}]")
        return self._heard(await person.press(message, button), button)

    async def say(self, person: SimulatedUser, text: str) -> Message:
        """A message."""
        self.transcript.said(person.name, text)
        return await person.send(self.room, text)

    def _heard(self, answer: SimulatedInteraction, what: str) -> SimulatedInteraction:
        if not answer.responded:
            raise MissedError(f"{what}: the bot did not answer within 3 s")
        return answer

    # -- what must come of it

    def show(self, message: Message, *, to: SimulatedUser | None = None) -> None:
        """Print a message as it stands."""
        text = message.text()
        footer = _DIGEST.search(text)
        words = text.replace(footer.group(0), "").strip() if footer else text
        for person in (self.stage.ada, self.stage.bob):
            words = words.replace(person.mention, f"@{person.name}")
        words = re.sub(r"<t:\d+:R>", "just now", words)
        self.transcript.said(message.author.name, plain(words), to=to.name if message.ephemeral and to else None)

    async def progress(self, message: Message, done: Callable[[Message], bool]) -> Message:
        """Print each edit until the message is done."""
        last = status_line(message)

        def look(shown: Message) -> bool:
            nonlocal last
            ended = done(shown)
            line = "" if ended else status_line(shown)
            if line and line != last:
                last = line
                self.transcript.changed(line)
            return ended

        return await self.room.wait_for_edit(message, look, timeout=self.deadline)

    async def result(self, message: Message, files: int = 1) -> Message:
        """Progress, then the result with its files; the paths are printed."""

        def done(shown: Message) -> bool:
            if code := error_code(shown):
                raise MissedError(f"instead of a result came {code}: {plain(shown.text())}")
            return len(results_of(shown)) == files

        await self.progress(message, done)
        self.transcript.changed(result_line(message))
        self.keep()
        return message

    def keep(self) -> list[Path]:
        """Print the new files, and remember them for the end."""
        files = self.stage.new_files()
        if not files:
            raise MissedError("no file was saved")
        self.made += files
        self.transcript.files(files)
        return files

    def expect(self, found: object, what: str) -> None:
        """Fail the act unless `found`."""
        if not found:
            raise MissedError(f"missing: {what}")


def plain(text: str) -> str:
    """Markdown's marks away, where they only get in the way on a terminal."""
    lines = [re.sub(r"^(?:-# |> )", "", line).replace("`", "").replace("**", "") for line in text.splitlines()]
    return "\n".join(line for line in lines if line.strip())


def status_line(message: Message) -> str:
    """What a progress message says now, in one line."""
    for embed in message.embeds:
        _, separator, status = str(embed.get("description", "")).partition("\n\n")
        if separator:
            preview = any(file.filename.startswith("preview") for file in message.attachments)
            line = " · ".join(plain(status).splitlines())
            return f"{line} · with ComfyUI's preview picture" if preview else line
    return ""


def results_of(message: Message) -> list[str]:
    """The names of the files that are results: they hold their job's digest."""
    digest = _DIGEST.search(message.text())
    return [file.filename for file in message.attachments if digest and digest.group(1) in file.filename]


def result_line(message: Message) -> str:
    """A result in one line."""
    fields = [f"{entry['name']}: {entry['value']}" for embed in message.embeds for entry in embed.get("fields", [])]
    count = len(message.attachments)
    return " · ".join([f"{count} file" if count == 1 else f"{count} files", *fields])


def error_code(message: Message) -> str | None:
    """The code of the error that the message shows, if it shows one."""
    return next((code for code in _CODE.findall(message.text()) if code in ERRORS_BY_CODE), None)
