"""The demo's folder: emptied at each start, then filled with copies of the shipped characters and workflows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.errors import ConfigError
from bot.instance_lock import LOCK_NAME, lock_data_folder

REPOSITORY = Path(__file__).parents[2]
"""Where the folders `characters` and `workflows` are shipped."""
Graph = dict[str, Any]


def prepare_folder(folder: Path) -> None:
    """Empty the demo's folder and copy the shipped characters and workflows into it. Blocking.

    Raises:
        ConfigError: A demo is running there, the folder holds other files, or the shipped files are missing.

    """
    for name in ("characters", "workflows"):
        if not (REPOSITORY / name).is_dir():
            raise ConfigError(
                f"The folder {REPOSITORY / name} is not there.", advice="Run the demo from a copy of the repository."
            )
    if folder.is_dir() and any(folder.iterdir()) and not (folder / LOCK_NAME).exists():
        raise ConfigError(f"The folder {folder} holds something else.", advice="Name an empty folder, or none.")
    with lock_data_folder(folder):
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK_NAME:
                path.unlink()
        for name in ("characters", "workflows"):
            shutil.copytree(REPOSITORY / name, folder / name)


def add_workflow(folder: Path, name: str, graph: Mapping[str, Any], bindings: str = "") -> None:
    """Add an image workflow for Nova, and its bindings file if `bindings` is not empty."""
    path = folder / "workflows" / "nova" / "image" / f"{name}.json"
    path.write_text(json.dumps(graph, indent=1), encoding="utf-8")
    if bindings:
        path.with_name(f"{name}.bindings.yaml").write_text(bindings, encoding="utf-8")


def batch_graph(count: int) -> Graph:
    """The shipped workflow `landscape` with `count` smaller pictures per prompt."""
    graph = shipped_graph("landscape")
    graph["4"]["inputs"] |= {"batch_size": count, "width": 640, "height": 448}
    return graph


def missing_node_graph() -> Graph:
    """The shipped workflow `landscape` with one more node, of a class_type that no ComfyUI has."""
    return shipped_graph("landscape") | {
        "8": {"class_type": "FogMachineDeluxe", "inputs": {"images": ["6", 0]}, "_meta": {"title": "Fog"}}
    }


def shipped_graph(name: str) -> Graph:
    """The graph of a shipped image workflow that all characters share."""
    path = REPOSITORY / "workflows" / "_shared" / "image" / f"{name}.json"
    graph: Graph = json.loads(path.read_text(encoding="utf-8"))
    return graph
