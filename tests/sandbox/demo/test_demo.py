"""`chorus demo` as a process: what it prints, what it makes, how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from sandbox.comfyui import StandInComfyUI, StandInOptions
from tests.processes import ForkedProcess, chorus, spawn

REPOSITORY = Path(__file__).parents[3]
QUICK = StandInOptions(step_seconds=0.0)


async def started(*arguments: str) -> asyncio.subprocess.Process:
    """`python -m bot demo` as a person starts it."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CHORUS__")}
    return await spawn(
        *(sys.executable, "-m", "bot", "demo", *arguments),
        cwd=REPOSITORY,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def demo(*arguments: str) -> tuple[int | None, str]:
    """Run the demo to its end; the exit code and what it printed."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CHORUS__")}
    return await ended(await ForkedProcess.start(chorus, ["demo", *arguments], environment=environment))


async def ended(process: asyncio.subprocess.Process | ForkedProcess) -> tuple[int | None, str]:
    async with asyncio.timeout(100):
        output, _ = await process.communicate()
    return process.returncode, output.decode()


@pytest.mark.slow
async def test_the_scenario(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    code, output = await ended(await started("--folder", str(folder)))
    assert code == 0, output
    assert output.startswith("Chorus demo, in a sandbox: local Discord, stand-in ComfyUI, stand-in language model.")
    assert "Everything arrived." in output
    assert "\x1b[" not in output
    assert "Traceback" not in output
    assert "Unclosed" not in output
    for words in ("%", "Nova", "CANCELLED", "MISSING_NODE", "voice message of", "/queue", "[Again]"):
        assert words in output
    printed = [Path(line.split()[0]) for line in output.splitlines() if line.strip().startswith(str(folder))]
    assert {path.suffix for path in printed} >= {".png", ".ogg"}
    assert all(path.stat().st_size > 0 for path in printed)


async def test_a_real_server_is_named_and_asked_what_it_has(tmp_path: Path) -> None:
    async with StandInComfyUI(options=QUICK) as comfy:
        code, output = await demo("--folder", str(tmp_path / "demo"), "--comfyui", comfy.url)
        assert comfy.log.find("execution_success")
    assert code == 0, output
    assert f"your ComfyUI at {comfy.url}" in output
    assert "its checkpoint" in output
    assert "Left out" in output


async def test_without_a_checkpoint_it_draws_without_a_model(tmp_path: Path) -> None:
    async with StandInComfyUI(options=QUICK) as comfy:
        comfy.models["checkpoints"].clear()
        code, output = await demo("--folder", str(tmp_path / "demo"), "--comfyui", comfy.url)
    assert code == 0, output
    assert "a plain coloured picture" in output


@pytest.mark.slow
async def test_what_does_not_arrive_is_named_and_the_exit_code_is_1(tmp_path: Path) -> None:
    async with StandInComfyUI(options=QUICK) as comfy:
        comfy.nodes["FogMachineDeluxe"] = comfy.nodes["PreviewImage"]  # the error that is to be shown does not come
        code, output = await demo("--folder", str(tmp_path / "demo"), "--comfyui", comfy.url)
    assert code == 1, output
    assert "! Something that cannot work: the error was None, not MISSING_NODE" in output
    assert "Everything arrived" not in output


@pytest.mark.slow
async def test_it_stays_until_it_is_told_to_stop(tmp_path: Path) -> None:
    async with StandInComfyUI(options=QUICK) as comfy:
        process = await started("--stay", "--folder", str(tmp_path / "demo"), "--comfyui", comfy.url)
        assert process.stdout is not None
        seen = b""
        async with asyncio.timeout(100):
            while b"until Ctrl-C" not in seen:
                line = await process.stdout.readline()
                assert line, seen.decode()
                seen += line
        process.send_signal(signal.SIGINT)
        code, output = await ended(process)
    assert code == 0, output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        (["--comfyui", "http://127.0.0.1:9"], "No ComfyUI answers at http://127.0.0.1:9", 1),
        (["--workflow", "some.json"], "--workflow needs --comfyui URL", 2),
    ],
)
async def test_what_cannot_begin_is_a_sentence(tmp_path: Path, arguments: list[str], sentence: str, code: int) -> None:
    found, output = await demo("--folder", str(tmp_path / "demo"), *arguments)
    assert sentence in output
    assert found == code
    assert "Traceback" not in output


async def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    code, output = await demo("--folder", str(tmp_path))
    assert code == 2
    assert "something else" in output
    assert (tmp_path / "thesis.txt").exists()
