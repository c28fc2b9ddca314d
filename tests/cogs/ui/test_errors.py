from __future__ import annotations

from typing import Any, cast

import discord
import pytest
from discord import app_commands

from bot.domain.jobs import JobError
from bot.errors import ERRORS_BY_CODE, ChorusError, InputInvalid, NotAllowed, QueueFull
from cogs.ui.errors import InternalError, advice_embed, as_chorus_error, error_embed, is_late
from tests.cogs.factories import refusal


async def something(interaction: discord.Interaction[discord.Client]) -> None:
    await interaction.response.send_message("never called")


COMMAND = cast("Any", app_commands.command(name="something")(something))


def test_what_a_command_raised_is_unwrapped() -> None:
    inner = QueueFull("The queue is full: about 4 min.")
    assert as_chorus_error(app_commands.CommandInvokeError(COMMAND, inner)) is inner


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (app_commands.CheckFailure(), NotAllowed),
        (app_commands.MissingPermissions(["manage_channels"]), NotAllowed),
        (app_commands.CommandNotFound("imagine", []), InputInvalid),
        (app_commands.CommandSignatureMismatch(COMMAND), InputInvalid),
        (refusal(403, 50013), NotAllowed),
        (ZeroDivisionError("a path: /home/somebody"), InternalError),
    ],
)
def test_every_exception_has_a_sentence(error: Exception, kind: type[ChorusError]) -> None:
    shown = as_chorus_error(error)
    assert type(shown) is kind
    assert "/home" not in f"{shown.message} {shown.advice}"


def test_only_a_late_acknowledgement_is_late() -> None:
    assert is_late(refusal(404, 10062))
    assert is_late(app_commands.CommandInvokeError(COMMAND, refusal(404, 10062)))
    assert not is_late(refusal(404, 10008))
    assert not is_late(ValueError())


@pytest.mark.parametrize("code", sorted(ERRORS_BY_CODE))
def test_in_public_a_code_and_a_sentence_and_the_advice_for_the_asker_alone(code: str) -> None:
    kind = ERRORS_BY_CODE[code]
    error = JobError(code=code, message=kind.default)
    public = error_embed(error, advice=False)
    private = advice_embed(error)
    assert public.title == code
    assert public.description == kind.default
    assert kind.default_advice in (private.description or "")
