"""The list of ComfyUI's model files, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import discord

from cogs.ui.components import page_buttons
from cogs.ui.embeds import RESULT_COLOUR
from cogs.ui.text import EMBED_DESCRIPTION, clip, escaped
from cogs.workflows.description_embed import gigabytes

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

PAGE_SIZE: Final = 25
MODEL_PAGE: Final = r"(?s)chorus:wm:(?P<page>\d{1,5}):(?P<kind>[^:]{0,30}):(?P<search>.{0,50})"


async def model_page(bot: ChorusBot, kind: str | None, search: str, page: int) -> tuple[discord.Embed, discord.ui.View]:
    """A page of the files, from 0, and the buttons to turn it.

    Raises:
        InputInvalid: There is no such kind.
        ComfyUnavailable: ComfyUI does not answer.

    """
    installed = bot.services.installed_models
    found = [(folder, name) for folder, names in (await installed.find(kind, search)).items() for name in names]
    last = max(0, (len(found) - 1) // PAGE_SIZE)
    page = min(page, last)
    sizes = await installed.sizes()
    lines: list[str] = []
    shown_folder = None
    for folder, name in found[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]:
        if folder != shown_folder:
            lines.append(f"**{escaped(clip(folder, 60))}**")
            shown_folder = folder
        size = f" · {gigabytes(sizes[name])}" if name in sizes else ""
        lines.append(f"{escaped(clip(name, 100))}{size}")
    embed = discord.Embed(
        title="Models",
        description=clip("\n".join(lines), EMBED_DESCRIPTION) or "There are no such model files.",
        colour=RESULT_COLOUR,
    )
    embed.set_footer(text=f"{len(found)} files · page {page + 1} of {last + 1}")
    return embed, page_buttons(lambda to: f"chorus:wm:{to}:{kind or ''}:{search}", page, last)
