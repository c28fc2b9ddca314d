"""`GET /system_stats`: version, memory and command line of a ComfyUI server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.comfyui.json_values import as_int, as_list, as_object


@dataclass(frozen=True)
class Device:
    """One entry of `devices`; memory in bytes."""

    name: str
    type: str
    vram_total: int
    vram_free: int


@dataclass(frozen=True)
class SystemStats:
    """The whole answer; memory in bytes. `version` is `()` where the server does not tell its version."""

    version: tuple[int, ...]
    version_text: str
    devices: tuple[Device, ...]
    ram_total: int
    ram_free: int
    argv: tuple[str, ...]
    os: str = ""
    pytorch_version: str = ""

    @property
    def takes_prompt_id(self) -> bool:
        """The client may choose `prompt_id` (from 0.3.45 on); True where the version is unknown."""
        return not self.version or self.version >= (0, 3, 45)

    @property
    def interrupts_by_id(self) -> bool:
        """`POST /interrupt` honours `prompt_id` (from 0.3.57 on); older servers interrupt whatever prompt runs."""
        return self.version >= (0, 3, 57)


def parse_system_stats(body: Mapping[str, Any]) -> SystemStats:
    """The answer as a value; everything in it may be missing."""
    system = as_object(body.get("system"))
    text = str(system.get("comfyui_version") or "")
    match = re.search(r"\d+(?:\.\d+)+", text)
    return SystemStats(
        version=tuple(int(number) for number in match.group().split(".")) if match else (),
        version_text=text,
        devices=tuple(_device(as_object(device)) for device in as_list(body.get("devices"))),
        ram_total=as_int(system.get("ram_total")) or 0,
        ram_free=as_int(system.get("ram_free")) or 0,
        argv=tuple(map(str, as_list(system.get("argv")))),
        os=str(system.get("os") or ""),
        pytorch_version=str(system.get("pytorch_version") or ""),
    )


def _device(device: Mapping[str, Any]) -> Device:
    return Device(
        name=str(device.get("name") or ""),
        type=str(device.get("type") or ""),
        vram_total=as_int(device.get("vram_total")) or 0,
        vram_free=as_int(device.get("vram_free")) or 0,
    )
