"""`chorus demo --stay`: the visit is over, the bot goes on, and whoever sits at the terminal is Ada."""

from __future__ import annotations

import asyncio
import re
import sys
import threading

from rich.console import Console

from bot.discord_client.connection import stop_signals
from sandbox.demo.visit import MissedError, Visit
from sandbox.discord import Message, NoResponseError, NotAllowedError, NotOfferedError, SimulatedUser
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
REFUSALS = (MissedError, NoResponseError, NotAllowedError, NotOfferedError)


async def stay(visit: Visit, console: Console) -> None:
    """Until Ctrl-C or SIGTERM; lines from the terminal are Ada's."""
    stage = visit.stage
    names = ", ".join(sorted({f"/{command.name}" for command in stage.discord.commands if command.type == CHAT_INPUT}))
    hints = HINTS.format(commands=names, folder=stage.options.folder, url=stage.discord.url)
    with stop_signals() as stop:
        console.print(f"\n{hints}", markup=False, soft_wrap=True)
        watching = asyncio.create_task(_watch(visit), name="what is said")
        listening = asyncio.create_task(_listen(visit), name="the terminal")
        await stop.wait()
        for task in (watching, listening):
            task.cancel()
        await asyncio.gather(watching, listening, return_exceptions=True)


async def _listen(visit: Visit) -> None:
    lines = asyncio.Queue[str]()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line.strip())

    # Not a pool's thread: a read from a terminal cannot be ended, and the process must not wait for it.
    threading.Thread(target=read, name="terminal", daemon=True).start()
    while True:
        line = await lines.get()
        try:
            await _do(visit, line)
        except REFUSALS as refusal:
            visit.transcript.problem(str(refusal))


async def _do(visit: Visit, line: str) -> None:
    ada = visit.stage.ada
    if line.startswith("/"):
        await _command(visit, ada, line[1:])
    elif line.startswith(">"):
        await _press(visit, ada, line[1:].strip())
    elif line:
        await ada.send(visit.room, line)


async def _command(visit: Visit, person: SimulatedUser, text: str) -> None:
    """`imagine a boat seed: 7`: up to the first option's name is the command, then perhaps its first option's value."""
    known = {command.name: command.data for command in visit.stage.discord.commands}
    words = text.split()
    data = known.get(words[0], {}) if words else {}
    path, rest = words[:1], words[1:]
    while rest and (inner := _named(data, rest[0], kinds=(1, 2))):
        path.append(rest.pop(0))
        data = inner
    parts = _OPTION.split(" ".join(rest))
    values = dict(zip(parts[1::2], (value.strip() for value in parts[2::2]), strict=True))
    if parts[0].strip() and (options := get_list(data, "options")):
        values = {str(options[0]["name"]): parts[0].strip()} | values
    answer = await person.slash(visit.room, " ".join(path), wait=True, **values)
    if answer.responded and answer.interaction.original is not None and answer.message.ephemeral:
        visit.show(answer.message, to=person)


def _named(data: Json, name: str, *, kinds: tuple[int, ...]) -> Json | None:
    found = (option for option in get_list(data, "options") if option.get("name") == name)
    return next((option for option in found if option.get("type") in kinds), None)


async def _press(visit: Visit, person: SimulatedUser, button: str) -> None:
    for message in reversed(visit.room.messages):
        labels = [str(entry.get("label", "")) for entry in message.flat_components()]
        if button.lower() in [label.lower() for label in labels]:
            label = next(label for label in labels if label.lower() == button.lower())
            answer = await person.press(message, label)
            if answer.responded and answer.interaction.original is not None and answer.message.ephemeral:
                visit.show(answer.message, to=person)
            return
    raise MissedError(f"no message has a button {button!r}")


async def _watch(visit: Visit) -> None:
    """Print what others say, when it has been still for a moment."""
    seen = {message.id for message in visit.room.messages}
    while True:
        message = await visit.room.wait_for_message(
            lambda shown: shown.id not in seen and shown.author is not visit.stage.ada.user, timeout=1e9
        )
        seen.add(message.id)
        await _settled(visit, message)
        visit.show(message)
        for path in visit.stage.new_files():
            visit.transcript.files([path])


async def _settled(visit: Visit, message: Message) -> None:
    """Until three seconds pass without an edit."""
    while True:
        try:
            await visit.room.wait_for_edit(message, timeout=3.0)
        except TimeoutError:
            return
