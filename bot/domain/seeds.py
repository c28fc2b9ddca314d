"""Seeds: the range that ComfyUI takes, and reading one that a person has typed."""

from __future__ import annotations

from bot.errors import InputInvalid

LARGEST_SEED = 2**64 - 1
"""ComfyUI's own samplers declare this maximum and refuse larger seeds (`value_bigger_than_max`); 0 is the smallest."""


def parse_seed(text: str | None) -> int | None:
    """Return the seed that a person typed; None for nothing or white space.

    Seeds are typed as text because Discord's own integers end at 2^53.

    Raises:
        InputInvalid: The text is not a whole number from 0 to `LARGEST_SEED` in ASCII digits.

    """
    digits = (text or "").strip()
    if not digits:
        return None
    number = digits.lstrip("0") or "0"
    # Python refuses to convert thousands of digits.
    too_long = len(number) > len(str(LARGEST_SEED))
    if not digits.isascii() or not digits.isdecimal() or too_long or int(number) > LARGEST_SEED:
        raise InputInvalid(
            "That seed cannot be used.", advice=f"Give a whole number from 0 to {LARGEST_SEED}, or leave it out."
        )
    return int(number)
