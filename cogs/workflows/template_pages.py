"""The pages of ComfyUI's own gallery: the list with a menu, and one template with its picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import discord

from cogs.ui.components import button, page_button, stateless_view
from cogs.ui.embeds import RESULT_COLOUR
from cogs.ui.text import CHOICE, EMBED_DESCRIPTION, clip, escaped
from cogs.workflows.description_embed import gigabytes, where_from

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.workflow_store.template_gallery import RequiredModel, TemplateWorkflow
    from bot.workflows.template_gallery import Template

PAGE_SIZE: Final = 10
TEMPLATE_PAGE: Final = r"(?s)chorus:wt:list:(?P<page>\d{1,4}):(?P<search>.{0,50})"
TEMPLATE_MENU: Final = "chorus:wt:show"
TEMPLATE_INSTALL: Final = r"chorus:wt:get:(?P<name>[\w .()+-]{1,80})"
_MAX_MODELS: Final = 10


async def template_list(bot: ChorusBot, search: str, page: int) -> tuple[discord.Embed, discord.ui.View]:
    """A page of the gallery, from 0, with a menu to look at one.

    Raises:
        InputInvalid: The server has no gallery.
        ComfyUnavailable: It does not answer.

    """
    found = await bot.services.template_gallery.search(search)
    last = max(0, (len(found) - 1) // PAGE_SIZE)
    page = min(page, last)
    shown = found[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]
    lines = [f"**{escaped(clip(each.title, 100))}**\n-# {_summary(each)}" for each in shown]
    embed = discord.Embed(
        title="ComfyUI's templates",
        description=clip("\n".join(lines), EMBED_DESCRIPTION) or "There is no such template; search for other words.",
        colour=RESULT_COLOUR,
    )
    embed.set_footer(text=f"{len(found)} templates · page {page + 1} of {last + 1}")
    items: list[discord.ui.Item[Any]] = [_menu(shown)] if shown else []
    if last:
        items += [page_button(lambda to: f"chorus:wt:list:{to}:{search}", page, last, step) for step in (-1, 1)]
    return embed, stateless_view(*items)


async def template_page(bot: ChorusBot, name: str) -> tuple[discord.Embed, discord.ui.View, list[discord.File]]:
    """One template: picture, description, models with sizes and download pages, and the button to install it.

    Raises:
        InputInvalid: There is none of that name.
        ComfyUnavailable: ComfyUI does not answer.

    """
    gallery = bot.services.template_gallery
    found = await gallery.get(name)
    embed = _embed(found)
    files: list[discord.File] = []
    picture = await gallery.picture(found.template)
    if picture is not None and found.template.picture is not None:
        file_name = f"template.{found.template.picture.rsplit('.', 1)[-1]}"
        files.append(discord.File(io.BytesIO(picture), filename=file_name))
        embed.set_image(url=f"attachment://{file_name}")
    view = stateless_view(
        button(f"chorus:wt:get:{name}", "Install", style=discord.ButtonStyle.primary),
        button("chorus:wt:list:0:", "All templates"),
    )
    return embed, view, files


def _embed(found: TemplateWorkflow) -> discord.Embed:
    template = found.template
    embed = discord.Embed(
        title=clip(escaped(template.title), 256),
        description=clip(escaped(template.description), 1500),
        colour=RESULT_COLOUR,
    )
    embed.add_field(name="About", value=clip(_summary(template), 1000), inline=False)
    lines = [_model_line(model) for model in found.models[:_MAX_MODELS]]
    while sum(len(line) + 1 for line in lines) > 990:
        lines.pop()
    if len(lines) < len(found.models):
        lines.append(f"and {len(found.models) - len(lines)} more")
    if lines:
        embed.add_field(name="Models", value="\n".join(lines), inline=False)
    return embed


def _model_line(required: RequiredModel) -> str:
    name = escaped(clip(required.model.name, 80))
    size = f" · {gigabytes(required.size)}" if required.size is not None else ""
    if required.installed:
        return f"✓ {name}{size}"
    return f"✗ {name}{size}; {where_from(required.model)}"


def _summary(template: Template) -> str:
    words = [template.category, *template.models[:3]]
    if template.costs_money:
        words.append("runs at a paid service")
    elif template.size_bytes:
        words.append(f"{gigabytes(template.size_bytes)} of models")
    return " · ".join(escaped(clip(word, 60)) for word in words if word)


def _menu(templates: list[Template]) -> discord.ui.Select[Any]:
    options = [
        discord.SelectOption(
            label=clip(each.title, CHOICE), value=each.name, description=clip(each.description, CHOICE) or None
        )
        for each in templates
    ]
    return discord.ui.Select[Any](custom_id=TEMPLATE_MENU, placeholder="Look at one", options=options, row=0)
