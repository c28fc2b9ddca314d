from __future__ import annotations

import asyncio
import json
import lzma
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from sandbox.comfyui import StandInComfyUI
from tests.characters import cards
from tests.comfyui.guarded_server import guarded_server
from tests.workflows.embedded.media_files import png

ROOT = Path(__file__).parents[1]
GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 7,
            "steps": 20,
            "cfg": 6.5,
            "model": ["4", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "some_model.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 832, "height": 1216, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red [boat]", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {
        "class_type": "SaveImage",
        "inputs": {"images": ["8", 0], "filename_prefix": "x"},
        "_meta": {"title": "Last"},
    },
}


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction] - a fixture
    """No configuration or token of the person who runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("CHORUS__", "DISCORD_TOKEN", "LLM_API_KEY"))]:
        monkeypatch.delenv(name)


def put(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def words(text: str) -> str:
    return " ".join(text.split())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"chorus {version('chorus-discord')}\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    output = capsys.readouterr().out
    for command in ("run", "demo", "imagine", "repeat", "doctor", "workflow", "character"):
        assert f" {command} " in output


@pytest.mark.parametrize(
    "arguments", [["paint"], ["imagine", "nova"], ["run", "--confg", "x"], ["imagine", "a", "b", "--seed", "x"]]
)
def test_a_wrong_command_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["run"], ["doctor"], ["imagine", "nova", "a boat"], ["character", "import", "x.png"]], ids=" ".join
)
def test_a_wrong_configuration_is_one_sentence(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = put(tmp_path / "mine.yaml", "comfyui:\n  urll: x\n")
    assert main([*arguments, "--config", str(config)]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert (
        output.err
        == "mine.yaml, line 2: unknown key `comfyui.urll`; the nearest valid key is `comfyui.url`. (CONFIG_INVALID)\n"
    )


def test_a_missing_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--config", "none.yaml"]) == 2
    assert (
        capsys.readouterr().err == "none.yaml: the file cannot be read (no such file or directory). (CONFIG_INVALID)\n"
    )


def test_run_without_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run"]) == 2
    output = capsys.readouterr().err
    assert "no Discord token" in output
    assert "DISCORD_TOKEN" in output
    assert "Traceback" not in output


def test_a_database_that_cannot_be_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path / "file", "x")
    config = put(tmp_path / "config.yaml", "storage:\n  database_url: sqlite:///file/x.db\n")
    assert main(["imagine", "nova", "a boat", "--config", str(config)]) == 2
    output = capsys.readouterr().err
    assert output.startswith("The database cannot be opened. (CONFIG_INVALID)\n")
    assert "storage.database_url" in output


def test_an_unexpected_error_is_a_sentence_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # A path with a NUL fails with a ValueError, which no command expects.
    config = put(tmp_path / "config.yaml", 'storage:\n  data_dir: "a\\0b"\n')
    arguments = ["imagine", "nova", "a boat", "--config", str(config)]
    assert main(arguments) == 1
    output = capsys.readouterr().err
    assert output.startswith("That should not happen: ValueError: ")
    assert "chorus --debug" in output
    assert "Traceback" not in output
    with pytest.raises(ValueError, match="null byte"):
        main(["--debug", *arguments])


# -- chorus workflow inspect


def test_inspect_shows_what_was_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["workflow", "inspect", str(put(tmp_path / "boat.json", GRAPH))]) == 0
    rows = [words(line) for line in capsys.readouterr().out.splitlines()]
    for row in (
        "prompt 6.text CLIPTextEncode a red [boat] reading the graph",
        "negative 7.text CLIPTextEncode blurry reading the graph",
        "seed 3.seed KSampler 7 reading the graph",
        "width 5.width EmptyLatentImage 832 reading the graph",
        "height 5.height EmptyLatentImage 1216 reading the graph",
        "steps 3.steps KSampler 20 reading the graph",
        "largest seed 4294967295",
        "outputs 9 Last SaveImage",
        "node EmptyLatentImage not asked",
        "model some_model.safetensors not asked",
    ):
        assert row in rows
    assert rows[-1].startswith("It can be used for image")


def test_inspect_reads_the_bindings_beside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = put(tmp_path / "boat.json", GRAPH)
    put(tmp_path / "boat.bindings.yaml", "positive: 7.text\n")
    assert main(["workflow", "inspect", str(file)]) == 0
    assert "prompt 7.text CLIPTextEncode blurry bindings file" in words(capsys.readouterr().out)


def test_inspect_knows_the_kind_from_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["workflow", "inspect", str(put(tmp_path / "nova" / "audio" / "boat.json", GRAPH))]) == 1
    assert "WORKFLOW_INVALID" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("", "WORKFLOW_INVALID"),
        ("[1]", "WORKFLOW_INVALID"),
        ('{"nodes": [], "links": [], "version": 0.4}', "Export (API)"),
        ("[" * 100_000, "WORKFLOW_INVALID"),
        (None, "cannot be read"),
    ],
)
def test_inspect_refuses_with_a_sentence(
    content: str | None, part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "boat.json"
    if content is not None:
        put(file, content)
    assert main(["workflow", "inspect", str(file)]) == 1
    output = capsys.readouterr()
    assert part in output.err
    assert "Traceback" not in output.err


async def test_inspect_against_a_server_that_lets_nobody_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = put(tmp_path / "boat.json", GRAPH)
    async with guarded_server() as url:
        with_login = url.replace("://", "://eve:s3cret@")
        assert await asyncio.to_thread(main, ["workflow", "inspect", str(file), "--comfyui", with_login]) == 1
    output = capsys.readouterr()
    assert "wants a login" in output.err
    assert "s3cret" not in output.err + output.out


def test_inspect_against_a_server_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = put(tmp_path / "boat.json", GRAPH)
    assert main(["workflow", "inspect", str(file), "--comfyui", "http://127.0.0.1:9"]) == 1
    assert "COMFY_UNAVAILABLE" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_inspect_shows_what_no_terminal_can(tmp_path: Path) -> None:
    graph = GRAPH | {"10": {"class_type": "\ud800", "inputs": {"text": "\udfff", "images": ["8", 0]}}}
    file = put(tmp_path / os.fsdecode(b"bo\xffat.json"), json.dumps(graph))
    command = [sys.executable, "-m", "bot", "workflow", "inspect", str(file)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert b"bo?at" in done.stdout


# -- chorus workflow convert

UI_WORKFLOW = {
    "last_node_id": 2,
    "nodes": [
        {"id": 1, "type": "Number", "title": "Zahl ü", "inputs": [], "outputs": [], "widgets_values": [5, "fixed"]},
        {"id": 2, "type": "Scene", "inputs": [{"name": "number", "type": "INT", "link": 7}], "outputs": []},
    ],
    "links": [[7, 1, 0, 2, 0, "INT"]],
    "version": 0.4,
}
OBJECT_INFO: dict[str, Any] = {
    "Number": {"input": {"required": {"value": ["INT", {}]}}, "output": ["INT"]},
    "Scene": {"input": {"required": {"number": ["INT", {"forceInput": True}], "view": ["LOAD_3D", {}]}}},
}
NO_DESCRIPTIONS = 'The workflow was saved with "Save"; converting it takes the node descriptions of a ComfyUI.'
CONVERTED = {
    "1": {"inputs": {"value": 5}, "class_type": "Number", "_meta": {"title": "Zahl ü"}},
    "2": {"inputs": {"number": ["1", 0]}, "class_type": "Scene", "_meta": {"title": "Scene"}},
}


@pytest.mark.parametrize("packed", [False, True])
def test_convert_with_a_saved_object_info(packed: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = put(tmp_path / "ui.json", UI_WORKFLOW)
    info = put(tmp_path / "object_info.json", OBJECT_INFO)
    if packed:
        info = info.with_suffix(".json.xz")
        info.write_bytes(lzma.compress(json.dumps(OBJECT_INFO).encode()))
    assert main(["workflow", "convert", str(file), "--object-info", str(info)]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out) == CONVERTED
    assert output.err == 'Node 2 (Scene): "view" is made in the browser and not in the file; it was left out.\n'


async def test_convert_asks_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nodes = [{"id": 1, "type": "EmptyLatentImage", "widgets_values": [640, 448]}]
    file = put(tmp_path / "ui.json", {"nodes": nodes, "links": []})
    async with StandInComfyUI() as comfy:
        assert await asyncio.to_thread(main, ["workflow", "convert", str(file), "--comfyui", comfy.url]) == 0
    converted = json.loads(capsys.readouterr().out)
    assert converted["1"]["inputs"] == {"width": 640, "height": 448, "batch_size": 1}


def test_convert_writes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = put(tmp_path / "api.json", {"prompt": GRAPH})
    out = tmp_path / "new" / "out.json"
    assert main(["workflow", "convert", str(file), "--out", str(out)]) == 0
    assert json.loads(out.read_bytes()) == GRAPH
    assert capsys.readouterr().out == ""


def test_convert_reads_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "boat.png"
    picture.write_bytes(png({"prompt": json.dumps(GRAPH), "workflow": json.dumps(UI_WORKFLOW)}))
    assert main(["workflow", "convert", str(picture)]) == 0
    assert json.loads(capsys.readouterr().out) == GRAPH


@pytest.mark.parametrize(
    ("content", "options", "error"),
    [
        (UI_WORKFLOW, [], NO_DESCRIPTIONS),
        (UI_WORKFLOW, ["--comfyui", "http://127.0.0.1:9"], "ComfyUI at http://127.0.0.1:9 cannot be reached."),
        (UI_WORKFLOW, ["--object-info", "empty.json"], "ComfyUI does not have Number (node 1); Scene (node 2)."),
        (UI_WORKFLOW, ["--object-info", "none.json"], "none.json cannot be read (no such file or directory)."),
        (UI_WORKFLOW, ["--object-info", "list.json"], "list.json is no answer of /object_info."),
        (UI_WORKFLOW, ["--object-info", "text.json"], "text.json is no JSON."),
        (UI_WORKFLOW, ["--object-info", "broken.xz"], "broken.xz is no JSON."),
        ("cat\nSteps: 3", [], "boat.json says what it was made with, but holds no workflow."),
        ([], [], "The workflow file holds no ComfyUI graph."),
        (GRAPH, ["--out", "empty.json/x.json"], "x.json cannot be written (file exists)."),
    ],
)
def test_convert_refuses_with_a_sentence(
    content: object, options: list[str], error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "empty.json", {})
    put(tmp_path / "list.json", [])
    put(tmp_path / "text.json", "{")
    put(tmp_path / "broken.xz", "{")
    assert main(["workflow", "convert", str(put(tmp_path / "boat.json", content)), *options]) == 1
    output = capsys.readouterr()
    assert output.err.startswith(f"{error} (")
    assert output.out == ""


def test_convert_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["workflow", "convert", "none.png"]) == 1
    assert capsys.readouterr().err.startswith("none.png cannot be read (no such file or directory). (")


# -- chorus character import


def test_import_makes_a_character(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = put(tmp_path / "config.yaml", "paths:\n  characters: people\n")
    (tmp_path / "luna.png").write_bytes(cards.png_card(cards.v2()))
    for expected in ("luna", "luna-2"):
        assert main(["character", "import", "luna.png", "--config", str(config)]) == 0
        output = capsys.readouterr().out
        assert str(tmp_path / "people" / f"{expected}.yaml") in output
        assert "/character use Luna" in output
        assert "alternative greetings" in output
        assert (tmp_path / "people" / expected / "avatar.png").is_file()


def test_import_refuses_with_a_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plain.png").write_bytes(cards.picture())
    for file, reason in (("plain.png", "no character card inside"), ("none.png", "cannot be read")):
        assert main(["character", "import", file]) == 1
        output = capsys.readouterr().err
        assert reason in output
        assert "INPUT_INVALID" in output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain.png"]


# -- as people run it


@pytest.mark.parametrize("command", [[sys.executable, "-m", "bot"], [str(Path(sys.executable).with_name("chorus"))]])
def test_the_command_itself(command: list[str], tmp_path: Path) -> None:
    put(tmp_path / "config.yaml", "comfyui:\n\turl: x\n")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, "run"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert (
        done.stderr
        == "config.yaml, line 2: YAML is indented with spaces, and this line starts with a tab. (CONFIG_INVALID)\n"
    )
