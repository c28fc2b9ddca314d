"""The remix form: prompt, negative prompt and main settings, filled in. A submitted form becomes `RemixChanges`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from bot.derived_jobs.requests import RemixChanges
from bot.domain.seeds import parse_seed
from bot.errors import InputInvalid
from cogs.ui.components import JOB_ID
from cogs.ui.modals import LONGEST_INPUT, Field, stateless_modal

if TYPE_CHECKING:
    import discord

    from bot.domain.jobs import Job

REMIX_FORM: Final = rf"chorus:remixed:{JOB_ID}"
"""Custom id of the submitted form."""
_SIZE: Final = re.compile(r"(\d{1,5})\s*(?:x|×|\*|,|\s)\s*(\d{1,5})", re.IGNORECASE)  # noqa: RUF001

Settings = Mapping[str, int | float | None]
"""`DerivedJobs.settings`."""


def remix_modal(job: Job, settings: Settings) -> discord.ui.Modal:
    """Only what the workflow has a place for; at most five fields, so steps and guidance share one."""
    used = job.parameters
    words = str(used.get("positive") or job.request.positive)
    fields = [
        Field("positive", "Prompt", words, long=True, required=True),
        Field("negative", "Negative", str(used.get("negative") or ""), long=True, note="What to keep out of it"),
    ]
    if "width" in settings and "height" in settings:
        fields.append(Field("size", "Size", _size(settings), placeholder="As in the workflow", max_length=20))
    if "steps" in settings or "cfg" in settings:
        fields.append(Field("steering", _steering_label(settings), _steering(settings), max_length=40))
    fields.append(
        Field("seed", "Seed", str(job.seed), note="The same seed changes only what you changed; empty: a new one",
              max_length=20)
    )  # fmt: skip
    return stateless_modal("Remix", f"chorus:remixed:{job.id}", fields)


def read_remix(job: Job, settings: Settings, written: Mapping[str, str]) -> RemixChanges:
    """What the person wants.

    What was left as it was filled in stays as it was in the job: a number is an override only where it was one or was
    changed, and a prompt too long for the modal is not cut by sending it in unchanged.

    Raises:
        InputInvalid: Names the field.

    """
    whole = str(job.parameters.get("positive") or job.request.positive)
    positive = written.get("positive", "").strip()
    if positive == whole[:LONGEST_INPUT].strip():
        positive = whole
    if not positive:
        raise InputInvalid("The prompt is empty.", advice="Say what to draw.")
    overrides = dict(job.request.overrides)
    if written.get("size", "").strip() != _size(settings):
        overrides = _without(overrides, "width", "height") | _read_size(written.get("size", ""))
    if written.get("steering", "").strip() != _steering(settings):
        overrides = _without(overrides, "steps", "cfg") | _read_steering(written.get("steering", ""), settings)
    return RemixChanges(
        positive, _negative(job, written.get("negative", "")), overrides, parse_seed(written.get("seed", ""))
    )


def _without(overrides: Mapping[str, int | float | str | bool], *names: str) -> dict[str, int | float | str | bool]:
    """What is emptied is left to the workflow again."""
    return {name: value for name, value in overrides.items() if name not in names}


def _negative(job: Job, text: str) -> str | None:
    before = job.parameters.get("negative")
    if text.strip() == str(before or "")[:LONGEST_INPUT].strip():
        return before
    return text.strip()


def _size(settings: Settings) -> str:
    width, height = settings.get("width"), settings.get("height")
    return f"{width} x {height}" if width and height else ""


def _read_size(text: str) -> dict[str, int | float | str | bool]:
    if not text.strip():
        return {}
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InputInvalid("That size cannot be used.", advice="Write width x height, such as 1024 x 768.")
    return {"width": int(match[1]), "height": int(match[2])}


def _named(settings: Settings) -> list[str]:
    return [name for name in ("steps", "cfg") if name in settings]


def _steering_label(settings: Settings) -> str:
    return " / ".join({"steps": "Steps", "cfg": "Guidance"}[name] for name in _named(settings))


def _steering(settings: Settings) -> str:
    values = [settings[name] for name in _named(settings)]
    return " / ".join("" if value is None else f"{value:g}" for value in values).strip(" /") if any(values) else ""


def _read_steering(text: str, settings: Settings) -> dict[str, int | float | str | bool]:
    names, parts = _named(settings), [part.strip() for part in re.split(r"[/;]", text)]
    if not text.strip():
        return {}
    advice = "Write " + " / ".join({"steps": "28", "cfg": "6.5"}[name] for name in names) + "."
    if len(parts) > len(names):
        raise InputInvalid("Those settings cannot be used.", advice=advice)
    try:
        found = {name: float(part.replace(",", ".")) for name, part in zip(names, parts, strict=False) if part}
    except ValueError:
        raise InputInvalid("Those settings cannot be used.", advice=advice) from None
    if "steps" in found and found["steps"] != int(found["steps"]):
        raise InputInvalid("Steps are a whole number.", advice=advice)
    return {name: int(value) if name == "steps" else value for name, value in found.items()}
