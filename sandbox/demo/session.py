"""What the steps of the scenario share: acting as a user, printing it, and waiting for what must arrive."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from sandbox.demo.environment import DemoEnvironment
from sandbox.demo.message_text import (
    JOB_DIGEST,
    error_code,
    result_file_names,
    result_line,
    status_line,
    without_markdown,
)
from sandbox.demo.transcript import Transcript
from sandbox.discord import Message, SimulatedInteraction, SimulatedUser

DEADLINE = 30.0
"""Seconds to wait for one thing that the stand-ins make."""
REAL_DEADLINE = 300.0
"""Seconds to wait for one thing that a real ComfyUI makes, which may have to load a model first."""


class StepFailedError(Exception):
    """Something that must arrive did not; the message says what."""


class DemoSession:
    """Acts as the users of the demo in its channel, and prints what happens to the transcript."""

    def __init__(self, environment: DemoEnvironment, transcript: Transcript) -> None:
        self.environment = environment
        self.transcript = transcript
        self.channel = environment.studio
        self.deadline = DEADLINE if environment.options.comfyui is None else REAL_DEADLINE
        self.files: list[Path] = []
        self.picture: Message | None = None
        """The message with the first result; None before there is one."""

    # -- acting as a user

    async def slash(self, person: SimulatedUser, command: str, **options: str) -> SimulatedInteraction:
        """Use a slash command.

        Raises:
            StepFailedError: The bot did not respond within 3 s.

        """
        typed = " ".join(f"{name}: {value}" for name, value in options.items())
        self.transcript.message(person.name, f"/{command} {typed}".strip())
        return self._require_response(await person.slash(self.channel, command, wait=True, **options), command)

    async def press(self, person: SimulatedUser, message: Message, button: str) -> SimulatedInteraction:
        """Press a button.

        Raises:
            StepFailedError: The bot did not respond within 3 s.

        """
        self.transcript.message(person.name, f"presses [{button}]")
        return self._require_response(await person.press(message, button), button)

    async def send(self, person: SimulatedUser, text: str) -> Message:
        """Send a message to the channel."""
        self.transcript.message(person.name, text)
        return await person.send(self.channel, text)

    def _require_response(self, interaction: SimulatedInteraction, what: str) -> SimulatedInteraction:
        if not interaction.responded:
            raise StepFailedError(f"{what}: the bot did not answer within 3 s")
        return interaction

    # -- printing, and waiting for results

    def print_message(self, message: Message, *, to: SimulatedUser | None = None) -> None:
        """Print a message as it is now; `to` is the user who sees it if it is ephemeral."""
        text = message.text()
        job_footer = JOB_DIGEST.search(text)
        words = text.replace(job_footer.group(0), "").strip() if job_footer else text
        for person in (self.environment.ada, self.environment.bob):
            words = words.replace(person.mention, f"@{person.name}")
        words = re.sub(r"<t:\d+:R>", "just now", words)
        self.transcript.message(
            message.author.name, without_markdown(words), to=to.name if message.ephemeral and to else None
        )

    async def print_progress(self, message: Message, done: Callable[[Message], bool]) -> Message:
        """Print each change of the progress that a message shows, until `done` is true for it.

        Raises:
            TimeoutError: It is not done before the deadline.

        """
        last_line = status_line(message)

        def print_if_changed(edited: Message) -> bool:
            nonlocal last_line
            ended = done(edited)
            line = "" if ended else status_line(edited)
            if line and line != last_line:
                last_line = line
                self.transcript.edit(line)
            return ended

        return await self.channel.wait_for_edit(message, print_if_changed, timeout=self.deadline)

    async def wait_for_result(self, message: Message, files: int = 1) -> Message:
        """Print the progress of a message until it has this many result files, then print the result.

        Raises:
            StepFailedError: The message shows an error instead.
            TimeoutError: There is no result before the deadline.

        """

        def done(edited: Message) -> bool:
            if code := error_code(edited):
                raise StepFailedError(f"instead of a result came {code}: {without_markdown(edited.text())}")
            return len(result_file_names(edited)) == files

        await self.print_progress(message, done)
        self.transcript.edit(result_line(message))
        self.print_new_files()
        return message

    def print_new_files(self) -> list[Path]:
        """Print the files that were saved since the last call, and remember them for the summary.

        Raises:
            StepFailedError: There are none.

        """
        files = self.environment.new_files()
        if not files:
            raise StepFailedError("no file was saved")
        self.files += files
        self.transcript.files(files)
        return files

    def require(self, condition: object, what: str) -> None:
        """Fail the step if `condition` is false; `what` names what is missing."""
        if not condition:
            raise StepFailedError(f"missing: {what}")
