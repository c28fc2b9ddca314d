"""The table of reactions, and what is written about it."""

from __future__ import annotations

from pathlib import Path

import discord
import pytest

from bot.domain.jobs import JobKind, JobState
from bot.settings.discord_section import Reactions
from cogs.ui.reactions import ACTIONS, MessageContent, Reaction, as_markdown, emoji_for, reaction_of
from tests.cogs.factories import a_job, a_request

DOCS = Path(__file__).parents[3] / "docs" / "again.md"


def test_the_docs_show_the_table_that_the_code_reads() -> None:
    assert as_markdown(Reactions()) in DOCS.read_text(encoding="utf-8")


def test_every_reaction_has_a_row_and_a_setting() -> None:
    assert set(ACTIONS) == set(Reaction)
    assert {reaction.value for reaction in Reaction} == set(Reactions.model_fields)


@pytest.mark.parametrize(
    ("emoji", "reaction"),
    [
        (discord.PartialEmoji(name="🔁"), Reaction.REGENERATE),
        (discord.PartialEmoji(name="✉"), Reaction.DM),
        (discord.PartialEmoji(name="✉️"), Reaction.DM),
        (discord.PartialEmoji(name="🗑"), Reaction.DELETE),
        (discord.PartialEmoji(name="👍"), None),
        (discord.PartialEmoji(name="again", id=5), None),
        (discord.PartialEmoji(name=""), None),
    ],
)
def test_emoji_are_known_with_and_without_variation_selector(
    emoji: discord.PartialEmoji, reaction: Reaction | None
) -> None:
    assert reaction_of(emoji, Reactions()) is reaction


@pytest.mark.parametrize("written", ["again:5", "<:again:5>", "<a:again:5>"])
def test_a_custom_emoji(written: str) -> None:
    reactions = Reactions(regenerate=written)
    assert reaction_of(discord.PartialEmoji(name="again", id=5), reactions) is Reaction.REGENERATE
    assert reaction_of(discord.PartialEmoji(name="again", id=6), reactions) is None
    assert reaction_of(discord.PartialEmoji(name="🔁"), reactions) is None


@pytest.mark.parametrize(
    ("kind", "state", "shown"),
    [
        (JobKind.IMAGE, JobState.QUEUED, MessageContent.RUNNING),
        (JobKind.AUDIO, JobState.RUNNING, MessageContent.RUNNING),
        (JobKind.IMAGE, JobState.DELIVERED, MessageContent.PICTURE),
        (JobKind.VIDEO, JobState.GENERATED, MessageContent.PICTURE),
        (JobKind.AUDIO, JobState.DELIVERED, MessageContent.VOICE),
        (JobKind.AUDIO, JobState.FAILED, MessageContent.ERROR),
        (JobKind.IMAGE, JobState.CANCELLED, MessageContent.ERROR),
    ],
)
def test_what_a_message_shows(kind: JobKind, state: JobState, shown: MessageContent) -> None:
    assert MessageContent.of(a_job(a_request(kind=kind), state=state)) is shown


def test_only_what_does_something_is_emoji_for() -> None:
    assert emoji_for(MessageContent.TURN, Reactions()) == ["🔁", "🔊", "✉️", "🗑️"]
    assert emoji_for(MessageContent.RUNNING, Reactions()) == ["❌"]
