"""The demo's own folder: copies of the shipped characters and workflows, and nothing of an earlier visit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.errors import ConfigError
from bot.instance_lock import LOCK_NAME, lock_data_folder

SHIPPED = Path(__file__).parents[2]
"""The repository: characters and workflows lie beside the packages."""
Graph = dict[str, Any]


def prepare(folder: Path) -> None:
    """Empty `folder` and copy what is shipped into it. Blocking.

    Raises:
        ConfigError: A demo runs there already, the folder is something else's, or the shipped files are not there.

    """
    for name in ("characters", "workflows"):
        if not (SHIPPED / name).is_dir():
            raise ConfigError(
                f"The folder {SHIPPED / name} is not there.", advice="Run the demo from a copy of the repository."
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
            shutil.copytree(SHIPPED / name, folder / name)


def add_workflow(folder: Path, name: str, graph: Mapping[str, Any], bindings: str = "") -> None:
    """Give Nova an image workflow, and its bindings file if it needs one."""
    path = folder / "workflows" / "nova" / "image" / f"{name}.json"
    path.write_text(json.dumps(graph, indent=1), encoding="utf-8")
    if bindings:
        path.with_name(f"{name}.bindings.yaml").write_text(bindings, encoding="utf-8")


def batch_of(count: int) -> Graph:
    """The shipped landscape, so many times and smaller."""
    graph = shipped_graph("landscape")
    graph["4"]["inputs"] |= {"batch_size": count, "width": 640, "height": 448}
    return graph


def broken() -> Graph:
    """The shipped landscape with a node that nobody has installed."""
    return shipped_graph("landscape") | {
        "8": {"class_type": "FogMachineDeluxe", "inputs": {"images": ["6", 0]}, "_meta": {"title": "Fog"}}
    }


def shipped_graph(name: str) -> Graph:
    """A shared image workflow."""
    path = SHIPPED / "workflows" / "_shared" / "image" / f"{name}.json"
    graph: Graph = json.loads(path.read_text(encoding="utf-8"))
    return graph
