"""Parsing a conversation: the character, the speakers, facts about them, and whether a picture is wanted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

_NAME = re.compile(r"\b(?:You are|Your name is|Name:)\s+\"?([A-Z][\w'\u2019-]*)")
_TRAITS = re.compile(r"(?:personality|traits)[^:\n]*:\s*([^\n]+)", re.IGNORECASE)
_LOOKS = re.compile(r"(?:this is how [^\n]*? looks|looks like this|appearance):\s*([^\n]+)", re.IGNORECASE)
_SPEAKER = re.compile(r"^([^\s:][^:\n]{0,39}):\s(.*)$")
_ASKS_FOR_PROMPT = re.compile(r"prompts? for an? (?:image|picture)|image[- ]prompt|text-to-image", re.IGNORECASE)
_REQUEST = re.compile(
    r"(?:Write (?:the|an?) (?:image )?prompt for|Request|Scene|Subject):\s*(.+)", re.IGNORECASE | re.DOTALL
)
_PICTURE = re.compile(
    r"\b(?:draw|paint|sketch|illustrate)\b(?!\s+(?:for|every|all)\b)"
    r"|\b(?:show|send|make|give|take|create|want|post|see)\b[^.?!\n]{0,40}"
    r"\b(?:picture|photo|pic|image|drawing|painting|portrait|selfie|sketch)\b"
    r"|\bselfie\b|\bshow me\b",
    re.IGNORECASE,
)
_NO_PICTURE = re.compile(
    r"\b(?:don'?t|do not|never|stop|no need to)\s+(?:\w+\s+)?(?:draw|paint|sketch|send|show)", re.IGNORECASE
)
_FACTS: Sequence[tuple[str, re.Pattern[str]]] = (
    ("name", re.compile(r"\b(?:my name is|call me)\s+([A-Z][\w'-]*)", re.IGNORECASE)),
    ("favourite", re.compile(r"\bmy (favou?rite \w+) is ([^.,!?\n]+)", re.IGNORECASE)),
    (
        "pet",
        re.compile(r"\bI have an? (cat|dog|bird|horse|rabbit|parrot)(?: (?:called|named) ([A-Z]\w*))?", re.IGNORECASE),
    ),
    ("place", re.compile(r"\bI (?:live|am|grew up) in ([A-Z][\w ]*?)(?=[.,!?\n]|$)")),
    ("likes", re.compile(r"\bI (?:love|like|adore|enjoy) ([^.,!?\n]+)", re.IGNORECASE)),
)
_COMMAND = re.compile(
    r"^(?:(?:hey|hi|hello|please|so|ok|okay|now|and|could you|can you|would you|will you|"
    r"i(?:'d| would) like(?: you)? to|"
    r"let's|nova|alex)[\s,]+)*"
    r"(?:please\s+)?(?:draw|paint|sketch|illustrate|show|send|make|give|take|create|post)\s+(?:me|us)?\s*(?:please\s+)?"
    r"(?:an?\s+|the\s+|another\s+)?(?:(?:picture|photo|pic|image|drawing|painting|sketch)\s+(?:of|with|showing)\s+)?"
    r"(?:an?\s+|the\s+)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Turn:
    """One line of the conversation; `speaker` is empty if the line names none."""

    role: str
    speaker: str
    text: str


@dataclass(frozen=True)
class Chat:
    """The messages of a request, parsed."""

    name: str
    """The character's name; empty if the system prompt has none."""
    traits: tuple[str, ...]
    system: str
    turns: tuple[Turn, ...]
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """Speaker -> kind of fact -> what they said about themselves."""

    @property
    def last(self) -> Turn:
        """The last user message, which is to be answered."""
        return next((each for each in reversed(self.turns) if each.role == "user"), Turn("user", "", ""))

    @property
    def answered_before(self) -> bool:
        """Whether there is an assistant message in the context."""
        return any(each.role == "assistant" for each in self.turns)

    @property
    def wants_prompt(self) -> bool:
        """Whether the system prompt asks for an image prompt."""
        return _ASKS_FOR_PROMPT.search(self.system) is not None

    @property
    def wants_picture(self) -> bool:
        """Whether the last message asks for a picture."""
        text = self.last.text
        return _PICTURE.search(text) is not None and _NO_PICTURE.search(text) is None

    @property
    def picture_subject(self) -> str:
        """What the picture is to show: the last message without the words that ask for a picture."""
        text = self.last.text.strip()
        asked = _REQUEST.search(text)
        if asked is not None:
            text = asked.group(1).strip()
        return _COMMAND.sub("", text).strip(" .!?\"'")

    @property
    def appearance(self) -> str:
        """The character's appearance; empty if the system prompt has none."""
        found = _LOOKS.search(self.system)
        return found.group(1).strip() if found else ""


def parse_chat(messages: Sequence[Mapping[str, Any]]) -> Chat:
    """Parse the messages of a request."""
    system = "\n".join(_text(each) for each in messages if each.get("role") in {"system", "developer"})
    name = _NAME.search(system)
    traits = _TRAITS.search(system)
    turns = tuple(turn for each in messages if each.get("role") in {"user", "assistant"} for turn in _turns(each))
    return Chat(
        name=name.group(1) if name else "",
        traits=tuple(part.strip().lower() for part in traits.group(1).split(",")) if traits else (),
        system=system,
        turns=turns,
        facts=_facts(turns),
    )


def _text(message: Mapping[str, Any]) -> str:
    """The text of a message, also if its content is a list of parts."""
    content: Any = message.get("content")
    if not isinstance(content, list):
        return str(content or "")
    parts = [cast("dict[str, Any]", part) for part in cast("list[Any]", content) if isinstance(part, dict)]
    return "\n".join(str(part.get("text", "")) for part in parts)


def _turns(message: Mapping[str, Any]) -> list[Turn]:
    """The turns of a message: one per line that starts with a speaker. Other lines belong to the turn before."""
    role, text = str(message["role"]), _text(message)
    if role == "assistant":
        return [Turn(role, "", text)]
    turns: list[Turn] = []
    for line in text.split("\n"):
        named = _SPEAKER.match(line)
        if named is not None:
            turns.append(Turn(role, named.group(1), named.group(2)))
        elif turns:
            turns[-1] = Turn(role, turns[-1].speaker, f"{turns[-1].text}\n{line.strip()}")
        else:
            turns.append(Turn(role, "", line))
    return turns


def _facts(turns: Sequence[Turn]) -> dict[str, dict[str, str]]:
    known: dict[str, dict[str, str]] = {}
    for turn in turns:
        if turn.role == "user":
            for kind, pattern in _FACTS:
                found = pattern.search(turn.text)
                if found is not None:
                    parts = [part.strip() for part in found.groups() if part]
                    known.setdefault(turn.speaker, {})[kind] = " ".join(parts)
    return known
