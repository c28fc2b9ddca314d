"""Selecting, of all literal texts of a graph, the prompt, the negative prompt and the spoken text.

Equal texts are one prompt in several places and are all written. Of several different texts, node titles and input
names decide; where they do not, the selection is left to the owner.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.workflows import name_patterns as patterns
from bot.workflows.graph import NodeInput
from bot.workflows.text_search import Polarity, TextCandidate

_TITLE_OF_PROMPT = re.compile(r"\b(?:positive|prompt|subject|user|main|description|input)\b", re.IGNORECASE)
_TITLE_OF_ADDITION = re.compile(
    r"\b(?:style|quality|prefix|suffix|trigger|lora|template|system|negative|prepend|append|extra|additional|fixed|detailer?"
    r"|detail|face|hands?|upscale[rd]?|refiner?|hires|hand|background)\b",
    re.IGNORECASE,
)
_PLACEHOLDER_TEXT = re.compile(
    r"(?:(?:your|enter|insert|put|write|the|user|my|positive|image|input|text|placeholder)[\s_]+)*prompt(?:[\s_]+(?:goes[\s_]+)?here)?[.!]*"
    r"|placeholder|.*\u63d0\u793a\u8bcd.{0,4}\u66ff\u6362",
    re.IGNORECASE,
)
_QUALITY_WORDS = frozenset({
    "masterpiece", "master", "piece", "best", "high", "highest", "top", "great", "good", "amazing", "ultra", "very",
    "super", "extremely", "highly", "absurdres", "highres", "hd", "uhd", "newest", "recent", "up", "score", "realistic",
    "photorealistic", "aesthetic", "quality", "detailed", "detail", "details", "intricate", "sharp", "focus", "res",
    "resolution", "4k", "8k", "16k", "k", "raw", "photo", "professional", "cinematic", "lighting", "nsfw", "sfw", "hdr",
})  # fmt: skip
"""Words of quality tags, which many prompts share and which describe no subject."""
_DEFAULT_TITLE = re.compile(r"^CLIP Text Encode \(Prompt\)$|^CLIPTextEncode|CR Prompt Text$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class InputSelection:
    """The inputs that a value is written into, or, where nothing decides, those that the owner has to choose from."""

    selected: tuple[NodeInput, ...] = ()
    candidates: tuple[NodeInput, ...] = ()


@dataclass(frozen=True, slots=True)
class TextSelections:
    """The inputs of the prompt, the negative prompt and the spoken text."""

    positive: InputSelection
    negative: InputSelection
    speech: InputSelection


def select_texts(candidates: Sequence[TextCandidate], *, only_audio: bool) -> TextSelections:
    """Sort the literal texts of a graph into prompt, negative prompt and spoken text.

    Args:
        candidates: What `find_texts` has found.
        only_audio: Whether every output node saves sound; a text without conditioning is then the spoken one.

    """
    if not only_audio:
        candidates = [*_without_sound(candidates)]
    positive = [text for text in candidates if text.polarity is Polarity.POSITIVE]
    unconditioned = [text for text in candidates if text.polarity is Polarity.UNCONDITIONED]
    spoken = [text for text in unconditioned if text.spoken]
    speech = _select_one_text(spoken or (unconditioned if only_audio and not positive else []))
    prompt = _select_one_text(positive or [text for text in unconditioned if not text.spoken] or spoken)
    also_positive = {text.node_input for text in positive}
    negative = [
        text for text in candidates if text.polarity is Polarity.NEGATIVE and text.node_input not in also_positive
    ]
    if not speech.selected and not speech.candidates and only_audio:
        speech = prompt
    return TextSelections(prompt, InputSelection(_negative_inputs(negative)), speech)


def _without_sound(candidates: Sequence[TextCandidate]) -> Iterator[TextCandidate]:
    """Beside the prompt of a picture or film, that of a node that makes its sound is not meant."""
    seen = {text.polarity for text in candidates if not text.of_sound}
    conditioned = bool(seen & {Polarity.POSITIVE, Polarity.NEGATIVE})
    for text in candidates:
        if not text.of_sound or not (text.polarity in seen or conditioned):
            yield text


def _negative_inputs(candidates: Sequence[TextCandidate]) -> tuple[NodeInput, ...]:
    """Return the texts in nodes of their own, or if there is none, all.

    Owners type what must never be drawn into the encoder itself; a person's negative prompt must not replace it where
    there is a separate text node to be set.
    """
    separate = [text for text in candidates if not text.typed_into_encoder]
    return tuple(text.node_input for text in separate or candidates)


def _select_one_text(candidates: Sequence[TextCandidate]) -> InputSelection:
    """Select every input that holds the one text; of several different texts the one that names and titles point to."""
    groups = _groups_by_text(candidates)
    for narrowed in (_without_empty, _without_joined_literals, _best_named):
        if len(groups) > 1:
            groups = narrowed(groups)
    if len(groups) == 1:
        return InputSelection(selected=tuple(dict.fromkeys(text.node_input for text in _once_per_join(groups[0]))))
    return InputSelection(candidates=tuple(dict.fromkeys(text.node_input for group in groups for text in group)))


def _once_per_join(candidates: Sequence[TextCandidate]) -> list[TextCandidate]:
    """Keep only the first input of each node that joins texts; otherwise the prompt would be in the result twice."""
    joins = set[str]()
    kept: list[TextCandidate] = []
    for text in candidates:
        if text.joined and text.node_input.node_id in joins:
            continue
        if text.joined:
            joins.add(text.node_input.node_id)
        kept.append(text)
    return kept


def _groups_by_text(candidates: Sequence[TextCandidate]) -> list[list[TextCandidate]]:
    """Group by text; the inputs of one encoder node (`text_g`, `text_l`) stay together whatever they hold."""
    by_node: dict[object, list[TextCandidate]] = {}
    for text in candidates:
        key = text.node_input if text.joined else text.node_input.node_id
        by_node.setdefault(key, []).append(text)
    groups: dict[tuple[str, ...], list[TextCandidate]] = {}
    for members in by_node.values():
        texts = tuple(sorted({text.text.strip() for text in members if text.text.strip()}))
        groups.setdefault(texts, []).extend(members)
    return list(groups.values())


def _without_empty(groups: list[list[TextCandidate]]) -> list[list[TextCandidate]]:
    """Beside a text that is filled in, an empty one is an unused slot."""
    filled = [group for group in groups if any(text.text.strip() for text in group)]
    return filled or groups


def _without_joined_literals(groups: list[list[TextCandidate]]) -> list[list[TextCandidate]]:
    """A text in a node of its own goes before one typed into the joining node beside it (a style, a separator)."""
    separate = [group for group in groups if not all(text.joined for text in group)]
    return separate or groups


def _best_named(groups: list[list[TextCandidate]]) -> list[list[TextCandidate]]:
    ranked = [
        max((_is_placeholder_text(text), _rank_of_name(text), _rank_of_text(text.text)) for text in group)
        for group in groups
    ]
    best = [group for group, rank in zip(groups, ranked, strict=True) if rank == max(ranked)]
    return best if len(best) == 1 else groups


def _is_placeholder_text(candidate: TextCandidate) -> bool:
    """Whether the text only says where the prompt goes: `PROMPT HERE`, `positive prompt`, or the same in Chinese."""
    return bool(_PLACEHOLDER_TEXT.match(candidate.text.strip()))


def _rank_of_text(text: str) -> int:
    """2: can stand alone; 1: begins or ends with a separator, so it is added to another text; 0: only quality tags."""
    bare = text.strip()
    words = [word for word in re.findall(r"[^\W_]+", bare.lower()) if not word.isdigit()]
    if words and _QUALITY_WORDS.issuperset(words):
        return 0
    return 1 if bare.startswith((",", ";", ".")) or bare.endswith((",", ";")) else 2


def _rank_of_name(candidate: TextCandidate) -> int:
    """2: named as a prompt; 1: not named; 0: named as an addition to a prompt (a style, a suffix, a trigger word)."""
    input_name, title, *_ = (*candidate.names, "", "")
    if patterns.ADDED_TEXT_NAME.search(input_name.lower()):
        return 0
    if not title or _DEFAULT_TITLE.search(title):
        return 1
    if _TITLE_OF_ADDITION.search(title):
        return 0
    return 2 if _TITLE_OF_PROMPT.search(title) else 1
