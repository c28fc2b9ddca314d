"""The one error reply: for the command tree, views, modals and dynamic items, which each have their own `on_error`.

An error that answers an interaction goes to the person who asked alone: code, sentence and what to do. An error of a
job, which the channel waited for, is public: code and sentence, and a `Details` button for the person who asked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from bot.discord_client.errors import ALREADY_ACKNOWLEDGED, UNKNOWN_INTERACTION
from bot.errors import ERRORS_BY_CODE, ChorusError, InputInvalid, NotAllowed
from cogs.ui.text import EMBED_DESCRIPTION, clip

if TYPE_CHECKING:
    from bot.domain.jobs import JobError

log = logging.getLogger(__name__)

ERROR_COLOUR = discord.Colour(0xD9534F)
CANCELLED_COLOUR = discord.Colour(0x8A8F98)


class InternalError(ChorusError):
    """Our own fault: logged with its traceback, shown without a word of it."""

    default = "Something went wrong inside the bot."
    default_advice = "Try again; if it happens twice, tell the person who runs this bot when it was."


def as_chorus_error(error: BaseException) -> ChorusError:
    """What to say for any exception: ours as it is, discord.py's translated, the rest as our own fault."""
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    if isinstance(error, ChorusError):
        return error
    if isinstance(error, app_commands.MissingPermissions):
        listed = ", ".join(name.replace("_", " ").title() for name in error.missing_permissions)
        return NotAllowed(f"You need {listed} for that.")
    for kind, translated in _TRANSLATED.items():
        if isinstance(error, kind):
            return translated()
    return InternalError()


_TRANSLATED: dict[type[Exception], Callable[[], ChorusError]] = {
    app_commands.CheckFailure: NotAllowed,
    app_commands.TransformerError: partial(InputInvalid, "One of the values cannot be used."),
    app_commands.CommandNotFound: partial(
        InputInvalid, "That command has changed.", advice="Reload Discord (Ctrl+R) and try again."
    ),
    app_commands.CommandSignatureMismatch: partial(
        InputInvalid, "That command has changed.", advice="Reload Discord (Ctrl+R) and try again."
    ),
    discord.Forbidden: partial(NotAllowed, "Discord does not let me do that here."),
}


def is_late(error: BaseException) -> bool:
    """Discord gave up on the interaction before we answered: nobody is left to tell."""
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    return isinstance(error, discord.NotFound) and error.code == UNKNOWN_INTERACTION


def error_embed(error: ChorusError | JobError, *, advice: bool, footer: str | None = None) -> discord.Embed:
    """Code and sentence; with `advice`, also what to do (never in public)."""
    text = error.message if not (advice and error.advice) else f"{error.message}\n\n{error.advice}"
    colour = CANCELLED_COLOUR if error.code == "CANCELLED" else ERROR_COLOUR
    embed = discord.Embed(title=error.code, description=clip(text, EMBED_DESCRIPTION), colour=colour)
    if footer:
        embed.set_footer(text=footer)
    return embed


def advice_embed(error: JobError, *, footer: str | None = None) -> discord.Embed:
    """What `Details` shows: the code's own advice where the job recorded none."""
    known = ERRORS_BY_CODE.get(error.code, ChorusError)
    advice = error.advice or known.default_advice
    return error_embed(error.model_copy(update={"advice": advice}), advice=True, footer=footer)


async def reply_error(interaction: discord.Interaction[Any], error: BaseException) -> None:
    """Tell the person who asked, privately; log what is our own fault. Never raises for Discord's reasons."""
    if is_late(error):
        log.info("interaction %s: answered too late, Discord had given up", interaction.id)
        return
    shown = as_chorus_error(error)
    if isinstance(shown, InternalError):
        log.error("interaction %s failed", interaction.id, exc_info=error)
    else:
        log.info("interaction %s refused: %s", interaction.id, shown.code)
    embed = error_embed(shown, advice=True)
    try:
        if interaction.response.is_done():
            await interaction.followup.send(embed=embed, ephemeral=True)
        else:
            await interaction.response.send_message(embed=embed, ephemeral=True)
    except discord.HTTPException as failure:
        if failure.code != ALREADY_ACKNOWLEDGED:
            log.info("interaction %s: the error could not be shown (%s)", interaction.id, failure.code)
