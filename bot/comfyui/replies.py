"""The answers of `/queue`, `/history/{id}` and `/system_stats` as values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.comfyui.events import as_int, as_list, as_object, parse_execution_error
from bot.comfyui.exceptions import ExecutionFailed
from bot.comfyui.models import (
    Device,
    Failed,
    HistoryEntry,
    Interrupted,
    Outcome,
    QueuedPrompt,
    QueueSnapshot,
    Succeeded,
    SystemStats,
)
from bot.comfyui.outputs import files_of, texts_of

_ENDS = ("execution_success", "execution_error", "execution_interrupted")


def parse_queue(body: Mapping[str, Any]) -> QueueSnapshot:
    """`/queue`; `queue_pending` comes in raw heap order and is sorted by number here."""
    running = tuple(_queued(item) for item in as_list(body.get("queue_running")))
    pending = sorted((_queued(item) for item in as_list(body.get("queue_pending"))), key=lambda entry: entry.number)
    return QueueSnapshot(running, tuple(pending))


def parse_history(prompt_id: str, body: Mapping[str, Any]) -> HistoryEntry | None:
    """`/history/{id}`; None where it is `{}`: pending, running, deleted or never seen."""
    if prompt_id not in body:
        return None
    entry = as_object(body[prompt_id])
    prompt = _queued(entry.get("prompt"))
    return HistoryEntry(prompt_id, _judge(entry), prompt.client_id, prompt.number)


def _queued(item: object) -> QueuedPrompt:
    """`[number, prompt_id, graph, extra_data, outputs]`."""
    number, prompt_id, _, extra = (as_list(item) + [None] * 4)[:4]
    client_id = as_object(extra).get("client_id")
    return QueuedPrompt(
        prompt_id=str(prompt_id),
        number=number if isinstance(number, int | float) else 0,
        client_id=client_id if isinstance(client_id, str) else None,
    )


def _judge(entry: Mapping[str, Any]) -> Outcome:
    """By the last message that ends a run; `status_str` calls interrupted runs errors and broken loops successes."""
    status = as_object(entry.get("status"))
    messages: dict[str, Mapping[str, Any]] = {}
    last: str | None = None
    for message in as_list(status.get("messages")):
        name, data = [*as_list(message), "", None][:2]
        messages[str(name)] = as_object(data)
        last = str(name) if name in _ENDS else last
    outputs = as_object(entry.get("outputs"))
    seconds = _seconds(messages, last)
    if last == "execution_interrupted":
        return Interrupted()
    if last == "execution_error":
        return Failed(parse_execution_error(messages[last]), files_of(outputs), seconds)
    if last is None and status.get("status_str") == "error":
        return Failed(ExecutionFailed("the run ended with an error that ComfyUI does not describe"), files_of(outputs))
    cached = frozenset(map(str, as_list(messages.get("execution_cached", {}).get("nodes"))))
    wanted = frozenset(map(str, as_list((as_list(entry.get("prompt")) + [None] * 5)[4])))
    return Succeeded(
        files=files_of(outputs),
        texts=texts_of(outputs),
        cached=bool(wanted) and wanted <= cached,
        seconds=seconds,
    )


def _seconds(messages: Mapping[str, Mapping[str, Any]], last: str | None) -> float | None:
    begin = as_int(messages.get("execution_start", {}).get("timestamp"))
    end = as_int(messages.get(last or "", {}).get("timestamp"))
    return (end - begin) / 1000 if begin is not None and end is not None else None


def parse_system_stats(body: Mapping[str, Any]) -> SystemStats:
    """`/system_stats`; everything in it may be missing."""
    system = as_object(body.get("system"))
    text = str(system.get("comfyui_version") or "")
    match = re.search(r"\d+(?:\.\d+)+", text)
    return SystemStats(
        version=tuple(int(part) for part in match.group().split(".")) if match else (),
        version_text=text,
        devices=tuple(_device(as_object(device)) for device in as_list(body.get("devices"))),
        ram_total=as_int(system.get("ram_total")) or 0,
        ram_free=as_int(system.get("ram_free")) or 0,
        argv=tuple(map(str, as_list(system.get("argv")))),
        os=str(system.get("os") or ""),
        python_version=str(system.get("python_version") or ""),
        pytorch_version=str(system.get("pytorch_version") or ""),
    )


def _device(device: Mapping[str, Any]) -> Device:
    return Device(
        name=str(device.get("name") or ""),
        type=str(device.get("type") or ""),
        vram_total=as_int(device.get("vram_total")) or 0,
        vram_free=as_int(device.get("vram_free")) or 0,
        torch_vram_free=as_int(device.get("torch_vram_free")) or 0,
    )
