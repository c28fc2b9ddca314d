from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from rich.console import Console

from bot.cli import main
from bot.cli.doctor import doctor
from bot.diagnostics.check_result import CheckResult, CheckStatus
from bot.diagnostics.checks import run_checks
from bot.settings import Settings, load_settings
from sandbox.comfyui import StandInComfyUI
from sandbox.discord import SANDBOX_TOKEN, LocalDiscord
from tests.comfyui.guarded_server import guarded_server
from tests.test_cli import GRAPH


@asynccontextmanager
async def model_server(status: int = 200, *names: str) -> AsyncGenerator[str]:
    async def models(request: web.Request) -> web.Response:
        if status == 401 and request.headers.get("Authorization") == "Bearer sesame":
            return web.json_response({"data": [{"id": "opened"}]})
        return web.json_response({"object": "list", "data": [{"id": name} for name in names]}, status=status)

    app = web.Application()
    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def settings_in(folder: Path, graph: dict[str, Any] = GRAPH, **config: Any) -> Settings:
    """A character with an image workflow, and settings whose servers do not exist unless `config` names others."""
    (folder / "characters").mkdir(exist_ok=True)
    (folder / "characters" / "nova.yaml").write_text(
        "name: Nova\nsystem_prompt: Hm.\nvoice: {enabled: false}\n", "utf-8"
    )
    workflow = folder / "workflows" / "nova" / "image" / "default.json"
    workflow.parent.mkdir(parents=True, exist_ok=True)
    workflow.write_text(json.dumps(graph), "utf-8")
    nowhere = "http://127.0.0.1:9"
    data = {"discord": {"server": nowhere}, "comfyui": {"url": nowhere}, "llm": {"base_url": nowhere}} | config
    (folder / "config.yaml").write_text(json.dumps(data), "utf-8")
    return load_settings(folder / "config.yaml", environment={"DISCORD_TOKEN": SANDBOX_TOKEN})


def of(results: list[CheckResult], area: str) -> list[tuple[CheckStatus, str]]:
    return [(result.status, result.text) for result in results if result.area == area]


def broken(results: list[CheckResult]) -> str:
    assert all(result.advice for result in results if result.status is CheckStatus.BROKEN)
    return "\n".join(result.text for result in results if result.status is CheckStatus.BROKEN)


def with_model(graph: dict[str, Any], name: str) -> dict[str, Any]:
    return graph | {"4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": name}}}


async def test_nothing_is_broken_where_everything_is_there(tmp_path: Path) -> None:
    async with LocalDiscord() as discord, StandInComfyUI() as comfy, model_server(200, "qwen:latest") as models:
        guild = discord.add_guild("Harbour")
        guild.add_bot_permissions("administrator")
        installed = comfy.models["checkpoints"][0]
        settings = settings_in(
            tmp_path,
            with_model(GRAPH, installed),
            discord={"server": discord.url, "guild_ids": [guild.guild.id]},
            comfyui={"url": comfy.url},
            llm={"base_url": models, "model": "qwen"},
        )
        results = await run_checks(settings)
    assert broken(results) == ""
    assert any("Harbour" in text for _, text in of(results, "Discord"))
    assert any("intent is on" in text for _, text in of(results, "Discord"))
    assert any("GiB free" in text and comfy.url in text for _, text in of(results, "ComfyUI"))
    assert of(results, "Workflows") == [(CheckStatus.OK, "nova: image/default: everything is installed")]
    assert any("has qwen" in text for _, text in of(results, "Language model"))


async def test_servers_that_cannot_be_reached(tmp_path: Path) -> None:
    results = await run_checks(settings_in(tmp_path))
    text = broken(results)
    for part in ("Discord cannot be reached", "http://127.0.0.1:9 cannot be reached"):
        assert part in text
    assert of(results, "Workflows") == [(CheckStatus.NOTE, "1 file not compared with ComfyUI's nodes and models")]
    assert SANDBOX_TOKEN not in repr(results)


@pytest.mark.parametrize(("encrypted", "part"), [(False, "wants a login (HTTP 401)"), (True, "is not trusted")])
async def test_a_comfyui_that_lets_nobody_in(tmp_path: Path, encrypted: bool, part: str) -> None:
    async with guarded_server(encrypted=encrypted) as url:
        results = await run_checks(settings_in(tmp_path, comfyui={"url": url}))
    [found] = [result for result in results if result.area == "ComfyUI"]
    assert found.status is CheckStatus.BROKEN
    assert part in found.text
    assert ("SSL_CERT_FILE" if encrypted else "name:password@host") in found.advice


@pytest.mark.parametrize("status", [200, 500])
async def test_passwords_in_addresses_are_not_shown(tmp_path: Path, status: int) -> None:
    async with model_server(status) as models, StandInComfyUI() as comfy:
        here = settings_in(
            tmp_path,
            comfyui={"urls": [url.replace("://", "://ada:s3cret@") for url in (comfy.url, "http://127.0.0.1:9")]},
            llm={"base_url": models.replace("://", "://ada:s3cret@"), "model": "qwen"},
        )
        results = await run_checks(here)
    elsewhere = here.model_copy(
        update={"llm": here.llm.model_copy(update={"base_url": "http://ada:s3cret@127.0.0.1:9"})}
    )
    results += await run_checks(elsewhere)
    assert {"ComfyUI", "Language model", "Workflows"} <= {result.area for result in results}
    assert "s3cret" not in repr(results)


async def test_discord_and_its_permissions(tmp_path: Path) -> None:
    async with LocalDiscord(privileged_intents=0) as discord:
        restricted, open_guild = discord.add_guild("Restricted"), discord.add_guild("Open")
        restricted.remove_bot_permissions("attach_files", "administrator")
        open_guild.add_bot_permissions("administrator")
        settings = settings_in(
            tmp_path, discord={"server": discord.url, "guild_ids": [restricted.guild.id, open_guild.guild.id, 77]}
        )
        results = await run_checks(settings)
        text = broken(results)
        assert "Message Content intent is off" in text
        assert "Restricted: permissions missing: Attach Files" in text
        assert "Open" not in text
        assert "not in guild 77" in text
        assert any("client_id=" in result.advice for result in results)
        wrong = settings.model_copy(update={"discord_token": load_token("wrong")})
        results = await run_checks(wrong)
        assert "does not accept the token" in broken(results)
        missing = settings.model_copy(update={"discord_token": None})
        assert "there is no token" in broken(await run_checks(missing))


def load_token(token: str) -> Any:
    return Settings.model_validate({"discord_token": token}).discord_token


async def test_workflows_against_comfyui(tmp_path: Path) -> None:
    graph = with_model(GRAPH, "nobody_has_this.safetensors")
    strange = graph | {"5": {"class_type": "NoSuchLatent", "inputs": {"width": 64, "height": 64}}}
    settings = settings_in(tmp_path, graph)
    folder = tmp_path / "workflows" / "_shared" / "image"
    folder.mkdir(parents=True)
    (folder / "strange.json").write_text(json.dumps(strange))
    (folder / "ui.json").write_text('{"nodes": [], "links": []}')
    (tmp_path / "characters" / "bad.yaml").write_text("name: [")
    (tmp_path / "characters" / "eve.yaml").write_text("name: Eve\nsystem_prompt: Hm.\ndefault_image_workflow: gone\n")
    async with StandInComfyUI() as comfy:
        results = await run_checks(
            settings.model_copy(update={"comfyui": Settings.model_validate({"comfyui": {"url": comfy.url}}).comfyui})
        )
    text = broken(results)
    assert 'needs the model "nobody_has_this.safetensors"' in text
    assert '"NoSuchLatent"' in text
    assert "_shared/image/ui.json" in text
    assert "bad.yaml, line 1" in text
    assert "Eve's image workflow gone does not exist" in text
    assert any(state is CheckStatus.NOTE and "Eve has no voice" in words for state, words in of(results, "Workflows"))


@pytest.mark.parametrize(
    ("status", "names", "model", "part"),
    [
        (500, (), None, "HTTP 500"),
        (401, (), None, "HTTP 401"),
        (200, (), None, "has no model"),
        (200, ("qwen3:8b",), "qwen3:14b", "has no qwen3:14b"),
    ],
)
async def test_language_models(
    tmp_path: Path, status: int, names: tuple[str, ...], model: str | None, part: str
) -> None:
    async with model_server(status, *names) as url:
        settings = settings_in(tmp_path, llm={"base_url": url, "model": model})
        found = [result for result in await run_checks(settings) if result.area == "Language model"]
        assert found[0].status is CheckStatus.BROKEN
        assert part in found[0].text
        if status == 401:
            assert "LLM_API_KEY" in found[0].advice
            key = Settings.model_validate({"llm_api_key": "sesame"}).llm_api_key
            opened = await run_checks(settings.model_copy(update={"llm_api_key": key}))
            assert "opened is used" in repr(of(opened, "Language model"))
        if names:
            assert "qwen3:8b" in found[0].advice


async def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    results = await run_checks(settings_in(tmp_path, storage={"data_dir": "file"}))
    assert "cannot be written to" in broken(results)


async def test_an_ffmpeg_that_does_not_run(tmp_path: Path) -> None:
    results = await run_checks(settings_in(tmp_path, voice={"ffmpeg": "none/ffmpeg"}))
    assert "ffmpeg does not run" in broken(results)


def test_the_table_and_the_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(settings_in(tmp_path), Console(width=80)) is False
    output = capsys.readouterr().out
    lines = [line.strip() for line in output.splitlines()]
    place = next(n for n, line in enumerate(lines) if line.endswith("http://127.0.0.1:9 cannot be reached"))
    assert lines[place + 1].startswith("→ Start ComfyUI")
    assert "2 broken." in output


def test_the_exit_code_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    settings_in(tmp_path)
    assert main(["doctor", "--config", str(tmp_path / "config.yaml")]) == 1
    assert "there is no token" in capsys.readouterr().out


def shipped_graph() -> dict[str, Any]:
    path = Path(__file__).parents[1] / "workflows" / "nova" / "image" / "default.json"
    return json.loads(path.read_text("utf-8"))


async def test_a_workflow_for_any_model_is_fine_with_another_checkpoint(tmp_path: Path) -> None:
    async with StandInComfyUI() as comfy:
        comfy.models["checkpoints"][:] = ["dreamshaper_8.safetensors"]
        results = await run_checks(settings_in(tmp_path, shipped_graph(), comfyui={"url": comfy.url}))
    text = "nova: image/default: everything is installed; draws with "
    found = [line for status, line in of(results, "Workflows") if status is CheckStatus.OK]
    assert found == [f"{text}z_image_turbo_bf16.safetensors, qwen_3_4b.safetensors, ae.safetensors"]


async def test_without_any_model_one_row_names_one_download(tmp_path: Path) -> None:
    async with StandInComfyUI() as comfy:
        for folder in ("checkpoints", "diffusion_models"):
            comfy.models[folder].clear()
        settings = settings_in(tmp_path, shipped_graph(), comfyui={"url": comfy.url})
        second = tmp_path / "workflows" / "_shared" / "image" / "wide.json"
        second.parent.mkdir(parents=True)
        second.write_text(json.dumps(shipped_graph()), "utf-8")
        results = await run_checks(settings)
    rows = [each for each in results if each.area == "Workflows" and each.status is CheckStatus.BROKEN]
    assert len(rows) == 1
    assert "nova: image/default" in rows[0].text
    assert "every character: image/wide" in rows[0].text
    assert "v1-5-pruned-emaonly-fp16.safetensors" in rows[0].advice
    assert "models/checkpoints" in rows[0].advice
