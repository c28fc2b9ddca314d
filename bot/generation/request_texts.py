"""The texts of a request: that they can be stored, are there, and are not too long."""

from __future__ import annotations

from bot.domain.jobs import GenerationRequest, JobKind
from bot.errors import InputInvalid

_LONGEST_TEXT = 20_000


def require_encodable(request: GenerationRequest) -> None:
    """JSON can hold half of a surrogate pair, which neither the database nor a file takes."""
    texts = (request.positive, request.negative or "", *request.text_parts)
    values = (text for pair in request.overrides.items() for text in pair if isinstance(text, str))
    try:
        for text in (*texts, *values):
            text.encode()
    except UnicodeEncodeError as error:
        raise InputInvalid("That text holds half of a character.", advice="Type it anew.") from error


def require_words(request: GenerationRequest) -> None:
    """Check that there is something to draw or to say, and not too much."""
    words = request.text_parts if request.kind is JobKind.AUDIO else (request.positive,)
    starts_from_picture = request.kind is not JobKind.AUDIO and bool(request.given_inputs)
    if not words or not (starts_from_picture or all(text.strip() for text in words)):
        raise InputInvalid("There is nothing to say." if request.kind is JobKind.AUDIO else "The prompt is empty.")
    if sum(map(len, words)) > _LONGEST_TEXT or len(request.negative or "") > _LONGEST_TEXT:
        raise InputInvalid(f"The text is longer than {_LONGEST_TEXT:,} characters.")
