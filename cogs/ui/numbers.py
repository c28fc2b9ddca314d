"""Numbers as people type them."""

from __future__ import annotations

from bot.errors import InputInvalid

LARGEST_SEED = 2**64 - 1


def parse_seed(text: str | None) -> int | None:
    """A typed seed; None for nothing or white space. Discord's own integer options end at 2^53, seeds at 2^64 - 1.

    Raises:
        InputInvalid: It is not a whole number from 0 to 2^64 - 1.

    """
    digits = str(text or "").strip()
    if not digits:
        return None
    if not digits.isascii() or not digits.isdecimal() or int(digits) > LARGEST_SEED:
        raise InputInvalid(
            "That seed cannot be used.", advice=f"Give a whole number from 0 to {LARGEST_SEED}, or leave it out."
        )
    return int(digits)
