"""Limits of application commands (interactions/application-commands)."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import Any

from sandbox.discord.errors import FormErrors
from sandbox.discord.json_values import Json, get_list

CHAT_INPUT, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUBCOMMAND, GROUP = 1, 2
MAX_PER_TYPE = {CHAT_INPUT: 100, USER_MENU: 15, MESSAGE_MENU: 15}
MAX_OPTIONS, MAX_CHOICES, MAX_TOTAL = 25, 25, 8000


def is_name(value: str) -> bool:
    """Whether a command name is valid ("Application Command Naming").

    At most 32 letters, digits and `-_'` of any script, in lower case where the script has cases.
    """
    if not 1 <= len(value) <= 32 or value != value.lower():
        return False
    return all(
        char in "-_'"
        or unicodedata.category(char)[0] in "LN"
        or "\u0900" <= char <= "\u097f"
        or "\u0e00" <= char <= "\u0e7f"
        for char in value
    )


def check_commands(commands: list[Json], form: FormErrors) -> None:
    """Check the commands of a bulk overwrite, and how many there are of each type."""
    kinds = Counter(command.get("type", CHAT_INPUT) for command in commands)
    for kind, number in kinds.items():
        if number > MAX_PER_TYPE.get(kind, 0):
            form.add("_", "APPLICATION_COMMANDS_MAX", f"At most {MAX_PER_TYPE.get(kind, 0)} commands of type {kind}.")
    names = Counter((command.get("type", CHAT_INPUT), command.get("name")) for command in commands)
    for index, command in enumerate(commands):
        if names[command.get("type", CHAT_INPUT), command.get("name")] > 1:
            form.add(f"{index}.name", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
        check_command(command, f"{index}", form)


def check_command(command: Json, path: str, form: FormErrors) -> None:
    """Check one command."""
    kind, name = command.get("type", CHAT_INPUT), command.get("name")
    if kind == CHAT_INPUT:
        _named(command, path, form)
        _options(command.get("options") or [], path, form)
        if text_length(command) > MAX_TOTAL:
            form.add(path, "APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({MAX_TOTAL})")
    else:
        if form.required(f"{path}.name", name):
            form.length(f"{path}.name", name, 1, 32)
        for key in ("description", "options"):
            if command.get(key):
                form.add(
                    f"{path}.{key}", "APPLICATION_COMMAND_CONTEXT_MENU", f"Context menu commands cannot have {key}"
                )


def text_length(node: Json) -> int:
    """Characters of all names, descriptions and choice values of a command ("Limits on Command Creation")."""
    own = sum(len(str(node.get(key) or "")) for key in ("name", "description"))
    choices = sum(len(str(choice["name"])) + len(str(choice["value"])) for choice in get_list(node, "choices"))
    return own + choices + sum(text_length(option) for option in get_list(node, "options"))


def _named(node: Json, path: str, form: FormErrors) -> None:
    name = node.get("name")
    if form.required(f"{path}.name", name) and not is_name(str(name)):
        form.add(f"{path}.name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    if form.required(f"{path}.description", node.get("description")):
        form.length(f"{path}.description", node["description"], 1, 100)


def _options(options: list[Json], path: str, form: FormErrors) -> None:
    form.length(f"{path}.options", options, 0, MAX_OPTIONS)
    names = [option.get("name") for option in options]
    if len(set(names)) != len(names):
        form.add(f"{path}.options", "APPLICATION_COMMAND_OPTIONS_NAME_NOT_UNIQUE", "Option names must be unique")
    optional_seen = False
    for index, option in enumerate(options):
        where = f"{path}.options.{index}"
        _named(option, where, form)
        if option.get("type") in {SUBCOMMAND, GROUP}:
            _options(option.get("options") or [], where, form)
            continue
        if option.get("required") and optional_seen:
            message = "Required options must be placed before non-required options"
            form.add(where, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
        optional_seen = optional_seen or not option.get("required")
        if option.get("autocomplete") and option.get("choices"):
            message = "An option cannot have both choices and autocomplete"
            form.add(where, "APPLICATION_COMMAND_OPTION_AUTOCOMPLETE_CHOICES", message)
        check_choices(option.get("choices") or [], f"{where}.choices", form)


def check_choices(choices: Any, path: str, form: FormErrors) -> None:
    """Check choices: at most 25, names of 1 to 100 characters, string values of at most 100."""
    form.length(path, choices, 0, MAX_CHOICES)
    for index, choice in enumerate(choices):
        if form.required(f"{path}.{index}.name", choice.get("name")):
            form.length(f"{path}.{index}.name", choice["name"], 1, 100)
        value = choice.get("value")
        if value is None:
            form.required(f"{path}.{index}.value", value)
        elif isinstance(value, str):
            form.length(f"{path}.{index}.value", value, 0, 100)
