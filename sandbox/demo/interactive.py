"""`chorus demo --stay`: after the scenario the bot goes on running, and the terminal is the user Ada."""

from __future__ import annotations

import asyncio
import re
import sys
import threading

from rich.console import Console

from bot.discord_client.connection import stop_signals
from sandbox.demo.session import DemoSession, StepFailedError
from sandbox.discord import (
    Message,
    NoResponseError,
    NotAllowedError,
    NotOfferedError,
    SimulatedInteraction,
    SimulatedUser,
)
from sandbox.discord.json_values import Json, get_list
from sandbox.discord.rules_commands import CHAT_INPUT

HINTS = """
You are Ada in #studio, until Ctrl-C. What you can do:
  hello there                                  say it; Nova answers
  /imagine a boat in the fog                   a command; the text goes to its first option
  /imagine prompt: a boat seed: 7              ... or name the options
  /queue   /status   /gallery   /speak Hello!  and all the others: {commands}
  > Again                                      press a button of the newest message that has it
Change a file in {folder}/characters or {folder}/workflows, and the bot takes it up.
The local Discord takes requests as well: GET {url}/control/state
""".strip()
_OPTION = re.compile(r"(?:^|\s)([a-z_]+): ?")
USER_ERRORS = (StepFailedError, NoResponseError, NotAllowedError, NotOfferedError)


async def run_interactive(session: DemoSession, console: Console) -> None:
    """Perform what is typed as Ada and print new messages, until Ctrl-C or SIGTERM."""
    environment = session.environment
    names = ", ".join(
        sorted({f"/{command.name}" for command in environment.discord.commands if command.type == CHAT_INPUT})
    )
    hints = HINTS.format(commands=names, folder=environment.options.folder, url=environment.discord.url)
    with stop_signals() as stop:
        console.print(f"\n{hints}", markup=False, soft_wrap=True)
        printing = asyncio.create_task(_print_new_messages(session), name="what is said")
        reading = asyncio.create_task(_read_terminal(session), name="the terminal")
        await stop.wait()
        for task in (printing, reading):
            task.cancel()
        await asyncio.gather(printing, reading, return_exceptions=True)


async def _read_terminal(session: DemoSession) -> None:
    lines = asyncio.Queue[str]()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line.strip())

    # A daemon thread: reading from a terminal cannot be cancelled, and the process must not wait for it.
    threading.Thread(target=read, name="terminal", daemon=True).start()
    while True:
        line = await lines.get()
        try:
            await _perform(session, line)
        except USER_ERRORS as refusal:
            session.transcript.problem(str(refusal))


async def _perform(session: DemoSession, line: str) -> None:
    ada = session.environment.ada
    if line.startswith("/"):
        await _use_command(session, ada, line[1:])
    elif line.startswith(">"):
        await _press_button(session, ada, line[1:].strip())
    elif line:
        await ada.send(session.channel, line)


async def _use_command(session: DemoSession, user: SimulatedUser, text: str) -> None:
    """Use a slash command as it was typed, such as `imagine a boat seed: 7`.

    Text before the first option name goes to the command's first option.
    """
    commands = {command.name: command.data for command in session.environment.discord.commands}
    words = text.split()
    data = commands.get(words[0], {}) if words else {}
    path, rest = words[:1], words[1:]
    while rest and (inner := _find_option(data, rest[0], kinds=(1, 2))):
        path.append(rest.pop(0))
        data = inner
    parts = _OPTION.split(" ".join(rest))
    values = dict(zip(parts[1::2], (value.strip() for value in parts[2::2]), strict=True))
    if parts[0].strip() and (options := get_list(data, "options")):
        values = {str(options[0]["name"]): parts[0].strip()} | values
    interaction = await user.slash(session.channel, " ".join(path), wait=True, **values)
    if _is_ephemeral(interaction):
        session.print_message(interaction.message, to=user)


def _find_option(data: Json, name: str, *, kinds: tuple[int, ...]) -> Json | None:
    found = (option for option in get_list(data, "options") if option.get("name") == name)
    return next((option for option in found if option.get("type") in kinds), None)


async def _press_button(session: DemoSession, user: SimulatedUser, button: str) -> None:
    for message in reversed(session.channel.messages):
        labels = [str(entry.get("label", "")) for entry in message.flat_components()]
        if button.lower() in [label.lower() for label in labels]:
            label = next(label for label in labels if label.lower() == button.lower())
            interaction = await user.press(message, label)
            if _is_ephemeral(interaction):
                session.print_message(interaction.message, to=user)
            return
    raise StepFailedError(f"no message has a button {button!r}")


def _is_ephemeral(interaction: SimulatedInteraction) -> bool:
    """Whether the response is a message that only the user sees; other messages are printed by another task."""
    return interaction.responded and interaction.interaction.original is not None and interaction.message.ephemeral


async def _print_new_messages(session: DemoSession) -> None:
    """Print each message of other users and the bot once it has not been edited for three seconds."""
    seen = {message.id for message in session.channel.messages}
    while True:
        message = await session.channel.wait_for_message(
            lambda message: message.id not in seen and message.author is not session.environment.ada.user, timeout=1e9
        )
        seen.add(message.id)
        await _wait_until_unedited(session, message)
        session.print_message(message)
        for path in session.environment.new_files():
            session.transcript.files([path])


async def _wait_until_unedited(session: DemoSession, message: Message) -> None:
    """Wait until a message has not been edited for three seconds."""
    while True:
        try:
            await session.channel.wait_for_edit(message, timeout=3.0)
        except TimeoutError:
            return
