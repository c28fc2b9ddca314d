"""`/doctor`: the people who manage a server see what does not work there, and nothing of the host or other servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.discord.command_options import NotOfferedError
from tests.e2e.drawing_system import told_soon
from tests.e2e.system import CHARACTER, System, graph, open_system


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


async def test_no_workflow_of_another_servers_character_is_named(system: System) -> None:
    elsewhere = system.discord.add_guild("Elsewhere")
    for guild, name in ((elsewhere, "stranger"), (system.guild, "ours")):
        folder = system.folder / "data" / "guilds" / str(guild.id) / "characters"
        folder.mkdir(parents=True)
        (folder / f"{name}.yaml").write_text(CHARACTER.replace("nova", name).replace("Nova", name), encoding="utf-8")
        write_workflow(system, f"{name}/lost.json", {})
        path = write_workflow(system, f"{name}/image/cut.json", {})
        path.write_text("{", encoding="utf-8")
    async with system.running():
        text, report = await asked(system)
    assert "stranger" not in text + report
    assert "ours/lost.json is never read" in report
    assert "ours/image/cut.json" in report


async def test_no_place_of_the_host_is_in_the_name_of_a_model(tmp_path: Path) -> None:
    async def models(_: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "/home/ada/models/qwen.gguf"}]})

    app = web.Application()
    app.router.add_get("/v1/models", models)
    for wanted in (None, "/home/ada/models/qwen.gguf", "/home/ada/other.gguf"):
        async with TestServer(app) as server:
            llm = {"provider": "openai", "base_url": str(server.make_url("/v1")), "model": wanted}
            async with open_system(tmp_path / str(wanted).replace("/", "_"), llm=llm) as system, system.running():
                text, report = await asked(system)
        assert "/home" not in text + report
        assert "qwen.gguf" in report


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


async def test_workflows_of_the_server_are_checked_and_those_of_others_are_not(system: System) -> None:
    elsewhere = system.discord.add_guild("Elsewhere")
    for guild, name in ((elsewhere, "theirs"), (system.guild, "ours")):
        root = f"../data/guilds/{guild.id}/workflows"
        write_workflow(system, f"{root}/nova/image/{name}.json", {"ckpt_name": f"{name}.safetensors"})
        write_workflow(system, f"{root}/nova/image/{name}-cut.json", {}).write_text("{", encoding="utf-8")
    async with system.running():
        text, report = await asked(system)
    assert "theirs" not in text + report
    assert 'nova: image/ours (uploaded): That workflow needs the model "ours.safetensors"' in report
    assert "nova/image/ours-cut.json of this server" in report
