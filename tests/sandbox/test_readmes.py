"""The examples of the stand-ins' READMEs work as they are printed."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.processes import spawn

ROOT = Path(__file__).resolve().parents[2]
STAND_INS = ("discord", "comfyui", "llm")


def code_blocks(stand_in: str, language: str) -> list[str]:
    text = (ROOT / "sandbox" / stand_in / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


async def run(*command: str, folder: Path, **environment: str) -> tuple[int | None, str]:
    """Run a command in a folder, with this repository on the path of Python."""
    process = await spawn(
        *command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(120):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, output.decode()


@pytest.mark.parametrize("stand_in", STAND_INS)
@pytest.mark.slow
async def test_the_example_tests_pass(tmp_path: Path, stand_in: str) -> None:
    for block in code_blocks(stand_in, "python"):
        name = re.match(r"# (\w+\.py)\n", block)
        assert name is not None
        (tmp_path / name[1]).write_text(block, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n", encoding="utf-8")
    code, output = await run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder=tmp_path)
    assert code == 0, output


@asynccontextmanager
async def started(stand_in: str) -> AsyncGenerator[str]:
    """`python -m sandbox.<stand-in>` on a free port: what it prints."""
    server = await spawn(
        *(sys.executable, "-m", f"sandbox.{stand_in}", "--port", "0"), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    try:
        async with asyncio.timeout(60):
            lines = 4 if stand_in == "discord" else 1
            yield "".join([(await server.stdout.readline()).decode() for _ in range(lines)])
    finally:
        server.kill()
        await server.communicate()


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="curl or bash is missing")
@pytest.mark.parametrize("stand_in", STAND_INS)
async def test_the_curl_commands_succeed(tmp_path: Path, stand_in: str) -> None:
    [block] = code_blocks(stand_in, "bash")
    async with started(stand_in) as printed:
        environment = {"URL": re.findall(r"http://\S+", printed)[0]}
        if found := re.search(r"guild (\d+), channel (\d+), user (\d+)", printed):
            environment |= dict(zip(("GUILD", "CHANNEL", "MEMBER"), found.groups(), strict=True))
            block = "\n".join(line for line in block.splitlines() if "/slash" not in line)  # needs a bot
        code, output = await run("bash", "-euc", block, folder=tmp_path, **environment)
    assert code == 0, output
