"""The forms that ask what shall become of a picture: the prompt, and of a film its length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot.errors import InputInvalid
from cogs.ui.modals import Field, stateless_modal

if TYPE_CHECKING:
    import discord

LONGEST_SECONDS = 120.0


def picture_modal(
    title: str, custom_id: str, *, is_film: bool, prompt: str = "", pictures: int = 1
) -> discord.ui.Modal:
    """Ask for the prompt; of a film, for its length; of several pictures, for which one.

    Args:
        title: Of the form.
        custom_id: By which its submission is handled.
        is_film: Whether a film is made.
        prompt: What is filled in.
        pictures: How many there are to choose from.

    """
    label = "What happens in the film" if is_film else "What to make of the picture"
    fields = [Field("prompt", label, prompt, long=True, required=True)]
    if is_film:
        fields.append(Field("length", "Seconds", placeholder="As long as the workflow makes it", max_length=6))
    if pictures > 1:
        fields.append(Field("picture", f"Which picture, 1 to {pictures}", "1", required=True, max_length=2))
    return stateless_modal(title, custom_id, fields)


def read_prompt(written: Mapping[str, str]) -> str:
    """The prompt of a submitted form.

    Raises:
        InputInvalid: It is empty.

    """
    words = written.get("prompt", "").strip()
    if not words:
        raise InputInvalid("The prompt is empty.", advice="Say what it shall become.")
    return words


def read_length(written: Mapping[str, str]) -> float | None:
    """Seconds; None: nothing was written.

    Raises:
        InputInvalid: It is no number of seconds.

    """
    text = written.get("length", "").strip().removesuffix("s").strip().replace(",", ".")
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= LONGEST_SECONDS:
        raise InputInvalid("That is no length of a film.", advice=f"Write seconds, from 0.1 to {LONGEST_SECONDS:g}.")
    return seconds


def read_number(written: Mapping[str, str], count: int) -> int:
    """Which of the pictures, from 0.

    Raises:
        InputInvalid: There is none of that number.

    """
    text = written.get("picture", "1").strip()
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= count:
        raise InputInvalid("There is no picture of that number.", advice=f"Write a number from 1 to {count}.")
    return int(text) - 1
