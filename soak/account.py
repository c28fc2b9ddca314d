"""What became of everything that was accepted: read from the database, the disk, and what people see."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.errors import ERRORS_BY_CODE
from bot.storage.sqlite_file import find_damage, known_files, referenced_files
from sandbox.discord import Message
from soak.people import People, labels

RESULT_FOLDERS = ("images", "audio", "video")
_OPEN = (
    "SELECT count(*) FROM jobs WHERE delivered_at IS NULL",
    "SELECT count(*) FROM messages WHERE role = 'assistant' AND state IN ('queued', 'running', 'generated')",
    "SELECT count(*) FROM deliveries WHERE state = 'pending'",
    "SELECT count(*) FROM batches WHERE state IN ('running', 'stopped')",
)
"""What is not over: each counts 0 when the bot has done everything."""


@dataclass
class Account:
    """The result of a run.

    Attributes:
        accepted: Public answers to people who asked for something.
        delivered: Of these, those that bear their files.
        explained: Those that show a code and a sentence, or that they were cancelled.
        lost: What is neither, and what was left open; each is described.
        doubled: Files, turns and speech that are shown twice or belong to nothing.
        orphan_files: Files of results without a row.
        orphan_rows: Rows of results whose file is not there.
        damage: Of the database.

    """

    accepted: int = 0
    delivered: int = 0
    explained: int = 0
    lost: list[str] = field(default_factory=list[str])
    doubled: list[str] = field(default_factory=list[str])
    orphan_files: list[str] = field(default_factory=list[str])
    orphan_rows: list[str] = field(default_factory=list[str])
    damage: str | None = None

    @property
    def good(self) -> bool:
        """Nothing lost, doubled, left over or damaged."""
        return not (self.lost or self.doubled or self.orphan_files or self.orphan_rows or self.damage)


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    """Read the bot's database while it runs."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=30)) as opened:
        return opened.execute(query).fetchall()


async def until_quiet(database: Path, seconds: float) -> bool:
    """Wait until nothing is open; False: something still is after that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if all([await asyncio.to_thread(rows, database, query) == [(0,)] for query in _OPEN]):
            return True
        await asyncio.sleep(0.2)
    return False


def take_account(people: People, data_dir: Path) -> Account:
    """Compare what people see with the rows and files. Blocking; nothing may be open."""
    database = data_dir / "chorus.db"
    account = Account()
    _promises(account, people)
    _open_rows(account, database)
    _shown(account, people, database)
    _files(account, data_dir)
    account.damage = find_damage(database)
    return account


def _promises(account: Account, people: People) -> None:
    promised = {message.id: message for message in people.accepted}
    account.accepted = len(promised)
    for message in promised.values():
        if message.deleted:
            account.lost.append(f"deleted: {_described(message)}")
        elif "Cancel" in labels(message) or "Stop" in labels(message):
            account.lost.append(f"still waiting: {_described(message)}")
        elif message.attachments:
            account.delivered += 1
        elif _code(message) is not None:
            account.explained += 1
        else:
            account.lost.append(f"neither: {_described(message)}")


def _open_rows(account: Account, database: Path) -> None:
    for query, what in zip(_OPEN, ("jobs", "turns", "deliveries", "batches"), strict=True):
        ((count,),) = rows(database, query)
        if count:
            account.lost.append(f"{count} {what} are open")
    shown_jobs = "SELECT id FROM jobs WHERE state = 'delivered' AND batch_id IS NULL"
    sent = (
        "SELECT job_id FROM deliveries WHERE state = 'sent' AND discord_message_id IS NOT NULL AND job_id IS NOT NULL"
    )
    unsent = {job for (job,) in rows(database, shown_jobs)} - {job for (job,) in rows(database, sent)}
    account.lost.extend(f"job {job} is delivered and has no message" for job in sorted(unsent))


def _shown(account: Account, people: People, database: Path) -> None:
    """Each job's files are on one message, each turn and its speech are there once, and nothing else is."""
    claimed = {
        message for (message,) in rows(database, "SELECT discord_message_id FROM deliveries WHERE state = 'sent'")
    }
    shown = [message for room in (people.studio, people.parlour) for message in room.messages if not message.deleted]
    digests: Counter[str] = Counter()
    for message in shown:
        found = {match for file in message.attachments for match in re.findall(r"_([0-9a-f]{12})_", file.filename)}
        digests.update(found)
        from_bot = message.author is people.system.discord.bot or message.webhook_id is not None
        if from_bot and (message.attachments or _is_turn(message)) and message.id not in claimed:
            account.doubled.append(f"belongs to nothing: {_described(message)}")
    account.doubled.extend(f"job {digest} is on {count} messages" for digest, count in digests.items() if count > 1)
    spoken = Counter(message.reply_to.id for message in shown if message.is_voice and message.reply_to is not None)
    account.doubled.extend(f"message {turn} is spoken {count} times" for turn, count in spoken.items() if count > 1)


def _is_turn(message: Message) -> bool:
    """A character's words; an answer to a command has the id of a webhook, too: the application's."""
    return message.webhook_id is not None and message.interaction_metadata is None


def _files(account: Account, data_dir: Path) -> None:
    known, named = known_files(data_dir / "chorus.db"), referenced_files(data_dir / "chorus.db")
    stems = {name.rpartition(".")[0] for name in known}
    for folder in RESULT_FOLDERS:
        for path in (data_dir / folder).rglob("*"):
            name = path.relative_to(data_dir).as_posix()
            if path.is_file() and name not in known and name.rpartition(".")[0] not in stems:
                account.orphan_files.append(name)
    account.orphan_rows.extend(sorted(name for name in named if not (data_dir / name).is_file()))


def _code(message: Message) -> str | None:
    """The error code that a message shows."""
    return next((code for code in ERRORS_BY_CODE if code in message.text()), None)


def _described(message: Message) -> str:
    text = " / ".join(message.text().split("\n"))[:160]
    files = ", ".join(file.filename for file in message.attachments)
    return f"message {message.id} ({text!r}; files: {files or 'none'}; buttons: {', '.join(labels(message)) or 'none'})"
