"""`GET /history/{prompt_id}`: the record of a prompt that ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.comfyui.event_parsing import parse_execution_error
from bot.comfyui.exceptions import ExecutionFailed
from bot.comfyui.json_values import as_int, as_list, as_object
from bot.comfyui.outputs import parse_output_files, parse_output_texts
from bot.comfyui.prompt_queue import parse_queue_item
from bot.comfyui.prompt_state import Failed, Interrupted, Outcome, Succeeded

_FINAL_MESSAGES = ("execution_success", "execution_error", "execution_interrupted")


@dataclass(frozen=True)
class HistoryEntry:
    """How a prompt ended, who submitted it (`client_id`) and its `number` in the queue."""

    prompt_id: str
    outcome: Outcome
    client_id: str | None = None
    number: float = 0


def parse_history(prompt_id: str, body: Mapping[str, Any]) -> HistoryEntry | None:
    """The answer as a value; None where it is `{}`, as for prompts that wait, run, were deleted or never existed."""
    if prompt_id not in body:
        return None
    entry = as_object(body[prompt_id])
    prompt = parse_queue_item(entry.get("prompt"))
    return HistoryEntry(prompt_id, _outcome(entry), prompt.client_id, prompt.number)


def _outcome(entry: Mapping[str, Any]) -> Outcome:
    """How the prompt ended, told by the last of the messages that end one.

    `status_str` alone would mislead: it is "error" for interrupted prompts and "success" for a dependency cycle that is
    found while the prompt runs (observed on 0.33).
    """
    status = as_object(entry.get("status"))
    messages: dict[str, Mapping[str, Any]] = {}
    last: str | None = None
    for message in as_list(status.get("messages")):
        name, data = [*as_list(message), "", None][:2]
        messages[str(name)] = as_object(data)
        last = str(name) if name in _FINAL_MESSAGES else last
    outputs = as_object(entry.get("outputs"))
    seconds = _seconds(messages, last)
    if last == "execution_interrupted":
        return Interrupted()
    if last == "execution_error":
        return Failed(parse_execution_error(messages[last]), parse_output_files(outputs), seconds)
    if last is None and status.get("status_str") == "error":
        error = ExecutionFailed("the prompt ended with an error that ComfyUI does not describe")
        return Failed(error, parse_output_files(outputs))
    cached = frozenset(map(str, as_list(messages.get("execution_cached", {}).get("nodes"))))
    output_nodes = frozenset(map(str, as_list((as_list(entry.get("prompt")) + [None] * 5)[4])))
    return Succeeded(
        files=parse_output_files(outputs),
        texts=parse_output_texts(outputs),
        cached=bool(output_nodes) and output_nodes <= cached,
        seconds=seconds,
    )


def _seconds(messages: Mapping[str, Mapping[str, Any]], last: str | None) -> float | None:
    """From `execution_start` to the last message; ComfyUI's timestamps are milliseconds."""
    begin = as_int(messages.get("execution_start", {}).get("timestamp"))
    end = as_int(messages.get(last or "", {}).get("timestamp"))
    return (end - begin) / 1000 if begin is not None and end is not None else None
