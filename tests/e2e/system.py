"""The whole system: the real bot and orchestrator between a local Discord and a stand-in ComfyUI, both of which go on.

Either in this process (`System.running`) or as a process of its own that can be killed (`System.process`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from bot.discord_client.bot import ChorusBot
from bot.discord_client.connection import connected
from bot.discord_client.endpoint import point_discord_at
from bot.services import Services, open_services
from bot.settings import Settings, load_settings
from sandbox.comfyui import StandInComfyUI, StandInOptions
from sandbox.discord import Limits, LocalDiscord, Message, SimulatedChannel, SimulatedUser
from sandbox.discord.sessions import PRIVILEGED_INTENTS
from tests.discord_openapi import check_requests
from tests.migrated_database import migrated_database
from tests.processes import ForkedProcess, chorus

DEADLINE = 60.0
LIMITS = Limits(callback_seconds=15)
"""Discord gives a bot 3 seconds to answer, which `tests/cogs` keep; a machine busy with other tests needs longer."""
REPOSITORY = Path(__file__).parents[2]
CHARACTER = "id: nova\nname: Nova\nrole: painter\nsystem_prompt: You paint.\n"


def graph(*, batch: int = 1, side: int = 64, steps: int = 2) -> dict[str, Any]:
    """Text to picture, small and quick."""
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd_xl_base_1.0.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "__CHORUS_PROMPT__", "clip": ["1", 1]}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "__CHORUS_NEGATIVE__", "clip": ["1", 1]}},
        "4": {"class_type": "EmptyLatentImage", "inputs": {"width": side, "height": side, "batch_size": batch}},
        "5": {
            "class_type": "KSampler",
            "inputs": {
                "seed": "__CHORUS_SEED__",
                "steps": steps,
                "cfg": 7.0,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1.0,
                "model": ["1", 0],
                "positive": ["2", 0],
                "negative": ["3", 0],
                "latent_image": ["4", 0],
            },
            "_meta": {"title": "Paint it"},
        },
        "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
        "7": {"class_type": "SaveImage", "inputs": {"images": ["6", 0], "filename_prefix": "chorus"}},
    }


WORKFLOWS: dict[str, dict[str, Any]] = {
    "default": graph(),
    "dozen": graph(batch=12),
    "slow": graph(steps=60),
    "broken": graph() | {"8": {"class_type": "NoSuchNode", "inputs": {}}},
}


@dataclass
class System:
    """What a test has its hands on."""

    discord: LocalDiscord
    comfy: StandInComfyUI
    folder: Path
    config: Path

    def __post_init__(self) -> None:
        self.guild = self.discord.add_guild("Harbour")
        self.room = self.guild.add_channel("studio")
        self.ada = self.guild.add_member("ada")
        self.bob = self.guild.add_member("bob")

    @property
    def settings(self) -> Settings:
        return load_settings(self.config, environment={"DISCORD_TOKEN": self.discord.token})

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[tuple[Services, ChorusBot]]:
        """Run the bot in this process until the block is left."""
        point_discord_at(self.discord.url)
        async with (
            open_services(self.settings, owner=True) as services,
            connected(services, self.discord.token) as (bot, _),
        ):
            await bot.wait_until_ready()
            yield services, bot

    async def imagine(
        self, person: SimulatedUser | None = None, room: SimulatedChannel | None = None, **values: str
    ) -> Message:
        """`/imagine`, accepted: its message."""
        given = {"prompt": "a lighthouse at dusk"} | values
        answer = await (person or self.ada).slash(room or self.room, "imagine", wait=True, **given)
        return answer.message

    async def result(self, message: Message, *, files: int = 1) -> Message:
        """Until the message bears its result."""

        def done(shown: Message) -> bool:
            return len(shown.attachments) == files and "Cancel" not in labels(shown) and "preview" not in name_of(shown)

        return await self.room.wait_for_edit(message, done, timeout=DEADLINE)

    def start(self) -> Process:
        """The bot as `chorus run` starts it."""
        return Process(self)

    async def command(self, name: str, *arguments: str) -> ForkedProcess:
        """`chorus NAME --config ... ARGUMENTS` in a process of its own."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("CHORUS__")}
        return await ForkedProcess.start(
            chorus,
            [name, "--config", str(self.config), *arguments],
            environment=environment | {"DISCORD_TOKEN": self.discord.token},
        )

    # -- what is in the database, also while the bot is dead

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        path = self.folder / "data" / "chorus.db"
        if not path.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as database:
            try:
                return database.execute(query).fetchall()
            except sqlite3.OperationalError:  # not migrated yet
                return []

    def refuse_jobs_unless(self, query: str) -> None:
        """From now on the database takes a job (`NEW`) only if the query has a row."""
        with contextlib.closing(sqlite3.connect(self.folder / "data" / "chorus.db", timeout=5)) as database:
            database.execute(
                f"CREATE TRIGGER refused BEFORE INSERT ON jobs WHEN NOT EXISTS ({query})"
                " BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
            )
            database.commit()

    def states(self) -> list[str]:
        return [str(state) for (state,) in self.rows("SELECT state FROM jobs ORDER BY number")]

    async def until_rows(self, query: str, *expected: Sequence[Any]) -> None:
        """Until the query has these rows."""
        wanted = [tuple(row) for row in expected]
        async with asyncio.timeout(DEADLINE):
            while await asyncio.to_thread(self.rows, query) != wanted:  # noqa: ASYNC110 - another process writes
                await asyncio.sleep(0.005)

    async def until_delivered(self, jobs: int = 1) -> None:
        """Until that many jobs are over, and shown."""
        query = "SELECT count(*) FROM jobs WHERE delivered_at IS NOT NULL AND state NOT IN ('queued', 'running')"
        await self.until_rows(query, (jobs,))

    def open_deliveries(self) -> int:
        """Rows without a known end."""
        return int(self.rows("SELECT count(*) FROM deliveries WHERE state = 'pending'")[0][0])


class Process:
    """`python -m bot run --config ...`."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._process: ForkedProcess | None = None

    async def __aenter__(self) -> Self:
        self._process = await self._system.command("run")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.communicate()

    @property
    def process(self) -> ForkedProcess:
        assert self._process is not None
        return self._process

    async def ready(self) -> None:
        await self._system.discord.wait_until_bot_ready(timeout=DEADLINE)
        await self._system.discord.wait_for_commands("imagine", "queue", timeout=DEADLINE)

    async def kill(self) -> None:
        """-9: nothing is closed, nothing is said."""
        self.process.send_signal(signal.SIGKILL)
        await self.process.communicate()
        await self._system.discord.wait_until_bot_disconnected()

    async def stop(self) -> tuple[int, str]:
        """SIGTERM; the exit code and everything it printed."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> tuple[int, str]:
        """Until it ended by itself."""
        async with asyncio.timeout(DEADLINE):
            output, _ = await self.process.communicate()
        return self.process.returncode or 0, output.decode()


def labels(message: Message) -> list[str]:
    """The buttons under a message."""
    return [str(entry.get("label")) for entry in message.flat_components() if entry.get("type") == 2]


def name_of(message: Message) -> str:
    return " ".join(file.filename for file in message.attachments)


@asynccontextmanager
async def open_system(
    folder: Path,
    *,
    privileged_intents: int = PRIVILEGED_INTENTS,
    comfy_options: StandInOptions | None = None,
    discord_ahead: float = 0.0,
    **sections: dict[str, Any],
) -> AsyncGenerator[System]:
    """Configuration, character and workflows in `folder`, between the two servers."""
    workflows = folder / "workflows" / "nova" / "image"
    workflows.mkdir(parents=True)
    for name, content in WORKFLOWS.items():
        (workflows / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    (folder / "characters").mkdir()
    (folder / "characters" / "nova.yaml").write_text(CHARACTER, encoding="utf-8")
    migrated_database(folder / "data" / "chorus.db")
    async with (
        LocalDiscord(limits=LIMITS, privileged_intents=privileged_intents, clock_ahead=discord_ahead) as discord,
        StandInComfyUI(options=comfy_options or StandInOptions(step_seconds=0.01, previews=False)) as comfy,
    ):
        config: dict[str, dict[str, Any]] = {
            "discord": {"server": discord.url, "progress_interval_seconds": 0.1},
            "comfyui": {"url": comfy.url},
        }
        for name, keys in sections.items():
            config.setdefault(name, {}).update(keys)
        path = folder / "config.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        yield System(discord, comfy, folder, path)
        assert discord.violations == []
        assert check_requests(discord.requests) == []
