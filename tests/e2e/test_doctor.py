"""`/doctor`: the people who manage a server see what does not work there, and nothing of the host or other servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.discord.command_options import NotOfferedError
from tests.e2e.drawing_system import told_soon
from tests.e2e.system import System, graph


def write_workflow(system: System, place: str, changes: dict[str, Any]) -> Path:
    made = graph()
    made["1"]["inputs"] |= changes
    path = system.folder / "workflows" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(made), encoding="utf-8")
    return path


async def asked(system: System) -> tuple[str, str]:
    """What the answer says to the person alone, and the report attached to it."""
    manager = system.guild.add_member("boss", permissions=["manage_guild"])
    answer = await manager.slash(system.room, "doctor")
    text = await told_soon(answer)
    (file,) = answer.message.attachments
    assert file.filename == "doctor.txt"
    return text, file.data.decode()


async def test_what_is_broken_comes_first_with_what_to_do(system: System) -> None:
    write_workflow(system, "nova/image/other.json", {"ckpt_name": "not_there.safetensors"})
    write_workflow(system, "nova/lost.json", {})
    async with system.running():
        text, report = await asked(system)
    first, *lines = text.splitlines()
    assert first == "2 broken"
    assert [line[0] for line in lines if line[0] in "❌✅"] == ["❌", "❌", *["✅"] * text.count("✅")]
    assert "NoSuchNode" in lines[0], "the workflow `broken` of these tests"
    assert "not_there.safetensors" in lines[2].replace("\\", "")
    assert "nova/lost.json is never read" in text.replace("\\", "")
    assert "Move it to nova/image/lost.json." in text.replace("\\", "")
    assert "everything is installed" in report


async def test_nothing_of_the_host_or_of_other_servers_is_shown(system: System) -> None:
    elsewhere = system.discord.add_guild("Elsewhere")
    async with system.running():
        text, report = await asked(system)
    for secret in (str(system.folder), system.comfy.url, elsewhere.name, "127.0.0.1", system.discord.token):
        assert secret not in text + report
    assert "ComfyUI: ComfyUI: version" in report


async def test_a_missing_permission_of_the_channel_is_named(system: System) -> None:
    async with system.running():
        system.guild.remove_bot_permissions("attach_files", "send_voice_messages")
        text, _ = await asked(system)
    assert "❌ **This channel**: permissions missing: Attach Files" in text
    assert "Send Voice Messages (speech is then posted as voice messages, not as files)" in text


async def test_only_for_who_manages_the_server(system: System) -> None:
    async with system.running():
        with pytest.raises(NotOfferedError):
            await system.ada.slash(system.room, "doctor")
