"""Which of the literal texts is the person's prompt: all of one text, or the one that names and titles point to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.workflows import vocabulary as words
from bot.workflows.graph import Target
from bot.workflows.prompts import Leaf, Way

_SAYS_PROMPT = re.compile(r"\b(?:positive|prompt|subject|user|main|description|input)\b", re.IGNORECASE)
_SAYS_MORE = re.compile(
    r"\b(?:style|quality|prefix|suffix|trigger|lora|template|system|negative|prepend|append|extra|additional|fixed|detailer?"
    r"|detail|face|hands?|upscale[rd]?|refiner?|hires|hand|background)\b",
    re.IGNORECASE,
)
_STAND_IN = re.compile(
    r"(?:(?:your|enter|insert|put|write|the|user|my|positive|image|input|text|placeholder)[\s_]+)*prompt(?:[\s_]+(?:goes[\s_]+)?here)?[.!]*"
    r"|placeholder|.*\u63d0\u793a\u8bcd.{0,4}\u66ff\u6362",
    re.IGNORECASE,
)
_PRAISE = frozenset({
    "masterpiece", "master", "piece", "best", "high", "highest", "top", "great", "good", "amazing", "ultra", "very",
    "super", "extremely", "highly", "absurdres", "highres", "hd", "uhd", "newest", "recent", "up", "score", "realistic",
    "photorealistic", "aesthetic", "quality", "detailed", "detail", "details", "intricate", "sharp", "focus", "res",
    "resolution", "4k", "8k", "16k", "k", "raw", "photo", "professional", "cinematic", "lighting", "nsfw", "sfw", "hdr",
})  # fmt: skip
"""Words that praise a picture and say nothing about it."""
_DEFAULT_TITLE = re.compile(r"^CLIP Text Encode \(Prompt\)$|^CLIPTextEncode|CR Prompt Text$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Choice:
    """Targets to write, or the candidates that only the owner can choose from."""

    targets: tuple[Target, ...] = ()
    candidates: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Choices:
    """What the texts of a graph are for."""

    positive: Choice
    negative: Choice
    speech: Choice


def choose(leaves: Sequence[Leaf], *, only_audio: bool) -> Choices:
    """Sort the texts into prompt, negative and speech.

    Args:
        leaves: What `find_texts` met.
        only_audio: Every output is sound, so a text that no sampler asked for is spoken.

    """
    positive = [leaf for leaf in leaves if leaf.way is Way.POSITIVE]
    plain = [leaf for leaf in leaves if leaf.way is Way.PLAIN]
    spoken = [leaf for leaf in plain if leaf.spoken]
    speech = _one_text(spoken or (plain if only_audio and not positive else []))
    rest = [leaf for leaf in plain if not leaf.spoken]
    chosen = _one_text(positive or rest or spoken)
    drawn = {leaf.target for leaf in positive}
    negative = _negative([leaf for leaf in leaves if leaf.way is Way.NEGATIVE and leaf.target not in drawn])
    if not speech.targets and not speech.candidates and only_audio:
        speech = chosen
    return Choices(chosen, Choice(negative), speech)


def _negative(leaves: Sequence[Leaf]) -> tuple[Target, ...]:
    """All of them; but a text node of its own is made to be set, and what is typed into encoders beside it stays.

    Owners put there what must never be drawn; a person's negative prompt must not replace it.
    """
    own = [leaf for leaf in leaves if not leaf.typed_into_encoder]
    return tuple(leaf.target for leaf in own or leaves)


def _one_text(leaves: Sequence[Leaf]) -> Choice:
    """One text in however many places is written to all of them; of several, what the names say, or nobody's guess."""
    groups = _groups(leaves)
    for narrowed in (_without_empty, _without_joined_literals, _by_names):
        if len(groups) > 1:
            groups = narrowed(groups)
    if len(groups) == 1:
        return Choice(targets=tuple(dict.fromkeys(leaf.target for leaf in _once_per_join(groups[0]))))
    return Choice(candidates=tuple(dict.fromkeys(leaf.target for group in groups for leaf in group)))


def _once_per_join(leaves: Sequence[Leaf]) -> list[Leaf]:
    """Of several empty parts of one join only the first: the prompt would be in the text twice."""
    joins = set[str]()
    kept: list[Leaf] = []
    for leaf in leaves:
        if leaf.joined and leaf.target.node_id in joins:
            continue
        if leaf.joined:
            joins.add(leaf.target.node_id)
        kept.append(leaf)
    return kept


def _groups(leaves: Sequence[Leaf]) -> list[list[Leaf]]:
    """Leaves by text; the inputs of one encoder node (`text_g`, `text_l`) belong together whatever they hold."""
    by_node: dict[object, list[Leaf]] = {}
    for leaf in leaves:
        key = leaf.target if leaf.joined else leaf.target.node_id
        by_node.setdefault(key, []).append(leaf)
    groups: dict[tuple[str, ...], list[Leaf]] = {}
    for members in by_node.values():
        texts = tuple(sorted({leaf.text.strip() for leaf in members if leaf.text.strip()}))
        groups.setdefault(texts, []).extend(members)
    return list(groups.values())


def _without_empty(groups: list[list[Leaf]]) -> list[list[Leaf]]:
    """Beside a written prompt an empty text is an unused slot, unless its title says that it is the prompt."""
    written = [group for group in groups if any(leaf.text.strip() for leaf in group)]
    return written or groups


def _without_joined_literals(groups: list[list[Leaf]]) -> list[list[Leaf]]:
    """A text of its own goes before what was typed into the join beside it (a style, a separator)."""
    own = [group for group in groups if not all(leaf.joined for leaf in group)]
    return own or groups


def _by_names(groups: list[list[Leaf]]) -> list[list[Leaf]]:
    ranked = [max((_says_put_it_here(leaf), _rank(leaf), _standing(leaf.text)) for leaf in group) for group in groups]
    best = max(ranked)
    first = [group for group, rank in zip(groups, ranked, strict=True) if rank == best]
    return first if len(first) == 1 else groups


def _says_put_it_here(leaf: Leaf) -> bool:
    """A stand-in instead of a text: `PROMPT HERE`, `positive prompt`, or the same in Chinese."""
    return bool(_STAND_IN.match(leaf.text.strip()))


def _standing(text: str) -> int:
    """2: could stand alone; 1: made to be put before or after something (`, in oil`); 0: praise (`best quality`)."""
    bare = text.strip()
    said = [word for word in re.findall(r"[^\W_]+", bare.lower()) if not word.isdigit()]
    if said and _PRAISE.issuperset(said):
        return 0
    return 1 if bare.startswith((",", ";", ".")) or bare.endswith((",", ";")) else 2


def _rank(leaf: Leaf) -> int:
    """2: called a prompt; 0: called something that is added to one; 1: not called anything."""
    input_name, title, *_ = (*leaf.names, "", "")
    if words.DECORATION_NAME.search(input_name.lower()):
        return 0
    if not title or _DEFAULT_TITLE.search(title):
        return 1
    if _SAYS_MORE.search(title):
        return 0
    return 2 if _SAYS_PROMPT.search(title) else 1
