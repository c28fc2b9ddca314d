"""The table of reactions, and what is written about it."""

from __future__ import annotations

from pathlib import Path

import discord
import pytest

from bot.domain.jobs import JobKind, JobState
from bot.settings.discord_section import Reactions
from cogs.ui.reactions import TABLE, Shown, Sign, as_markdown, offered, shown_by, sign_of
from tests.cogs.making import a_job, a_request

DOCS = Path(__file__).parents[3] / "docs" / "again.md"


def test_the_docs_show_the_table_that_the_code_reads() -> None:
    assert as_markdown(Reactions()) in DOCS.read_text(encoding="utf-8")


def test_every_sign_has_a_row_and_a_setting() -> None:
    assert set(TABLE) == set(Sign)
    assert {sign.value for sign in Sign} == set(Reactions.model_fields)


@pytest.mark.parametrize(
    ("emoji", "sign"),
    [
        (discord.PartialEmoji(name="🔁"), Sign.REGENERATE),
        (discord.PartialEmoji(name="✉"), Sign.DM),
        (discord.PartialEmoji(name="✉️"), Sign.DM),
        (discord.PartialEmoji(name="🗑"), Sign.DELETE),
        (discord.PartialEmoji(name="👍"), None),
        (discord.PartialEmoji(name="again", id=5), None),
        (discord.PartialEmoji(name=""), None),
    ],
)
def test_emoji_are_known_with_and_without_the_colour_mark(emoji: discord.PartialEmoji, sign: Sign | None) -> None:
    assert sign_of(emoji, Reactions()) is sign


@pytest.mark.parametrize("written", ["again:5", "<:again:5>", "<a:again:5>"])
def test_a_custom_emoji(written: str) -> None:
    reactions = Reactions(regenerate=written)
    assert sign_of(discord.PartialEmoji(name="again", id=5), reactions) is Sign.REGENERATE
    assert sign_of(discord.PartialEmoji(name="again", id=6), reactions) is None
    assert sign_of(discord.PartialEmoji(name="🔁"), reactions) is None


@pytest.mark.parametrize(
    ("kind", "state", "shown"),
    [
        (JobKind.IMAGE, JobState.QUEUED, Shown.RUNNING),
        (JobKind.AUDIO, JobState.RUNNING, Shown.RUNNING),
        (JobKind.IMAGE, JobState.DELIVERED, Shown.PICTURE),
        (JobKind.VIDEO, JobState.GENERATED, Shown.PICTURE),
        (JobKind.AUDIO, JobState.DELIVERED, Shown.VOICE),
        (JobKind.AUDIO, JobState.FAILED, Shown.ERROR),
        (JobKind.IMAGE, JobState.CANCELLED, Shown.ERROR),
    ],
)
def test_what_a_message_shows(kind: JobKind, state: JobState, shown: Shown) -> None:
    assert shown_by(a_job(a_request(kind=kind), state=state)) is shown


def test_only_what_does_something_is_offered() -> None:
    assert offered(Shown.TURN, Reactions()) == ["🔁", "🔊", "✉️", "🗑️"]
    assert offered(Shown.RUNNING, Reactions()) == ["❌"]
