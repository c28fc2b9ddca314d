"""A terminal command that is killed leaves a job that nobody waits for; the bot ends it, and spares the living."""

from __future__ import annotations

import asyncio
import signal

import pytest

from tests.e2e.system import System


async def test_the_job_of_a_killed_terminal_ends_when_the_bot_starts(system: System) -> None:
    async with system.comfy.set_breakpoint("KSampler", times=1) as hold:
        terminal = await system.command("imagine", "nova", "a harbour")
        await hold.reached.wait()
        terminal.send_signal(signal.SIGKILL)
        await terminal.communicate()
        assert system.states() == ["running"]
        async with system.start() as bot:
            await bot.ready()
            await system.until_rows("SELECT state FROM jobs", ("failed",))
            hold.release()
            message = await system.imagine()
            await system.result(message)
            await bot.stop()
    (error,) = system.rows("SELECT json_extract(error, '$.message') FROM jobs WHERE number = 1")[0]
    assert "ended before it was done" in str(error)
    assert system.rows("SELECT count(*) FROM attempts WHERE state IN ('prepared', 'submitted')") == [(0,)]
    assert list((system.folder / "data" / "terminals").iterdir()) == []


@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 130, "Cancelled."), (signal.SIGTERM, 143, "")], ids=["INT", "TERM"]
)
async def test_a_terminal_that_is_told_to_end_cancels_its_job(
    system: System, number: signal.Signals, code: int, said: str
) -> None:
    async with system.comfy.set_breakpoint("KSampler", times=1) as hold:
        terminal = await system.command("imagine", "nova", "a harbour")
        await hold.reached.wait()
        terminal.send_signal(number)
        async with asyncio.timeout(60):
            output, _ = await terminal.communicate()
    assert terminal.returncode == code
    assert said in output.decode()
    assert "Traceback" not in output.decode()
    assert system.states() == ["cancelled"]


async def test_the_job_of_a_living_terminal_is_left_alone(system: System) -> None:
    async with system.comfy.set_breakpoint("KSampler", times=1) as hold:
        terminal = await system.command("imagine", "nova", "a harbour")
        await hold.reached.wait()
        async with system.start() as bot:
            await bot.ready()
            assert system.states() == ["running"]
            hold.release()
            async with asyncio.timeout(60):
                output, _ = await terminal.communicate()
            await bot.stop()
    assert terminal.returncode == 0, output.decode()
    assert system.states() == ["delivered"]


async def test_in_a_terminal_the_advice_lists_what_there_is(system: System) -> None:
    for arguments, there in ((("nova", "x", "--workflow", "defualt"), "slow"), (("nobody", "x"), "nova")):
        terminal = await system.command("imagine", *arguments)
        output, _ = await terminal.communicate()
        assert terminal.returncode == 1
        assert "There are: " in output.decode()
        assert there in output.decode().split("There are: ")[1]
