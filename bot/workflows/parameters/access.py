"""Who may change a parameter where the owner has said nothing about it."""

from __future__ import annotations

import re

from bot.workflows.parameters.parameter import FILE_TYPES, TEXT_TYPES, OpenTo, ParameterType

_DANGEROUS_NAME = re.compile(
    r"(?:^|[_.])(?:path|paths|file|files|folder|dir|directory|url|urls|uri|endpoint|host|server|webhook|code|script|python"
    r"|javascript|expression|formula|command|cmd|shell|eval|regex|regex_pattern|pattern|api_?key|key|token|secret|password"
    r"|credentials?|workflow|json|prefix|suffix|extension|subfolder|glob|metadata|html|sql)(?:$|[_.\d])"
    r"|file_?name|filepath|filename|output_path|save_?to|base_?url|api_base",
)
"""Inputs whose text names a place on the server or in the network, or is run as code."""
_HARMLESS_INPUTS = frozenset({"language_code", "JsonExtractString.key", "JsonExtractString.json_string"})
"""Inputs, by name or by class and name, that are plain texts although they are called like the others."""
_DANGEROUS_CLASS = re.compile(
    r"exec|python|eval|script|expression|\bmath|httprequest|web_?hook|urlload|load\w*url|download|\bcode|shell|command"
    r"|load\w*path|frompath",
    re.IGNORECASE,
)


def default_access(
    node_class: str, input_name: str, kind: ParameterType, *, well_known: bool, has_choices: bool
) -> OpenTo:
    """Return who may change an input by default.

    Args:
        node_class: The class of the node.
        input_name: The input.
        kind: The parameter's type.
        well_known: Whether it is a well-known parameter.
        has_choices: Whether the server lists what may be chosen.

    """
    free_text = kind in TEXT_TYPES or (not has_choices and kind in FILE_TYPES | {ParameterType.CHOICE})
    if well_known:
        return OpenTo.EVERYONE
    if free_text and is_dangerous(node_class, input_name):
        return OpenTo.NOBODY
    if free_text or kind in FILE_TYPES or kind is ParameterType.FILE_NAME:
        return OpenTo.MANAGERS
    return OpenTo.EVERYONE


def is_dangerous(node_class: str, input_name: str) -> bool:
    """Whether a text there could reach a path, a URL, a secret or code."""
    if {input_name, f"{node_class}.{input_name}"} & _HARMLESS_INPUTS:
        return False
    return bool(_DANGEROUS_NAME.search(input_name.lower()) or _DANGEROUS_CLASS.search(node_class))
