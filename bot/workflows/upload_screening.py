"""What a workflow that somebody uploads may not contain, since it runs on the machine of the person who hosts the bot.

Refused are nodes that run code or programs, that read or write paths of their own, and that fetch addresses; also nodes
of partners, each run of which costs the host money, unless the host allows them. Names of files to be saved are forced
below ComfyUI's own output folder.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, cast

from bot.workflows.errors import NodeRefused, NotAGraph
from bot.workflows.graph import Graph, class_type, inputs, is_link, node_title
from bot.workflows.object_info import ObjectInfo, input_spec

PACK_PREFIX = "pack:"
"""Begins a pattern of `workflows.deny` and `workflows.allow` that names a node pack in place of a class."""
_MAX_NAMED = 5
_OWN_MODULES = ("nodes", "comfy_extras.", "comfy_api_nodes.")
"""Where ComfyUI's own nodes are, as `python_module` in `/object_info` says; those of others: `custom_nodes.<pack>`."""


class RefusalReason(StrEnum):
    """Why a node is refused; the values complete the sentence "Node 4 (Title, Class) ..."."""

    CODE = "runs code or programs"
    PATHS = "reads or writes paths of its own"
    FETCHES = "fetches or sends to addresses"
    PARTNER = "costs money at each run, because a partner of ComfyUI runs it"
    HOST = "is on the host's list of refused nodes"


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_CODE_WORDS = frozenset(
    {"python", "exec", "execute", "executor", "eval", "evaluator", "shell", "bash", "powershell", "cmd", "subprocess"}
    | {"terminal", "javascript", "lua", "commandline", "interpreter", "jinja"}
)
_RUN_WORDS = frozenset({"run", "python", "exec", "execute", "eval", "custom"})
_RUNNABLE_WORDS = frozenset({"script", "code", "command", "program", "lambda"})
_ADDRESS_WORDS = frozenset(
    {"url", "urls", "uri", "http", "https", "webhook", "ftp", "sftp", "curl", "wget", "smtp", "email", "telegram"}
    | {"fetch", "scrape", "scraper", "crawl", "crawler", "browser", "download", "downloader", "request", "requests"}
    | {"websearch"}
)
_PATH_WORDS = frozenset(
    {"path", "paths", "directory", "directories", "dir", "folder", "folders", "filepath", "filename", "glob"}
)
_FILE_VERBS = frozenset(
    {"load", "save", "read", "write", "list", "open", "delete", "remove", "move", "copy", "rename", "create", "export"}
    | {"import", "append", "batch", "from", "to"}
)
_FILE_WORDS = frozenset({"file", "files", "txt", "csv", "zip", "sqlite", "pickle", "pkl"})
_TEXT_VERBS = frozenset({"read", "write", "delete", "remove", "rename", "append", "load", "save"})
_HARMLESS = re.compile(
    r"DownloadAndLoad\w+"  # loaders of a fixed list of models on Hugging Face
    r"|\w*SaveImageWebsocket|File3DTo\w+|\w+ToFile3D|Load\w*3D\w*|Load(?:Image|Audio|Video|Latent)"
    r"|VHS_(?:LoadVideo|LoadAudioUpload|VideoCombine)"
)
_OWN_PATH_CLASSES = frozenset(
    {
        "LoadImageDataSetFromFolder",
        "LoadImageTextDataSetFromFolder",
        "LoadVideoDataSetFromFolder",
        "LoadVideoTextDataSetFromFolder",
        "LoadTrainingDataset",
        "SaveImageDataSetToFolder",
        "SaveImageTextDataSetToFolder",
        "SaveTrainingDataset",
    }
)
"""ComfyUI's own nodes that take a folder."""
_PATH_CLASSES = frozenset(
    {
        "Image Save",
        "Load Image Batch",
        "Text Load Line From File",
        "Image Load",
        "VHS_LoadAudio",
        "Save Text File",
        "Load Text File",
        "VHS_LoadImages",
    }
)
"""Classes of well-known packs that take a path without saying so in their names."""
_REFUSED_PACKS: Mapping[str, RefusalReason] = {
    "comfyui_llmvision": RefusalReason.CODE,  # it stole passwords
}
_SAVED_NAME = re.compile(r"(?:^|_)(?:filename|file_name|save)?_?prefix$|^file_?name$", re.IGNORECASE)
_PATH_INPUT = re.compile(
    r"(?:^|[_.])(?:path|paths|file|files|folder|dir|directory|filename|file_?path|output_path|glob)(?:$|[_.\d])",
    re.IGNORECASE,
)
_ADDRESS_INPUT = re.compile(
    r"(?:^|[_.])(?:url|urls|uri|endpoint|host|server|webhook|base_?url)(?:$|[_.\d])", re.IGNORECASE
)
_ROOTED = re.compile(r"^\s*(?:[\\/~]|[A-Za-z]:[\\/]?)|(?:^|[\\/])\.\.(?:[\\/]|$)")
"""An absolute path, a home folder, a drive, or a path that leaves its folder."""
_ADDRESS = re.compile(r"^\s*[A-Za-z][A-Za-z0-9+.-]{1,20}://")


@dataclass(frozen=True)
class ScreeningRules:
    """What the host refuses and allows beyond the shipped lists.

    Attributes:
        deny: Patterns of classes (`*Python*`), or with `pack:` of node packs.
        allow: As `deny`; it goes before every other list, the shipped ones too.
        partner_nodes: Whether nodes that cost money are allowed.
        max_nodes: The most nodes of an uploaded workflow.

    """

    deny: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    partner_nodes: bool = False
    max_nodes: int = 2_000


@dataclass(frozen=True)
class RefusedNode:
    """A node that may not be uploaded."""

    node_id: str
    title: str
    class_type: str
    reason: RefusalReason | str

    def __str__(self) -> str:
        return f"node {self.node_id[:40]} ({self.title[:60]}, {self.class_type[:60]}) {self.reason}"


@dataclass
class ForcedPaths:
    """A graph whose names of saved files stay below the usual folders."""

    graph: dict[str, Any]
    notes: list[str] = field(default_factory=list[str])


def require_allowed(graph: Graph, rules: ScreeningRules, object_info: ObjectInfo | None) -> None:
    """Check an uploaded graph.

    Args:
        graph: In API format.
        rules: The host's rules.
        object_info: The body of `GET /object_info`; without it packs and partners are known by class names only.

    Raises:
        NotAGraph: It has too many nodes.
        NodeRefused: It has nodes that are refused; the error names them and why.

    """
    if len(graph) > rules.max_nodes:
        raise NotAGraph(
            f"The workflow has {len(graph):,} nodes; at most {rules.max_nodes:,} are taken.",
            advice="Make it smaller, or ask the host to raise `workflows.max_nodes`.",
        )
    refused = list(refused_nodes(graph, rules, object_info))
    if refused:
        named = "; ".join(map(str, refused[:_MAX_NAMED]))
        more = f"; and {len(refused) - _MAX_NAMED} more" if len(refused) > _MAX_NAMED else ""
        raise NodeRefused(f"This workflow is not taken: {named}{more}.")


def refused_nodes(graph: Graph, rules: ScreeningRules, object_info: ObjectInfo | None) -> Iterator[RefusedNode]:
    """Yield each node that may not be uploaded."""
    by_class: dict[str, RefusalReason | None] = {}
    for node_id in graph:
        name = class_type(graph, node_id)
        if name not in by_class:
            by_class[name] = class_refusal(name, rules, object_info)
        reason = by_class[name] or _input_refusal(graph, node_id, object_info)
        if reason is not None and not (by_class[name] is None and _is_listed(name, object_info, rules.allow)):
            yield RefusedNode(node_id, node_title(graph, node_id), name, reason)


def class_refusal(name: str, rules: ScreeningRules, object_info: ObjectInfo | None) -> RefusalReason | None:
    """Return why nodes of a class are refused; None: they are not."""
    if _is_listed(name, object_info, rules.allow):
        return None
    if _is_listed(name, object_info, rules.deny):
        return RefusalReason.HOST
    module = _module(name, object_info)
    if _is_partner(name, object_info) and not rules.partner_nodes:
        return RefusalReason.PARTNER
    if name in _OWN_PATH_CLASSES:
        return RefusalReason.PATHS
    if module.startswith(_OWN_MODULES):
        return None
    pack = _pack(module)
    return _REFUSED_PACKS.get(pack.casefold()) or _reason_by_words(name) or _reason_of_pack(pack)


def with_forced_paths(graph: Graph) -> ForcedPaths:
    """Return the graph with names of saved files below ComfyUI's output folder, and a note for each changed one."""
    found = ForcedPaths(dict(graph))
    for node_id in graph:
        for name, value in inputs(graph, node_id).items():
            if not isinstance(value, str) or not _SAVED_NAME.search(name) or not _ROOTED.search(value):
                continue
            forced = _below(value)
            node = dict(found.graph[node_id])
            node["inputs"] = {**node["inputs"], name: forced}
            found.graph[node_id] = node
            found.notes.append(
                f"{node_title(graph, node_id)[:60]} saves as {forced[:60]}: files stay in ComfyUI's output folder."
            )
    return found


def _below(path: str) -> str:
    """The path without its root, drive and steps upwards."""
    parts = re.split(r"[\\/]+", re.sub(r"^\s*[A-Za-z]:", "", path.strip()))
    kept = [part for part in parts if part not in {"", ".", "..", "~"} and not part.startswith("~")]
    return "/".join(kept[-3:]) or "chorus"


def _input_refusal(graph: Graph, node_id: str, object_info: ObjectInfo | None) -> str | None:
    """Why a node is refused because of a value in it: a path or an address that is not chosen from a list."""
    name = class_type(graph, node_id)
    for input_name, value in inputs(graph, node_id).items():
        if is_link(value) or not isinstance(value, str):
            continue
        spec = input_spec(object_info, name, input_name)
        if spec is not None and spec.choices is not None:
            continue
        if _ADDRESS_INPUT.search(input_name) and _ADDRESS.search(value):
            return f"has an address of its own in {input_name[:40]}"
        if _PATH_INPUT.search(input_name) and (_ROOTED.search(value) or _ADDRESS.search(value)):
            return f"has a path of its own in {input_name[:40]}"
    return None


def _is_listed(name: str, object_info: ObjectInfo | None, patterns: Collection[str]) -> bool:
    if not patterns:
        return False
    pack = _pack(_module(name, object_info)).casefold()
    for pattern in patterns:
        wanted = pattern.casefold()
        if wanted.startswith(PACK_PREFIX):
            if pack and fnmatchcase(pack, wanted.removeprefix(PACK_PREFIX).strip()):
                return True
        elif fnmatchcase(name.casefold(), wanted):
            return True
    return False


def _module(name: str, object_info: ObjectInfo | None) -> str:
    description: Any = (object_info or {}).get(name)
    if not isinstance(description, Mapping):
        return ""
    return str(cast("Mapping[str, Any]", description).get("python_module", ""))


def _pack(module: str) -> str:
    """`custom_nodes.ComfyUI-Foo` -> `ComfyUI-Foo`; empty for ComfyUI's own nodes."""
    return module.removeprefix("custom_nodes.") if module.startswith("custom_nodes.") else ""


def _is_partner(name: str, object_info: ObjectInfo | None) -> bool:
    """`/object_info` marks such nodes with `api_node` (ComfyUI, server.py: node_info), also those of node packs."""
    description: Any = (object_info or {}).get(name)
    return isinstance(description, Mapping) and bool(cast("Mapping[str, Any]", description).get("api_node"))


def _words(name: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in _WORDS.findall(name))


def _reason_by_words(name: str) -> RefusalReason | None:
    if _HARMLESS.fullmatch(name):
        return None
    words = _words(name)
    if words & _CODE_WORDS or (words & _RUN_WORDS and words & _RUNNABLE_WORDS):
        return RefusalReason.CODE
    if words & _ADDRESS_WORDS:
        return RefusalReason.FETCHES
    takes_path = bool(words & _PATH_WORDS and words & _FILE_VERBS) or name in _PATH_CLASSES
    if takes_path or (words & _FILE_WORDS and words & _TEXT_VERBS):
        return RefusalReason.PATHS
    return None


def _reason_of_pack(pack: str) -> RefusalReason | None:
    return RefusalReason.CODE if _words(pack) & _CODE_WORDS else None
