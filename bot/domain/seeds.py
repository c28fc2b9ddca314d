"""Seeds: the range that ComfyUI takes, and reading one that a person has typed."""

from __future__ import annotations

from bot.errors import InputInvalid

LARGEST_SEED = 2**64 - 1
"""ComfyUI's own samplers declare this maximum and refuse larger seeds (`value_bigger_than_max`); 0 is the smallest."""


def parse_seed(text: str, *, advice_suffix: str = "") -> int:
    """Return the seed that a person typed; spaces around it are ignored.

    Seeds are typed as text because Discord's own integers end at 2^53.

    Args:
        text: What was typed.
        advice_suffix: Added to the sentence that says which numbers are allowed, such as ", or leave it out".

    Raises:
        InputInvalid: The text is not a whole number from 0 to `LARGEST_SEED` in ASCII digits.

    """
    digits = text.strip()
    if not digits.isascii() or not digits.isdecimal() or int(digits) > LARGEST_SEED:
        advice = f"Give a whole number from 0 to {LARGEST_SEED}{advice_suffix}."
        raise InputInvalid("That seed cannot be used.", advice=advice)
    return int(digits)
