"""A judge that nobody here wrote: Discord's own OpenAPI description, applied to what reached the local Discord.

Three adaptations make it strict enough to say something and lenient enough to be right: objects are closed, unions
whose members have a required `type` enum become if/then (so that an error names the member meant), and snowflakes may
be integers. Validators are built per (method, path template) when first needed and kept for the process.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from sandbox.discord import RecordedRequest

Json = dict[str, Any]

DESCRIPTION = Path(__file__).resolve().parents[2] / "shared" / "discord" / "openapi.json"

needs_openapi = pytest.mark.skipif(not DESCRIPTION.exists(), reason=f"{DESCRIPTION.name} of Discord is not here")

HARMLESS: dict[str, set[str]] = {
    "ApplicationCommandCreateRequest": {"nsfw"},
    "ApplicationCommandUpdateRequest": {"nsfw"},
    "MessageEditRequestPartial": {"tts"},
    "IncomingWebhookUpdateRequestPartial": {"tts"},
    "IncomingWebhookUpdateForInteractionCallbackRequestPartial": {"tts"},
    "RichEmbed": {"flags"},
    "MessageAttachmentRequest": {
        "content_type", "proxy_url", "size", "url", "spoiler", "height", "width", "waveform", "flags", "ephemeral",
        "duration_secs", "title",
    },
}  # fmt: skip
"""What discord.py 2.7.1 sends beyond the description to no effect: `tts` on edits, `nsfw` on commands, `flags` of
embeds, and everything it knows about a file that an edit keeps (`Attachment.to_dict`).
"""

_REF = "#/components/schemas/"
_METHODS = {"get", "put", "post", "patch", "delete"}


class Judge:
    """Says what is wrong with requests by the description's account."""

    def __init__(self, description: Json) -> None:
        self._schemas: Json = description["components"]["schemas"]
        self._adapted: dict[str, Json] = {}
        self._validators: dict[tuple[str, str], Draft202012Validator | None] = {}
        self._paths: Json = description["paths"]
        self._patterns = [(re.compile(_expression(path)), path) for path in sorted(self._paths, key=_generality)]

    def problems(self, received: RecordedRequest) -> list[str]:
        """Everything wrong with one request: path, method, query names, body. Empty means that nothing is."""
        template = next((path for pattern, path in self._patterns if pattern.fullmatch(received.path)), None)
        where = f"{received.method} {received.path}"
        if template is None or received.method.lower() not in self._paths[template]:
            return [f"{where}: Discord has no such route"]
        found = [f"{where}: unknown query parameter {name!r}" for name in self._unknown_query(template, received)]
        validator = self._validator(received.method.lower(), template)
        if validator is None or received.body in (None, {}):
            return found
        for error in validator.iter_errors(received.body):  # pyright: ignore[reportUnknownMemberType]
            deepest = _deepest(error)
            found.append(f"{where}: {deepest.json_path}: {deepest.message[:300]}")
        return found

    def _unknown_query(self, template: str, received: RecordedRequest) -> Iterator[str]:
        item: Json = self._paths[template]
        parameters: list[Json] = [*item.get("parameters", []), *item[received.method.lower()].get("parameters", [])]
        known = {parameter["name"] for parameter in parameters if parameter.get("in") == "query"}
        yield from (name for name in received.query if name not in known)

    def _validator(self, method: str, template: str) -> Draft202012Validator | None:
        key = (method, template)
        if key not in self._validators:
            content: Json = self._paths[template][method].get("requestBody", {}).get("content", {})
            schema: Json | None = content.get("application/json", {}).get("schema")
            self._validators[key] = None if schema is None else Draft202012Validator(self._document(schema))
        return self._validators[key]

    def _document(self, schema: Json) -> Json:
        root = self._adapt(schema)
        needed: dict[str, Json] = {}
        waiting = list(_references(root))
        while waiting:
            name = waiting.pop()
            if name not in needed:
                if name not in self._adapted:
                    self._adapted[name] = self._named(name)
                needed[name] = self._adapted[name]
                waiting += _references(needed[name])
        return {"$defs": needed, "allOf": [root]}

    def _named(self, name: str) -> Json:
        adapted: Json = self._adapt(self._schemas[name])
        for key in HARMLESS.get(name, ()):
            adapted["properties"].setdefault(key, {})
        return adapted

    def _adapt(self, schema: Any) -> Any:
        if isinstance(schema, list):
            entries = cast("list[Any]", schema)
            return [self._adapt(entry) for entry in entries]
        if not isinstance(schema, dict):
            return schema
        node = cast("Json", schema)
        adapted: Json = {key: self._adapt(value) for key, value in node.items()}
        if "$ref" in adapted:
            adapted["$ref"] = adapted["$ref"].replace(_REF, "#/$defs/")
        if adapted.get("format") == "snowflake":
            adapted["type"] = ["string", "integer"]
        if "properties" in adapted and isinstance(adapted.get("type"), str | list):
            adapted.setdefault("additionalProperties", False)
        for union in ("oneOf", "anyOf"):
            if union in node and (members := self._discriminated(node[union])):
                null = {"type": "null"} in node[union]
                del adapted[union]
                adapted |= _by_type(members, nullable=null)
        return adapted

    def _discriminated(self, members: list[Json]) -> list[tuple[list[int], Json]]:
        """The values of `type` and the schema of each member; empty if any member does not require one."""
        found: list[tuple[list[int], Json]] = []
        for member in members:
            if member == {"type": "null"}:
                continue
            target: Json = self._schemas[member["$ref"].removeprefix(_REF)] if "$ref" in member else member
            kind: Json = target.get("properties", {}).get("type", {})
            if "type" not in target.get("required", []) or "enum" not in kind:
                return []
            found.append((kind["enum"], self._adapt(member)))
        values = [value for kinds, _ in found for value in kinds]
        return found if len(found) > 1 and len(set(values)) == len(values) else []


def _depth(error: ValidationError) -> tuple[int, bool]:
    return len(error.absolute_path), error.validator != "type"


def _deepest(error: ValidationError) -> ValidationError:
    """Of a union that fits nowhere, the complaint that is furthest inside: it is about the member that was meant."""
    context: list[ValidationError] = list(error.context or [])
    return _deepest(max(context, key=_depth)) if context else error


def _by_type(members: list[tuple[list[int], Json]], *, nullable: bool) -> Json:
    known = [value for kinds, _ in members for value in kinds]
    object_rule: Json = {"type": "object", "required": ["type"], "properties": {"type": {"enum": known}}}
    choices = [
        {"if": {"type": "object", "properties": {"type": {"enum": kinds}}}, "then": schema} for kinds, schema in members
    ]
    if not nullable:
        return object_rule | {"allOf": choices}
    return {"if": {"type": "null"}, "else": object_rule | {"allOf": choices}}


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        entries = cast("Json", node)
        if isinstance(entries.get("$ref"), str):
            yield entries["$ref"].removeprefix("#/$defs/")
        for value in entries.values():
            yield from _references(value)
    elif isinstance(node, list):
        values = cast("list[Any]", node)
        for value in values:
            yield from _references(value)


def _expression(path: str) -> str:
    return "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{\w+\})", path))


def _generality(path: str) -> tuple[int, str]:
    return path.count("{"), path


@functools.cache
def judge() -> Judge:
    """The judge; reads the description once per process."""
    return Judge(json.loads(DESCRIPTION.read_text(encoding="utf-8")))


def check_requests(requests: Iterable[RecordedRequest]) -> list[str]:
    """What Discord's own description has against these requests; `assert check_requests(discord.requests) == []`.

    Empty where the description is not there.
    """
    if not DESCRIPTION.exists():
        return []
    return [problem for received in requests for problem in judge().problems(received)]
