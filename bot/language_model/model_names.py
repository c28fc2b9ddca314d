"""Names of language models as people are shown them."""

from __future__ import annotations

import re


def model_name(name: str) -> str:
    """The last part of a language model's name. Some servers name models by their file's path on the host."""
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1]
