"""Flags at the end of a prompt, as people know them from other tools: `a door --ar 16:9 --seed 7 --no trees`.

`<lora:name:0.8>` counts anywhere in the prompt. A flag that nobody knows stays text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.workflows.parameter_names import canonical_name, is_well_known

_LORA = re.compile(r"[ \t]*<lora:(?P<name>[^<>:]{1,120}(?::[+-]?\d{0,3}(?:\.\d{1,4})?){0,2})>", re.IGNORECASE)
_FLAG = re.compile(r"(?:(?<=\s)|^)(?:--|\u2014|\u2013)(?P<name>[A-Za-z][\w.-]{0,79})(?=\s|=|$)")
"""Phones turn two hyphens into a dash."""
_COUNT = re.compile(r"\s*=?\s*(?P<count>[1-9]\d{0,3})(?=[\s,;]|$)[,;]?")
_WORKFLOW_FLAGS = frozenset({"wf", "workflow"})
_NEGATIVE_FLAGS = frozenset({"no", "negative"})
_OF_PROMPT = frozenset({"prompt", "batch", "size"})
_WORDS_WITH_SPACES = frozenset({"no", "negative", "wf", "workflow", "model", "lora", "sampler", "vae", "clip"})


@dataclass(slots=True)
class PromptFlags:
    """What a prompt says beside its words.

    Attributes:
        prompt: The words that are left.
        settings: Name of a setting -> its value; LoRAs as `lora`, `lora2`, ...
        negative: What is to be kept out of it; added to the negative prompt.
        workflow: The name of the workflow.
        count: How many pictures are asked for.
        unknown: Flags that stay in the prompt, as they were typed.

    """

    prompt: str
    settings: dict[str, str] = field(default_factory=dict[str, str])
    negative: str | None = None
    workflow: str | None = None
    count: int | None = None
    unknown: tuple[str, ...] = ()

    @property
    def note(self) -> str | None:
        """A sentence about the flags that stay text; None: there are none."""
        if not self.unknown:
            return None
        named = ", ".join(self.unknown[:5])
        if len(self.unknown) == 1:
            return f"I know no flag {named}, so it stays text."
        return f"I know no flags {named}, so they stay text."


def may_have_flags(text: str) -> bool:
    """Whether a prompt has anything that `parse_prompt_flags` could find."""
    return bool(_FLAG.search(text) or _LORA.search(text))


def parse_prompt_flags(
    text: str, is_setting: Callable[[str], bool] = lambda _: False, *, takes_count: bool = False
) -> PromptFlags:
    """Return a prompt without its flags, and what they say. Never raises; values are checked later.

    Args:
        text: The prompt as it was typed.
        is_setting: Whether a name, other than a well-known one, is a setting of the workflow (`12.shift`).
        takes_count: Whether `--count 4` is a flag; else it stays text.

    """
    found = PromptFlags(prompt=text)
    text = _LORA.sub(lambda match: _take_lora(found, match["name"]), text)
    flags = list(_FLAG.finditer(text))
    kept: list[str] = [text[: flags[0].start()] if flags else text]
    unknown: list[str] = []
    for at, match in enumerate(flags):
        end = flags[at + 1].start() if at + 1 < len(flags) else len(text)
        said = text[match.end() : end]
        if takes_count and match["name"].lower() == "count":
            rest = _take_count(found, said)
        else:
            rest = _take_flag(found, match["name"], said, is_setting)
        if rest is None:
            unknown.append(match[0])
            kept.append(text[match.start() : end])
        elif rest:
            kept.append(f"{rest} ")
    found.unknown = tuple(unknown)
    found.prompt = "".join(kept).strip() if flags or found.settings else text
    return found


def _take_lora(found: PromptFlags, name: str) -> str:
    _add_lora(found, name)
    return ""


def _add_lora(found: PromptFlags, value: str) -> None:
    count = sum(name.startswith("lora") for name in found.settings)
    found.settings["lora" if not count else f"lora{count + 1}"] = value


def _take_count(found: PromptFlags, said: str) -> str | None:
    match = _COUNT.match(said)
    if match is None:
        return None
    found.count = int(match["count"])
    return said[match.end() :].strip()


def _take_flag(found: PromptFlags, typed: str, said: str, is_setting: Callable[[str], bool]) -> str | None:
    """Take a flag with its value; return the words behind the value, or None where it is no flag."""
    name, value = typed.lower(), said.removeprefix("=").strip()
    canonical = canonical_name(name)
    if not value or not (
        name in _WORKFLOW_FLAGS | _NEGATIVE_FLAGS
        or (is_well_known(canonical) and canonical not in _OF_PROMPT - {"size"})
        or is_setting(typed)
    ):
        return None
    words = value.split()
    rest = ""
    if name not in _WORDS_WITH_SPACES and canonical not in _WORDS_WITH_SPACES:
        value, rest = words[0].rstrip(",;"), " ".join(words[1:])
    if name in _WORKFLOW_FLAGS:
        found.workflow = value
    elif name in _NEGATIVE_FLAGS or canonical == "negative":
        found.negative = f"{found.negative}, {value}" if found.negative else value
    elif canonical == "lora":
        _add_lora(found, value)
    else:
        found.settings[canonical if is_well_known(canonical) else typed] = value
    return rest
