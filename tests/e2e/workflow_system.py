"""A server with somebody who manages it, and another server with a manager of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.discord import Message, SimulatedChannel, SimulatedInteraction, SimulatedUser, Upload
from tests.e2e.drawing_system import told_soon
from tests.e2e.system import DEADLINE, System

MANAGER = ["manage_guild", "view_channel", "send_messages", "attach_files"]


@dataclass
class WorkflowSystem:
    """What a test has its hands on."""

    system: System

    def __post_init__(self) -> None:
        self.room = self.system.room
        self.owner = self.system.guild.add_member("hedy", permissions=MANAGER)
        self.member = self.system.ada
        self.elsewhere = self.system.discord.add_guild("Elsewhere")
        self.other_room = self.elsewhere.add_channel("lobby")
        self.stranger = self.elsewhere.add_member("eve", permissions=MANAGER)

    async def upload(
        self,
        content: dict[str, Any] | bytes,
        file_name: str = "Portrait.json",
        *,
        who: SimulatedUser | None = None,
        room: SimulatedChannel | None = None,
        **values: Any,
    ) -> Message:
        """What `/workflow upload` answers privately."""
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        given: dict[str, Any] = {"file": Upload(file_name, data), **values}
        answer = await (who or self.owner).slash(room or self.room, "workflow upload", **given)
        message = await answer.wait_for_message()
        assert message.ephemeral
        return message

    async def saved(self, content: dict[str, Any] | bytes, file_name: str = "Portrait.json", **values: Any) -> str:
        """Uploaded and saved: what was told."""
        page = await self.upload(content, file_name, **values)
        return (await self.owner.press(page, "Save")).message.text()

    async def ask(
        self, command: str, who: SimulatedUser | None = None, room: SimulatedChannel | None = None, **values: Any
    ) -> str:
        """What `/workflow COMMAND` tells the person alone."""
        return await told_soon(await (who or self.owner).slash(room or self.room, f"workflow {command}", **values))

    def file(self, name: str = "portrait") -> Path:
        folder = self.system.folder / "data" / "guilds" / str(self.system.guild.id) / "workflows"
        return folder / "nova" / "image" / f"{name}.json"

    def jobs(self, columns: str) -> list[tuple[Any, ...]]:
        return self.system.rows(f"SELECT {columns} FROM jobs ORDER BY number")

    async def tried(self, answer: SimulatedInteraction) -> Message:
        """Until the private answer shows the result of a trial."""
        message = await answer.wait_for_message()
        await self.room.wait_for_edit(message, lambda shown: bool(shown.attachments), timeout=DEADLINE)
        await self.system.until_rows("SELECT count(*) FROM jobs WHERE delivered_at IS NULL", (0,))
        assert message.ephemeral
        return message


def ui_workflow() -> dict[str, Any]:
    """Text to picture as ComfyUI's editor saves it."""

    def node(number: int, kind: str, widgets: list[Any], inputs: dict[str, int], outputs: list[str]) -> dict[str, Any]:
        return {
            "id": number,
            "type": kind,
            "mode": 0,
            "inputs": [{"name": name, "type": "*", "link": link} for name, link in inputs.items()],
            "outputs": [{"name": name, "type": name, "links": []} for name in outputs],
            "widgets_values": widgets,
        }

    return {
        "version": 0.4,
        "nodes": [
            node(1, "CheckpointLoaderSimple", ["sd_xl_base_1.0.safetensors"], {}, ["MODEL", "CLIP", "VAE"]),
            node(2, "CLIPTextEncode", ["a boat"], {"clip": 1}, ["CONDITIONING"]),
            node(3, "CLIPTextEncode", ["blurry"], {"clip": 2}, ["CONDITIONING"]),
            node(4, "EmptyLatentImage", [64, 64, 1], {}, ["LATENT"]),
            node(
                5,
                "KSampler",
                [7, "randomize", 4, 7.0, "euler", "normal", 1.0],
                {"model": 3, "positive": 4, "negative": 5, "latent_image": 6},
                ["LATENT"],
            ),
            node(6, "VAEDecode", [], {"samples": 7, "vae": 8}, ["IMAGE"]),
            node(7, "SaveImage", ["chorus"], {"images": 9}, []),
        ],
        "links": [
            [1, 1, 1, 2, 0, "CLIP"],
            [2, 1, 1, 3, 0, "CLIP"],
            [3, 1, 0, 5, 0, "MODEL"],
            [4, 2, 0, 5, 1, "CONDITIONING"],
            [5, 3, 0, 5, 2, "CONDITIONING"],
            [6, 4, 0, 5, 3, "LATENT"],
            [7, 5, 0, 6, 0, "LATENT"],
            [8, 1, 2, 6, 1, "VAE"],
            [9, 6, 0, 7, 0, "IMAGE"],
        ],
    }
