"""What a character's own look adds to a picture: its appearance, LoRAs with their trigger words, a negative prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.characters.character import Character, CharacterLora
from bot.domain.jobs import Derivation, GenerationRequest, JobKind
from bot.workflows.input_roles import InputRole
from bot.workflows.object_info import ObjectInfo
from bot.workflows.parameters import CheckedOverrides, with_loras
from bot.workflows.workflow import Workflow

DEFAULT_NEGATIVE = "blurry, low quality, deformed hands, extra fingers, text, watermark, signature"
"""For characters without one, where the workflow leaves its place to the bot."""
ADDED = "added"
"""Key of `Job.parameters`: sentences about what was added, for people."""
CHARACTER_LORAS = "character_loras"
"""Key of `Job.parameters`: the character's LoRAs, as `name:strength`."""
TRIGGERS = "triggers"
"""Key of `Job.parameters`: words that the prompt must have, whoever writes it."""
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”")
_SECOND_PERSON = re.compile(r"(?<!thank )\b(?:you|yourself)\b(?! are here)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CharacterLook:
    """What is added to one job.

    Attributes:
        positive: The prompt with what was added.
        negative: The negative prompt; None: none is given.
        overrides: Those of the request with the character's LoRAs.
        parameters: Entries of `Job.parameters`.

    """

    positive: str
    negative: str | None
    overrides: CheckedOverrides
    parameters: dict[str, Any]


def character_look(
    request: GenerationRequest,
    character: Character,
    workflow: Workflow,
    overrides: CheckedOverrides,
    object_info: ObjectInfo | None,
) -> CharacterLook:
    """Return what the character's look adds to a picture or film.

    Repetitions get nothing new: they bring what was added then. Of other jobs made from earlier ones the prompt has the
    appearance already, if it was to be there.
    """
    negative, positive = request.negative, request.positive
    if request.kind is JobKind.AUDIO or request.derivation is Derivation.REPEAT:
        return CharacterLook(positive, negative, overrides, {})
    identity, added = character.visual_identity, list[str]()
    if reason := _reason_for_appearance(request, character):
        positive = with_words(positive, identity.prompt_context)
        added.append(f"{character.name}'s appearance, because {reason}")
    if negative is None and identity.negative_prompt:
        negative = identity.negative_prompt
        added.append(f"{character.name}'s negative prompt")
    elif negative is None and workflow.analysis.has_placeholder(InputRole.NEGATIVE):
        negative = DEFAULT_NEGATIVE
        added.append("the usual negative prompt, because there is no other")
    parameters: dict[str, Any] = {}
    if identity.all_loras and workflow.analysis.takes(InputRole.POSITIVE):
        found = with_loras(workflow, overrides, [_lora_text(lora) for lora in identity.all_loras], object_info)
        used = [lora for lora in identity.all_loras if _lora_text(lora) not in found.left_out]
        overrides = found.overrides
        triggers = [lora.trigger for lora in used if lora.trigger]
        parameters |= {CHARACTER_LORAS: [_lora_text(lora) for lora in used]} if used else {}
        parameters |= {TRIGGERS: triggers} if triggers else {}
        added += [f"the LoRA {lora.name}, which is {character.name}'s" for lora in used]
        added += [f"not the LoRA {lora.name}: {found.left_out[_lora_text(lora)]}" for lora in identity.all_loras
                  if _lora_text(lora) in found.left_out]  # fmt: skip
        if triggers and positive:
            positive = with_words(positive, *triggers)
            added.append(f"trigger words: {', '.join(triggers)}")
    if added:
        parameters[ADDED] = added
    return CharacterLook(positive, negative, overrides, parameters)


def with_character_loras(
    workflow: Workflow, overrides: CheckedOverrides, parameters: Mapping[str, Any], object_info: ObjectInfo
) -> tuple[CheckedOverrides, list[str]]:
    """Return the overrides with the LoRAs of a job's character, and a sentence for each that cannot be used."""
    loras: Sequence[str] = parameters.get(CHARACTER_LORAS, ())
    found = with_loras(workflow, overrides, loras, object_info)
    return found.overrides, [f"Without the LoRA {name}: {reason}" for name, reason in found.left_out.items()]


def with_words(text: str, *words: str) -> str:
    """Return a prompt with words at its end that it does not have yet."""
    for more in words:
        if more and more.casefold() not in text.casefold():
            text = f"{text.rstrip(' ,.')}, {more}" if text.strip() else more
    return text


def _reason_for_appearance(request: GenerationRequest, character: Character) -> str | None:
    """Why the appearance belongs into a prompt that a person has written; None: it does not."""
    identity = character.visual_identity
    # The language model is told the appearance, so a prompt that it writes has it where it belongs.
    by_person = request.derivation is None and not request.rewrite and request.written_prompt is None
    if not identity.prompt_context or identity.appearance == "never" or not by_person:
        return None
    if identity.appearance == "always":
        return "it is always added"
    words = _QUOTED.sub(" ", request.positive)
    for name in (character.name, *character.aliases):
        if re.search(rf"(?<!\ba )(?<!\ban )(?<!\bthe )(?<!\w){re.escape(name)}(?!\w)", words, re.IGNORECASE):
            return f"the prompt names {name}"
    return f"the prompt speaks to {character.name}" if _SECOND_PERSON.search(words) else None


def _lora_text(lora: CharacterLora) -> str:
    return lora.name if lora.strength is None else f"{lora.name}:{lora.strength:g}"
