"""The answers of /queue, /history and /system_stats as values."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from bot.comfyui.history import parse_history
from bot.comfyui.prompt_queue import parse_queue
from bot.comfyui.prompt_state import Failed, Interrupted, Succeeded
from bot.comfyui.system_stats import parse_system_stats
from tests.comfyui.json_strategy import JSON


@given(JSON)
def test_no_answer_raises(body: Any) -> None:
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


def entry(status: object, outputs: object = None) -> dict[str, Any]:
    return {"id": {"prompt": [1, "id", {}, {"client_id": "c"}, ["2"]], "outputs": outputs or {}, "status": status}}


def outcome_of(status: object) -> object:
    parsed = parse_history("id", entry(status))
    assert parsed is not None
    return parsed.outcome


def test_the_last_message_decides() -> None:
    start = ["execution_start", {"timestamp": 1000}]
    failed = ["execution_error", {"exception_type": "X", "exception_message": "m\n", "timestamp": 2000}]
    stopped: list[Any] = ["execution_interrupted", {}]
    assert outcome_of({"status_str": "error", "messages": [start, stopped]}) == Interrupted()
    outcome = outcome_of({"status_str": "success", "completed": True, "messages": [start, failed]})
    assert isinstance(outcome, Failed)
    assert (outcome.error.message, outcome.seconds) == ("m", 1.0)
    cached = ["execution_cached", {"nodes": ["1", "2"]}]
    outcome = outcome_of(
        {"status_str": "success", "messages": [start, cached, ["execution_success", {"timestamp": 1500}]]}
    )
    assert outcome == Succeeded((), cached=True, seconds=0.5)


def test_histories_of_other_versions() -> None:
    assert parse_history("id", {}) is None
    assert outcome_of(None) == Succeeded(())
    assert isinstance(outcome_of({"status_str": "error", "messages": []}), Failed)


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
