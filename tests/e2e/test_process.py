"""`chorus run` as a process: starting, refusing to start, stopping."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sandbox.discord import ErrorStatus, Rejected
from tests.e2e.house import House, built


@pytest.mark.setting("discord.server")
async def test_it_runs_and_stops_cleanly_on_sigterm(house: House) -> None:
    async with house.start() as bot:
        await bot.ready()
        message = await house.imagine()
        await house.result(message)
        code, output = await bot.stop()
    assert code == 0
    assert "Traceback" not in output
    assert house.discord.token not in output


async def test_it_stops_within_five_seconds_in_the_middle_of_a_job(house: House) -> None:
    async with house.start() as bot, house.comfy.set_breakpoint("KSampler") as hold:
        await bot.ready()
        message = await house.imagine()
        await hold.reached.wait()
        async with asyncio.timeout(5):
            code, output = await bot.stop()
    assert code == 0
    assert "Traceback" not in output
    assert house.states() == ["running"]
    async with house.start() as bot:
        await bot.ready()
        await house.result(message)
        await bot.stop()


async def refused(house: House) -> tuple[int, str]:
    async with house.start() as bot:
        return await bot.ended()


async def test_a_wrong_token_is_a_sentence(house: House) -> None:
    async with house.start() as bot:
        house.discord.context.token = "another"
        code, output = await bot.ended()
    assert code == 2
    assert "token" in output
    assert "Traceback" not in output


async def test_a_missing_intent_is_a_sentence(tmp_path: Path) -> None:
    async with built(tmp_path, privileged_intents=0) as house:
        code, output = await refused(house)
        assert code == 2
        assert "Message Content Intent" in output
        assert "Traceback" not in output


async def test_no_network_is_a_sentence(tmp_path: Path) -> None:
    async with built(tmp_path) as house:
        config = house.config.read_text(encoding="utf-8").replace(house.discord.url, "http://127.0.0.1:9")
        house.config.write_text(config, encoding="utf-8")
        code, output = await refused(house)
        assert code == 1
        assert "cannot be reached" in output
        assert "Traceback" not in output


@pytest.mark.parametrize("effect", [ErrorStatus(403), Rejected(400, 50035, "Invalid Form Body")])
async def test_a_login_that_discord_refuses_is_a_sentence(house: House, effect: ErrorStatus | Rejected) -> None:
    house.discord.faults.always("GET", "/users/@me", effect)
    code, output = await refused(house)
    assert code == 1
    assert "Traceback" not in output


async def test_two_bots_do_not_share_a_data_folder(house: House) -> None:
    async with house.start() as first:
        await first.ready()
        code, output = await refused(house)
        assert code == 2
        assert "data folder" in output
        assert "Traceback" not in output
        message = await house.imagine()
        await house.result(message)


async def test_a_terminal_draws_beside_the_running_bot(house: House) -> None:
    async with house.start() as bot, house.comfy.set_breakpoint("KSampler") as hold:
        await bot.ready()
        message = await house.imagine()
        await hold.reached.wait()
        terminal = await house.command(
            "imagine", "nova", "a harbour at noon", "--seed", "7", "--out", str(house.folder)
        )
        hold.release()
        async with asyncio.timeout(60):
            output, _ = await terminal.communicate()
        assert terminal.returncode == 0, output.decode()
        await house.result(message)
        made = [Path(line) for line in output.decode().splitlines() if line.endswith(".png")]
        assert [path.parent for path in made] == [house.folder]
        assert b"a harbour at noon" in made[0].read_bytes()
    assert house.rows("SELECT count(*) FROM jobs WHERE requester_id = 0") == [(1,)]
    assert len(house.room.bot_messages) == 1
