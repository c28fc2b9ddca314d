"""`/workflow` from the upload to the picture that somebody draws with it; by the real bot between the stand-ins."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.discord import Message, SimulatedChannel, SimulatedInteraction, SimulatedUser, Upload
from tests.e2e.drawing_system import told, told_soon
from tests.e2e.system import DEADLINE, System, graph, labels


@dataclass
class WorkflowSystem:
    """A server with a manager and a member, and another server with a manager of its own."""

    system: System

    def __post_init__(self) -> None:
        self.room = self.system.room
        rights = ["manage_guild", "view_channel", "send_messages", "attach_files"]
        self.owner = self.system.guild.add_member("hedy", permissions=rights)
        self.member = self.system.ada
        elsewhere = self.system.discord.add_guild("Elsewhere")
        self.other_room = elsewhere.add_channel("lobby")
        self.stranger = elsewhere.add_member("eve", permissions=rights)

    async def upload(
        self, content: dict[str, Any] | bytes, file_name: str = "Portrait.json", **values: Any
    ) -> Message:
        """The private page of an upload."""
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        answer = await self.owner.slash(self.room, "workflow upload", file=Upload(file_name, data), **values)
        return await answer.wait_for_message()

    async def saved(self, content: dict[str, Any] | bytes, file_name: str = "Portrait.json", **values: Any) -> str:
        """Uploaded and saved: what was told."""
        page = await self.upload(content, file_name, **values)
        return (await self.owner.press(page, "Save")).message.text()

    async def ask(
        self, command: str, who: SimulatedUser | None = None, room: SimulatedChannel | None = None, **values: Any
    ) -> str:
        """What `/workflow COMMAND` tells the person alone."""
        return told(await (who or self.owner).slash(room or self.room, f"workflow {command}", **values))

    async def refused(
        self, command: str, who: SimulatedUser, room: SimulatedChannel | None = None, **values: Any
    ) -> str:
        return await self.ask(command, who, room, **values)

    def folder(self) -> Path:
        return self.system.folder / "data" / "guilds" / str(self.system.guild.id) / "workflows"

    def file(self, name: str = "portrait") -> Path:
        return self.folder() / "nova" / "image" / f"{name}.json"

    def jobs(self, columns: str) -> list[tuple[Any, ...]]:
        return self.system.rows(f"SELECT {columns} FROM jobs ORDER BY number")

    async def tried(self, answer: SimulatedInteraction) -> Message:
        """Until the private answer shows the result of a trial."""
        message = await answer.wait_for_message()
        await self.room.wait_for_edit(message, lambda shown: bool(shown.attachments), timeout=DEADLINE)
        await self.system.until_rows("SELECT count(*) FROM jobs WHERE delivered_at IS NULL", (0,))
        return message


@pytest.fixture
def flows(system: System) -> WorkflowSystem:
    return WorkflowSystem(system)


async def test_an_upload_is_shown_tried_saved_listed_and_used(flows: WorkflowSystem) -> None:
    async with flows.system.running():
        page = await flows.upload(graph(steps=3))
        assert page.ephemeral
        assert "portrait · image · nova" in page.text()
        assert "2.text" in page.text()
        assert "everything is installed" in page.text()
        assert labels(page) == ["Try", "Save", "Bind", "Discard"]
        assert not flows.file().exists()
        trial = await flows.tried(await flows.owner.press(page, "Try"))
        assert trial.ephemeral
        assert len(trial.attachments) == 1
        assert "Save" in labels(trial)
        assert flows.room.bot_messages == []
        assert flows.system.rows("SELECT count(*) FROM images") == [(0,)]
        saved = await flows.owner.press(page, "Save")
        assert "version 1" in saved.message.text()
        assert flows.file().is_file()
        listed = await flows.ask("list", flows.member)
        assert "nova/image/portrait" in listed
        assert "of this server · version 1" in listed
        assert "nova/image/slow" in listed
        drawn = await flows.system.imagine(flows.member, workflow="portrait")
        await flows.system.result(drawn)
        await flows.system.until_delivered(2)
    assert flows.jobs("workflow_name, json_extract(request, '$.trial'), state") == [
        ("portrait", 1, "delivered"),
        ("portrait", 0, "delivered"),
    ]
    assert flows.system.rows("SELECT count(*) FROM workflow_drafts") == [(0,)]
