"""Parsing and reckoning without a wire: replies, outputs, the cache, the bar."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.comfyui.cache import break_cache
from bot.comfyui.events import ExecutingEvent, ProgressEvent, parse_binary, parse_text
from bot.comfyui.models import (
    CachedNodes,
    Failed,
    Interrupted,
    Media,
    NodeStarted,
    Started,
    Stepped,
    Succeeded,
    preferred,
)
from bot.comfyui.outputs import files_of, media_of, texts_of
from bot.comfyui.progress import ProgressMeter
from bot.comfyui.replies import parse_history, parse_queue, parse_system_stats
from bot.comfyui.transport import normal_url
from tests.comfyui.peer import GRAPH, image

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
KINDS = st.sampled_from(
    [
        "status",
        "progress",
        "progress_state",
        "executing",
        "executed",
        "execution_start",
        "execution_cached",
        "execution_success",
        "execution_error",
        "execution_interrupted",
        "feature_flags",
    ]
)
KEYS = st.sampled_from(
    [
        "prompt_id",
        "node",
        "nodes",
        "value",
        "max",
        "output",
        "status",
        "sid",
        "timestamp",
        "exception_type",
        "display_node",
    ]
)


@given(KINDS, st.dictionaries(KEYS, JSON, max_size=6) | JSON)
def test_no_message_is_fatal(kind: str, data: object) -> None:
    parse_text(json.dumps({"type": kind, "data": data}))


@given(st.text() | JSON.map(json.dumps))
def test_no_text_is_fatal(frame: str) -> None:
    parse_text(frame)


@given(st.binary(max_size=64), st.sampled_from([b"", b"\0\0\0\1", b"\0\0\0\3", b"\0\0\0\4", b"\0\0\0\4\0\0\0\2{}"]))
def test_no_frame_is_fatal(tail: bytes, head: bytes) -> None:
    parse_binary(head + tail)


@given(JSON)
def test_no_reply_is_fatal(body: Any) -> None:
    wrapped: dict[str, Any] = {
        "queue_pending": body,
        "queue_running": body,
        "id": body,
        "system": body,
        "devices": body,
    }
    parse_queue(wrapped)
    parse_history("id", wrapped)
    parse_history("id", {"id": {"status": {"messages": body}, "outputs": body, "prompt": body}})
    parse_system_stats(wrapped)


@given(st.dictionaries(st.text(max_size=3), st.dictionaries(st.text(max_size=9), JSON, max_size=3), max_size=3))
def test_no_output_is_fatal(outputs: dict[str, Any]) -> None:
    files_of(outputs)
    texts_of(outputs)


def test_deep_json_is_passed_over() -> None:
    assert parse_text("[" * 100_000) is None


def test_messages() -> None:
    data = {"prompt_id": "p", "node": "3", "value": 1, "max": 2.5}
    assert parse_text(json.dumps({"type": "progress", "data": data})) == ProgressEvent("p", "3", 1, 2.5)
    expanded = {"prompt_id": "p", "node": "2.0.0.3", "display_node": "2"}
    assert parse_text(json.dumps({"type": "executing", "data": expanded})) == ExecutingEvent("p", "2")
    assert parse_text('{"type": "executing", "data": {"node": "3"}}') == ExecutingEvent(None, "3")
    assert parse_text('{"type": "executing", "data": {"prompt_id": "p"}}') is None


def test_outputs_by_file_not_by_key() -> None:
    outputs = {
        "1": {"images": [image("t.png", kind="temp")], "animated": [False]},
        "2": {"images": [image("v.mp4", "video")], "animated": [True]},
        "3": {"gifs": [image("w.WEBM") | {"fullpath": "/srv/w.webm", "frame_rate": 8}]},
        "4": {"audio": [image("s.flac", "audio"), image("s.flac", "audio")]},
        "5": {"text": ["hello", "wide world"], "files": [image("t_1.txt")]},
        "6": {"a_images": [image("a.png", kind="temp")], "latents": [image("l.latent")], "result": [True, None, 3]},
    }
    files = files_of(outputs)
    assert [(file.filename, file.media) for file in files] == [
        ("v.mp4", Media.VIDEO),
        ("w.WEBM", Media.VIDEO),
        ("s.flac", Media.AUDIO),
        ("t_1.txt", Media.OTHER),
        ("l.latent", Media.OTHER),
        ("t.png", Media.IMAGE),
        ("a.png", Media.IMAGE),
    ]
    assert files[0].animated
    assert not files[5].animated
    assert texts_of(outputs) == ("hello", "wide world")
    assert [file.filename for file in preferred(files, Media.VIDEO)] == ["v.mp4", "w.WEBM"]
    assert [file.filename for file in preferred(files, Media.IMAGE)] == ["t.png", "a.png"], (
        "temp where nothing is saved"
    )
    both = files_of({"1": {"images": [image("t.png", kind="temp"), image("o.png")]}})
    assert [file.filename for file in preferred(both, Media.IMAGE)] == ["o.png"]


@pytest.mark.parametrize(
    ("name", "media"),
    [
        ("a.JPEG", Media.IMAGE),
        ("a.opus", Media.AUDIO),
        ("a.mov", Media.VIDEO),
        ("a.glb", Media.OTHER),
        ("a", Media.OTHER),
    ],
)
def test_media(name: str, media: Media) -> None:
    assert media_of(name) is media


def entry(status: object, outputs: object = None) -> dict[str, Any]:
    return {"id": {"prompt": [1, "id", {}, {"client_id": "c"}, ["2"]], "outputs": outputs or {}, "status": status}}


def judged(status: object) -> object:
    parsed = parse_history("id", entry(status))
    assert parsed is not None
    return parsed.outcome


def test_the_last_message_decides() -> None:
    start = ["execution_start", {"timestamp": 1000}]
    failed = ["execution_error", {"exception_type": "X", "exception_message": "m\n", "timestamp": 2000}]
    stopped: list[Any] = ["execution_interrupted", {}]
    assert judged({"status_str": "error", "messages": [start, stopped]}) == Interrupted()
    outcome = judged({"status_str": "success", "completed": True, "messages": [start, failed]})
    assert isinstance(outcome, Failed)
    assert (outcome.error.message, outcome.seconds) == ("m", 1.0)
    cached = ["execution_cached", {"nodes": ["1", "2"]}]
    outcome = judged({"status_str": "success", "messages": [start, cached, ["execution_success", {"timestamp": 1500}]]})
    assert outcome == Succeeded((), cached=True, seconds=0.5)


def test_histories_of_other_versions() -> None:
    assert parse_history("id", {}) is None
    assert judged(None) == Succeeded(())
    assert isinstance(judged({"status_str": "error", "messages": []}), Failed)


def test_versions() -> None:
    def stats(version: object) -> Any:
        return parse_system_stats({"system": {"comfyui_version": version}})

    assert stats("0.33.0").version == (0, 33, 0)
    assert stats("v0.3.56-12-gabc123").version == (0, 3, 56)
    assert stats(None).version == ()
    assert [stats(text).interrupts_by_id for text in ("0.3.56", "0.3.57", "0.4.0", "", "1.0")] == [
        False,
        True,
        True,
        False,
        True,
    ]
    assert [stats(text).takes_prompt_id for text in ("0.3.44", "0.3.45", "")] == [False, True, True]


@pytest.mark.parametrize(
    ("given_url", "url"),
    [
        ("127.0.0.1:8188", "http://127.0.0.1:8188"),
        (" http://comfy.lan/ ", "http://comfy.lan"),
        ("https://x.example/comfy/", "https://x.example/comfy"),
    ],
)
def test_addresses(given_url: str, url: str) -> None:
    assert normal_url(given_url) == url


@pytest.mark.parametrize("bad", ["", "ftp://x", "http://", "/path", "http://x:port", "x:99999", "http://[::1"])
def test_no_addresses(bad: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        normal_url(bad)


def test_the_cache_is_broken_at_the_end_only() -> None:
    broken = break_cache(GRAPH, "n1")
    assert broken["1"] is GRAPH["1"]
    assert broken["2"]["inputs"] == {**GRAPH["2"]["inputs"], "chorus_nonce": "n1"}
    assert "chorus_nonce" not in GRAPH["2"]["inputs"]
    assert break_cache(GRAPH, "n2")["2"] != broken["2"]
    assert break_cache(GRAPH, "n", ["1.0.0.3"])["1"]["inputs"]["chorus_nonce"] == "n"


def test_the_bar() -> None:
    graph: dict[str, Any] = {
        "4": {"class_type": "Loader", "inputs": {}},
        "3": {"class_type": "KSampler", "inputs": {"steps": 10, "model": ["4", 0]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}},
        "leftover": {"class_type": "Note", "inputs": {}},
    }
    meter = ProgressMeter(graph)
    steps = [Started(), CachedNodes(frozenset({"4"})), NodeStarted("3"), Stepped("3", 5, 10), Stepped("3", 10, 10)]
    fractions = [meter.feed(update) for update in steps]
    assert fractions == pytest.approx([0, 0, 0, 10 / 21, 20 / 21])
    assert meter.feed(Stepped("3", 1, 10)) == pytest.approx(20 / 21), "it never falls"
    assert meter.feed(NodeStarted("9")) == pytest.approx(20 / 21)


@given(st.lists(st.sampled_from([NodeStarted("1"), NodeStarted("2"), Stepped("1", 1, 0), Stepped("2", 9, 3)])))
def test_the_bar_stays_in_its_frame(updates: list[NodeStarted | Stepped]) -> None:
    meter = ProgressMeter(GRAPH)
    fractions = [meter.feed(update) for update in updates]
    assert fractions == sorted(fractions)
    assert all(0 <= fraction <= 1 for fraction in fractions)


def test_the_room_stands_alone() -> None:
    """It could be published by itself: nothing else of `bot` is imported."""
    for file in (Path(__file__).parents[2] / "bot" / "comfyui").glob("*.py"):
        for line in file.read_text().splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]) and len(words) > 1 and words[1].startswith("bot"):
                assert words[1].startswith("bot.comfyui"), f"{file.name}: {line}"
