"""Converting the fields of a character card into a `Character`. Reads and writes no files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, cast

from pydantic import ValidationError

from bot.characters.character import MAX_NAME_LENGTH, Character, check_id
from bot.errors import InputInvalid

MAX_MEMORIES = 100
MAX_MEMORY_CHARS = 4000
"""Longer lorebook entries are cut."""
MAX_TEXT_CHARS = 100_000
"""Of any field of the card."""

# Field -> its names in the formats before V1 (Pygmalion, the first TavernAI).
_FIELD_NAMES = {
    "name": ("char_name",),
    "description": ("char_persona", "persona"),
    "scenario": ("world_scenario",),
    "first_mes": ("char_greeting", "greeting", "first_message"),
    "mes_example": ("example_dialogue", "example_dialogs"),
    "system_prompt": (),
    "personality": (),
    "creator_notes": ("creatorcomment",),
    "nickname": (),
    "post_history_instructions": (),
}
_MACRO = re.compile(r"\{\{([^{}]{0,2000})\}\}")
_ANGLE_MACRO = re.compile(r"<(user|char|bot)>", re.IGNORECASE)
_EXAMPLE_START = re.compile(r"^[ \t]*<START>[ \t]*\n?", re.IGNORECASE | re.MULTILINE)
_DECORATOR = re.compile(r"^@@.*\n?", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")


def character_from_card(card: Mapping[str, Any], filename: str) -> tuple[Character, list[str]]:
    """Return the character of a card's fields, and a sentence for each thing that was left out.

    Args:
        card: The card's JSON object.
        filename: Names the character where the card does not.

    Raises:
        InputInvalid: The card has no description, no name, or a field that is too long.

    """
    data = card.get("data")
    inner = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    fields = _text_fields(card, inner)
    name = _name(fields["name"], filename)
    spoken_name = " ".join(fields["nickname"].split())[:MAX_NAME_LENGTH] or name
    notes = _notes(inner)
    memories, left_out = _memories(inner, spoken_name)
    if left_out:
        notes.append(f"{left_out} entries of its lorebook are used only on keywords and were left out.")
    try:
        character = Character.model_validate(
            {
                "id": id_from(name),
                "name": name,
                "aliases": [spoken_name] if spoken_name != name else [],
                "system_prompt": _prompt(fields, spoken_name),
                "greeting": expand(fields["first_mes"], spoken_name, user="everyone"),
                "core_memories": memories,
                "example_dialogue": _examples(fields["mes_example"], spoken_name),
                "nsfw": _is_nsfw(inner or card),
            }
        )
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InputInvalid(f"The card cannot be used: `{key}` is not as it should be.") from error
    return character, notes


def expand(text: str, character: str, *, user: str) -> str:
    """Replace the macros of cards, in one pass: macros in what was inserted are left alone.

    Args:
        text: A field of the card.
        character: Replaces `{{char}}` and `<bot>`.
        user: Replaces `{{user}}`: a word for people in general, since several may write in a channel.

    """

    def replace(match: re.Match[str]) -> str:
        name, _, rest = match[1].strip().partition(":")
        name = name.strip().lower()
        fixed = {"char": character, "bot": character, "user": user, "original": "", "trim": "", "newline": "\n"}
        if name in fixed and not rest:
            return fixed[name]
        if name in {"random", "pick"} and rest:
            return re.split(r"::|,", rest.lstrip(":"))[0].strip()
        if name.startswith("//") or name in {"comment", "hidden_key"}:
            return ""
        return match[0]

    expanded = _MACRO.sub(replace, text)
    return _ANGLE_MACRO.sub(lambda match: user if match[1].lower() == "user" else character, expanded).strip()


def id_from(name: str) -> str:
    """Return a valid id for any name: `Éowyn the 2nd` -> `eowyn-the-2nd`; `character` where nothing is left of it."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    candidate = re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:40].strip("-") or "character"
    try:
        return check_id(candidate)
    except ValueError:  # a name that Windows reserves, such as `con`
        return f"{candidate}-character"


def _text_fields(card: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a card; `inner` is its `data`, which V2 and V3 have."""
    # V2 and V3 cards often repeat the fields outside of `data` for V1 readers; those inside are newer.
    fields = {name: _field(inner, name, others) or _field(card, name, others) for name, others in _FIELD_NAMES.items()}
    if not any(fields[name] for name in ("description", "personality", "system_prompt", "scenario", "first_mes")):
        raise InputInvalid(
            "That is not a character card: it has no description.",
            advice="Expected a card of SillyTavern, TavernAI or a program like them.",
        )
    return fields


def _field(source: Mapping[str, Any], name: str, others: tuple[str, ...]) -> str:
    for key in (name, *others):
        value = source.get(key)
        if isinstance(value, str) and value.strip():
            if len(value) > MAX_TEXT_CHARS:
                raise InputInvalid(f"The card's `{key}` is longer than {MAX_TEXT_CHARS} characters.")
            return value.strip().replace("\r\n", "\n").replace("\r", "\n")
    return ""


def _name(given: str, filename: str) -> str:
    name = " ".join(given.split())
    if len(name) > MAX_NAME_LENGTH:
        raise InputInvalid(f"The card's name is longer than {MAX_NAME_LENGTH} characters.")
    if not name:
        stem = PurePath(filename.replace("\\", "/")).name.partition(".")[0]
        name = " ".join(re.sub(r"[_-]+", " ", stem).split())[:MAX_NAME_LENGTH].strip().title()
    if not re.search(r"\w", name):
        raise InputInvalid("The card has no name.", advice="Name the file after the character, or name it in the card.")
    return name


def _prompt(fields: Mapping[str, str], name: str) -> str:
    def expanded(key: str) -> str:
        return expand(fields[key], name, user="the user")

    labels = (
        ("system_prompt", ""),
        ("description", ""),
        ("personality", f"{name}'s personality: "),
        ("scenario", "Scenario: "),
        ("post_history_instructions", ""),
    )
    prompt = "\n\n".join(label + expanded(key) for key, label in labels if expanded(key))
    return prompt or f"You are {name}."


def _examples(text: str, name: str) -> str:
    examples = _EXAMPLE_START.sub("\n", text)
    # At the beginning of a line the macro is a speaker; anywhere else it is a person who is spoken to or about.
    examples = re.sub(
        r"^([ \t]*)(?:\{\{user\}\}|<user>)[ \t]*:", r"\1User:", examples, flags=re.IGNORECASE | re.MULTILINE
    )
    return _BLANK_LINES.sub("\n\n", expand(examples, name, user="friend"))


def _memories(data: Mapping[str, Any], name: str) -> tuple[list[str], int]:
    """The lorebook's entries that are always used (`constant`) in their order, and how many usable others there are."""
    book = data.get("character_book")
    entries: Any = cast("dict[str, Any]", book).get("entries") if isinstance(book, dict) else None
    if isinstance(entries, dict):  # SillyTavern's own world files number their entries
        entries = list(cast("dict[str, Any]", entries).values())
    known = [
        cast("dict[str, Any]", entry)
        for entry in (cast("list[Any]", entries) if isinstance(entries, list) else [])
        if isinstance(entry, dict)
    ]
    usable = [entry for entry in known if entry.get("enabled", True) is not False and _content(entry)]
    constant = sorted((entry for entry in usable if entry.get("constant") is True), key=_order)
    texts = (expand(_content(entry), name, user="the user") for entry in constant[:MAX_MEMORIES])
    memories = [text for text in texts if text]
    return memories, len(usable) - len(memories)


def _content(entry: Mapping[str, Any]) -> str:
    content = entry.get("content")
    # Lines such as `@@depth 4` are V3 decorators, which steer other programs.
    return _DECORATOR.sub("", content).strip()[:MAX_MEMORY_CHARS] if isinstance(content, str) else ""


def _order(entry: Mapping[str, Any]) -> float:
    order = entry.get("insertion_order", entry.get("order", 0))
    return float(order) if isinstance(order, int | float) and abs(order) < 1e9 else 0.0


def _is_nsfw(data: Mapping[str, Any]) -> bool:
    tags = data.get("tags")
    return any(
        isinstance(tag, str) and tag.strip().lower() in {"nsfw", "18+", "adult", "r18"}
        for tag in (cast("list[Any]", tags)[:1000] if isinstance(tags, list) else [])
    )


def _notes(data: Mapping[str, Any]) -> list[str]:
    greetings = data.get("alternate_greetings")
    count = len(cast("list[Any]", greetings)) if isinstance(greetings, list) else 0
    return [f"{count} alternative greetings were left out."] if count else []


def with_changes(own: Character, exported: Mapping[str, Any], card: Mapping[str, Any], filename: str) -> Character:
    """Return a character that was exported by us, with what another program has changed in the card since.

    Args:
        own: The character of our part of the card.
        exported: The fields of `data` as we have written them for it.
        card: The card as it is now.
        filename: As for `character_from_card`.

    Raises:
        InputInvalid: As from `character_from_card`, where something was changed.

    """
    data = card.get("data")
    inner: Mapping[str, Any] = cast("Mapping[str, Any]", data) if isinstance(data, Mapping) else {}
    changed = {name for name in (*_FIELD_NAMES, "tags") if _plain(inner.get(name)) != _plain(exported.get(name))}
    changed -= {"creator_notes", "nickname"}
    if _contents(inner) != _contents(exported):
        changed.add("character_book")
    if not changed:
        return own
    unchanged = {name: "" for name in ("personality",) if name not in changed}
    edited, _ = character_from_card({"data": {**inner, **unchanged}}, filename)
    updates: dict[str, Any] = {}
    if changed & {"description", "personality", "scenario", "system_prompt", "post_history_instructions"}:
        updates["system_prompt"] = edited.system_prompt
    for name, key in (
        ("name", "name"),
        ("first_mes", "greeting"),
        ("mes_example", "example_dialogue"),
        ("tags", "nsfw"),
        ("character_book", "core_memories"),
    ):
        if name in changed:
            updates[key] = getattr(edited, key)
    return own.model_copy(update=updates)


def _plain(value: Any) -> Any:
    """A value as it can be compared: programs change line ends and spaces around texts."""
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n").strip()
    return value or ""


def _contents(data: Mapping[str, Any]) -> list[str]:
    """The texts of the lorebook's entries that are in use."""
    book = data.get("character_book")
    entries: Any = cast("Mapping[str, Any]", book).get("entries") if isinstance(book, Mapping) else None
    return [
        str(_plain(cast("Mapping[str, Any]", entry).get("content")))
        for entry in (cast("list[Any]", entries) if isinstance(entries, list) else [])
        if isinstance(entry, Mapping) and cast("Mapping[str, Any]", entry).get("enabled", True) is not False
    ]
