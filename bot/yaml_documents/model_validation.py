"""Validating a YAML document against a pydantic model, with an error of one sentence that names line and key."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from bot.errors import ConfigError
from bot.yaml_documents.document import KeyPath, YamlDocument, dotted_key

Model = TypeVar("Model", bound=BaseModel)

# The first word of pydantic's error types, such as `int_parsing`, -> what the value must be.
_TYPE_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text (put it in quotes)",
    "model": "a section of keys",
    "dict": "a section of keys",
    "tuple": "a list",
    "list": "a list",
    "path": "a path",
    "url": "an address such as http://127.0.0.1:8188",
}
# Pydantic's error type -> what the value must be; its context fills the gaps.
_CONSTRAINT_WORDS = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "too_long": "must have at most {max_length} entries",
}


def validate_document(model: type[Model], document: YamlDocument, *, context: Mapping[str, Any] | None = None) -> Model:
    """Return the document's data as a value of the model.

    Args:
        model: The model; its fields are the keys that the file may have.
        document: The document.
        context: For the model's validators, as pydantic's `model_validate` takes it.

    Raises:
        ConfigError: Something in the document is wrong; the sentence is about the error that stands first in the file,
            and names its line and, for an unknown key, the nearest valid one.

    """
    try:
        return model.model_validate(document.data, context=dict(context or {}))
    except ValidationError as error:
        faults = sorted(error.errors(), key=lambda fault: document.line_of(fault["loc"]))
        raise ConfigError(_sentence(model, document, dict(faults[0]), len(faults) - 1)) from error


def _sentence(model: type[BaseModel], document: YamlDocument, fault: dict[str, Any], others: int) -> str:
    path: KeyPath = fault["loc"]
    if fault["type"] == "extra_forbidden":
        words = f"unknown key `{dotted_key(path)}`; the nearest valid key is `{nearest_key(model, path)}`"
    elif fault["type"] == "missing":
        words = f"`{dotted_key(path)}` is missing"
    else:
        words = f"`{dotted_key(path)}` {_what_is_wrong(fault)}" if path else _what_is_wrong(fault)
    more = f" (and {others} more)" if others else ""
    return f"{document.location_of(path)}: {words}{more}."


def _what_is_wrong(fault: dict[str, Any]) -> str:
    kind = str(fault["type"])
    if kind in _CONSTRAINT_WORDS:
        return _CONSTRAINT_WORDS[kind].format(**fault.get("ctx", {})) + _given_value(fault)
    if kind == "value_error":
        return str(fault["ctx"]["error"])
    word = _TYPE_WORDS.get(kind.partition("_")[0])
    return f"must be {word}{_given_value(fault)}" if word else f"is not usable ({fault['msg']})"


def _given_value(fault: dict[str, Any]) -> str:
    value = fault.get("input")
    if isinstance(value, bool):
        return f", not {str(value).lower()}"
    if isinstance(value, int | float | str):
        return f", not {value!r}" if len(str(value)) <= 40 else ", and this is too long"
    return ""


def known_keys(model: type[BaseModel], prefix: KeyPath = ()) -> list[KeyPath]:
    """Return every key of the model and of its sections, depth first; excluded fields are no keys."""
    found: list[KeyPath] = []
    for name, info in model.model_fields.items():
        if info.exclude:
            continue
        path = (*prefix, name)
        found.append(path)
        section = _section(info.annotation)
        if section is not None:
            found += known_keys(section, path)
    return found


def _section(annotation: Any) -> type[BaseModel] | None:
    candidates = (annotation, *get_args(annotation))
    return next((item for item in candidates if isinstance(item, type) and issubclass(item, BaseModel)), None)


def nearest_key(model: type[BaseModel], path: KeyPath) -> str:
    """Return the valid key most similar to `path`.

    A similar key of the same section goes first, then one of the same name in another section, then the most similar
    key of the section, or of all keys where there is no such section.
    """
    names = [dotted_key(key) for key in known_keys(model)]
    wrong, last = dotted_key(path), str(path[-1])
    section = dotted_key(path[:-1])
    neighbours = [name for name in names if name.rpartition(".")[0] == section]
    tails = difflib.get_close_matches(last, [name.rpartition(".")[2] for name in neighbours], n=1, cutoff=0.6)
    if tails:
        return f"{section}.{tails[0]}" if section else tails[0]
    elsewhere = [name for name in names if name.rpartition(".")[2] == last]
    return (elsewhere or difflib.get_close_matches(wrong, neighbours or names, n=1, cutoff=0.0))[0]
