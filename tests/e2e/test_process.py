"""`chorus run` as a process: starting, refusing to start, stopping."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sandbox.discord import ErrorStatus, Rejected
from tests.e2e.system import System, open_system


@pytest.mark.setting("discord.server")
async def test_it_runs_and_stops_cleanly_on_sigterm(system: System) -> None:
    async with system.start() as bot:
        await bot.ready()
        message = await system.imagine()
        await system.result(message)
        code, output = await bot.stop()
    assert code == 0
    assert "Traceback" not in output
    assert system.discord.token not in output


async def test_it_stops_within_five_seconds_in_the_middle_of_a_job(system: System) -> None:
    async with system.start() as bot, system.comfy.set_breakpoint("KSampler") as hold:
        await bot.ready()
        message = await system.imagine()
        await hold.reached.wait()
        async with asyncio.timeout(5):
            code, output = await bot.stop()
    assert code == 0
    assert "Traceback" not in output
    assert system.states() == ["running"]
    async with system.start() as bot:
        await bot.ready()
        await system.result(message)
        await bot.stop()


async def refused(system: System) -> tuple[int, str]:
    async with system.start() as bot:
        return await bot.ended()


async def test_a_wrong_token_is_a_sentence(system: System) -> None:
    async with system.start() as bot:
        system.discord.context.token = "another"
        code, output = await bot.ended()
    assert code == 2
    assert "token" in output
    assert "Traceback" not in output


async def test_a_missing_intent_is_a_sentence(tmp_path: Path) -> None:
    async with open_system(tmp_path, privileged_intents=0) as system:
        code, output = await refused(system)
        assert code == 2
        assert "Message Content Intent" in output
        assert "Traceback" not in output


async def test_no_network_is_a_sentence(tmp_path: Path) -> None:
    async with open_system(tmp_path) as system:
        config = system.config.read_text(encoding="utf-8").replace(system.discord.url, "http://127.0.0.1:9")
        system.config.write_text(config, encoding="utf-8")
        code, output = await refused(system)
        assert code == 1
        assert "cannot be reached" in output
        assert "Traceback" not in output


@pytest.mark.parametrize("effect", [ErrorStatus(403), Rejected(400, 50035, "Invalid Form Body")])
async def test_a_login_that_discord_refuses_is_a_sentence(system: System, effect: ErrorStatus | Rejected) -> None:
    system.discord.faults.always("GET", "/users/@me", effect)
    code, output = await refused(system)
    assert code == 1
    assert "Traceback" not in output


async def test_two_bots_do_not_share_a_data_folder(system: System) -> None:
    async with system.start() as first:
        await first.ready()
        code, output = await refused(system)
        assert code == 2
        assert "data folder" in output
        assert "Traceback" not in output
        message = await system.imagine()
        await system.result(message)


async def test_a_terminal_draws_beside_the_running_bot(system: System) -> None:
    async with system.start() as bot, system.comfy.set_breakpoint("KSampler") as hold:
        await bot.ready()
        message = await system.imagine()
        await hold.reached.wait()
        terminal = await system.command(
            "imagine", "nova", "a harbour at noon", "--seed", "7", "--out", str(system.folder)
        )
        hold.release()
        async with asyncio.timeout(60):
            output, _ = await terminal.communicate()
        assert terminal.returncode == 0, output.decode()
        await system.result(message)
        made = [Path(line) for line in output.decode().splitlines() if line.endswith(".png")]
        assert [path.parent for path in made] == [system.folder]
        assert b"a harbour at noon" in made[0].read_bytes()
    assert system.rows("SELECT count(*) FROM jobs WHERE requester_id = 0") == [(1,)]
    assert len(system.room.bot_messages) == 1
