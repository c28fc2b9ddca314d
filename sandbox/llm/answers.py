"""The text of the answers: rules in place of a language model, with the same answer to the same messages."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.llm.chat_parsing import Chat, Turn

STAND_IN_TAG = "(stand-in model)"
"""Ends the first answer of a conversation, so that nobody takes it for the work of a language model."""

_STOPWORDS = frozenset(
    """
    about after again anything because been before being called could doing does dont down every from going have having
    hello hers named
    here into just like made make many more most much need only other over please really said same should some such
    tell than thank thanks that their them then there these they thing things think this those through today under
    until very want wants were what when where which while will with would your youre yours name
    """.split()  # noqa: SIM905 - sixty quoted words would hide them
)
_OPENERS: Mapping[str, Sequence[str]] = {
    "warm": ("I'm glad you said that.", "Come, sit; that deserves an answer.", "Oh, that's lovely."),
    "playful": ("Ha! Careful, I might take that seriously.", "*grins*", "You do know how to start something."),
    "direct": ("Straight answer:", "Let's not walk round it.", "Yes. And then some."),
    "observant": ("*tilts her head*" , "I noticed how you put that.", "Look at that for a second."),
    "curious": ("Wait, go back a step.", "Now I want to know more.", "Oh?"),
    "dry": ("Noted.", "How very unlikely.", "I shall pretend to be surprised."),
    "calm": ("Slowly now.", "Mm.", "One thing at a time."),
    "patient": ("We have time.", "Let's take it from the beginning.", "No hurry."),
    "thoughtful": ("Let me turn that over once.", "There's more in that than it looks.", "Hm."),
    "": ("Well now.", "All right.", "Hm, let me think."),
}  # fmt: skip
_ABOUT: Sequence[str] = (
    "{topic} is one of those things that looks simple until you try it.",
    "I keep coming back to {topic}; it has more sides than people think.",
    "When somebody says {topic}, I see the light on it first and the thing itself second.",
    "There is a right way to talk about {topic}, and then there is the honest way.",
    "{topic}, then. I would start small and stay long.",
    "The best I ever heard about {topic} was said by somebody who was not sure of it.",
)
_QUESTIONS: Sequence[str] = (
    "What made you think of it?", "And what would you change about it?", "Was it always like that for you?",
    "Where were you when you noticed?", "Which part of it do you like least?", "Shall we look at it together?",
)  # fmt: skip
_DRAWING: Sequence[str] = (
    "Hold still, I can see it already.", "Give me a moment, the light is right.", "Yes. I know exactly how.",
    "*reaches for the nearest pencil*",
)  # fmt: skip
_STYLES: Sequence[str] = (
    "soft evening light, shallow depth of field, 35mm photograph, fine film grain",
    "golden hour, long shadows, painterly brushwork, rich warm colours",
    "overcast daylight, muted palette, quiet mood, detailed illustration",
    "low sun behind the subject, rim light, cinematic composition",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The text of an answer, and the scene to draw if a picture is wanted."""

    text: str
    scene: str | None = None


def answer(chat: Chat, *, variation: int = 0) -> Answer:
    """The answer to the last message.

    Args:
        chat: The conversation.
        variation: Which of several answers to the same messages to give.

    """
    key = f"{chat.name}\0{chat.last.text}\0{len(chat.turns)}\0{variation}"
    rng = random.Random(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest())
    if chat.wants_prompt:
        return Answer(image_prompt(chat, rng))
    if chat.wants_picture:
        return Answer(_tagged(chat, rng.choice(_DRAWING)), _scene(chat, rng))
    return Answer(_tagged(chat, _reply(chat, rng)))


def image_prompt(chat: Chat, rng: random.Random) -> str:
    """A prompt for an image generator, of at most 80 words."""
    wish = _in_third_person(chat.picture_subject) or "a quiet landscape"
    self_portrait = re.search(r"\b(?:selfie|yourself|you|your|her|herself)\b", chat.picture_subject, re.IGNORECASE)
    subject = f"{chat.appearance}, {wish}" if chat.appearance and self_portrait else wish
    return " ".join(f"{subject}, {rng.choice(_STYLES)}".split()[:80])


def _scene(chat: Chat, rng: random.Random) -> str:
    wish = _in_third_person(chat.picture_subject)
    if re.search(r"\bselfie\b|\bof you\b|\byourself\b", chat.last.text, re.IGNORECASE):
        who = f"{chat.name} looking at the viewer" if chat.name else "a person looking at the viewer"
        wish = f"{who}, {wish}" if wish else who
    return f"{wish or 'what is outside the window'}, {rng.choice(_STYLES).split(',')[0]}"


def _in_third_person(wish: str) -> str:
    for found, put in (
        (r"\ba selfie of you(?:rself)?\b", "a selfie"),
        (r"\bof you(?:rself)?\b", ""),
        (r"\byour\b", "her"),
    ):
        wish = re.sub(found, put, wish, flags=re.IGNORECASE)
    return " ".join(wish.split())


def _reply(chat: Chat, rng: random.Random) -> str:
    last = chat.last
    recalled = _recall(chat, last)
    if recalled is not None:
        return recalled
    trait = next((each for each in chat.traits if each in _OPENERS), "")
    parts: list[str] = []
    if last.speaker and (not chat.answered_before or rng.random() < 0.35):
        parts.append(
            f"{last.speaker}!"
            if re.match(r"\s*(?:hi|hello|hey|good (?:morning|evening))\b", last.text, re.IGNORECASE)
            else f"{last.speaker},"
        )
    parts.append(rng.choice(_OPENERS[trait]))
    topic = _topic(last.text, chat.name)
    parts.append(rng.choice(_ABOUT).format(topic=topic) if topic else "Say a little more, and I'll meet you halfway.")
    remembered = _remembered(chat, last, rng)
    if remembered:
        parts.append(remembered)
    parts.append(rng.choice(_QUESTIONS))
    return " ".join(part[0].upper() + part[1:] for part in parts)


def _topic(text: str, name: str) -> str:
    """What a message is about: its longest word that is no stop word, with the one before it if that is none either."""
    words = re.findall(r"[^\W\d_][\w'\u2019-]*", text)
    telling = [len(each) > 3 and each.lower().replace("'", "") not in _STOPWORDS | {name.lower()} for each in words]
    if not any(telling):
        return ""
    best = max((index for index, tells in enumerate(telling) if tells), key=lambda index: len(words[index]))
    first = best - 1 if best > 0 and telling[best - 1] else best
    return " ".join(words[first : best + 1]).lower()


def _recall(chat: Chat, last: Turn) -> str | None:
    """An answer to "what is my ...?" from earlier messages, or None."""
    asked = re.search(
        r"\bwhat(?:'s| is| was)? my (favou?rite \w+|name|\w+)\b|\bwho am i\b|\bremember me\b", last.text, re.IGNORECASE
    )
    if asked is None:
        return None
    facts = chat.facts.get(last.speaker, {})
    subject = (asked.group(1) or "name").lower()
    if subject == "name":
        name = facts.get("name") or last.speaker
        return f"You are {name}; I don't forget that." if name else "You haven't told me your name yet."
    if subject.startswith("favo") and facts.get("favourite", "").lower().startswith(subject):
        return f"Your {subject} is {facts['favourite'][len(subject) :].strip()}. You told me so yourself."
    if facts.get("pet", "").lower().startswith(subject):
        return f"Your {facts['pet'].split()[0]}? {facts['pet'].split()[-1]}, of course."
    return f"You haven't told me about your {subject}; or I was not listening, which would be unlike me."


def _remembered(chat: Chat, last: Turn, rng: random.Random) -> str:
    """A remark about an earlier message; empty if there is nothing to remark on."""
    earlier = chat.facts.get(last.speaker, {})
    last_text = last.text.lower()
    remarks = {
        "name": "And yes, {0}, I remember your name.",
        "favourite": "You did say that your {0}.",
        "pet": "Give my regards to the {0}.",
        "place": "Is it like that in {0}, too?",
        "likes": "It suits somebody who likes {0}.",
    }
    known = [
        text.format(_favourite(earlier[kind]) if kind == "favourite" else earlier[kind])
        for kind, text in remarks.items()
        if kind in earlier and earlier[kind].lower() not in last_text
    ]
    return rng.choice(known) if known else ""


def _favourite(fact: str) -> str:
    first, second, *rest = fact.split()
    return f"{first} {second} is {' '.join(rest)}"


def _tagged(chat: Chat, text: str) -> str:
    return text if chat.answered_before else f"{text} {STAND_IN_TAG}"
