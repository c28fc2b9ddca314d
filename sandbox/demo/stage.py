"""Everything the demo needs, opened: the local Discord, what draws, what talks, and the bot between them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.discord_client.bot import ChorusBot
from bot.discord_client.connection import connected
from bot.discord_client.endpoint import point_discord_at
from bot.services import Services, open_services
from bot.settings import Settings, default_settings
from sandbox.comfyui import StandInComfyUI, StandInOptions
from sandbox.demo import folder as demo_folder
from sandbox.demo.server import Drawing, choose_drawing
from sandbox.discord import LocalDiscord, SimulatedChannel, SimulatedGuild, SimulatedUser
from sandbox.llm import StandInLanguageModel

MANAGER = ("view_channel", "send_messages", "manage_channels", "manage_messages", "manage_guild")


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """What the command line said."""

    folder: Path
    """Emptied, then filled."""
    comfyui: str | None = None
    """A real ComfyUI; None: the stand-in."""
    workflow: Path | None = None
    """What to draw with on the real one."""
    stay: bool = False
    debug: bool = False


@dataclass
class Stage:
    """What is open during a visit."""

    options: DemoOptions
    settings: Settings
    discord: LocalDiscord
    llm: StandInLanguageModel
    comfy: StandInComfyUI | None
    """None where a real one draws."""
    drawing: Drawing | None
    guild: SimulatedGuild
    studio: SimulatedChannel
    ada: SimulatedUser
    bob: SimulatedUser
    services: Services
    bot: ChorusBot
    login_seconds: float
    _known: set[Path] = field(default_factory=set[Path])

    @property
    def drawn_by(self) -> str:
        """For the title."""
        return "stand-in ComfyUI" if self.options.comfyui is None else f"your ComfyUI at {self.options.comfyui}"

    @property
    def can_speak(self) -> bool:
        """The shipped voice workflows can run."""
        return self.drawing is None or self.drawing.can_speak

    def new_files(self) -> list[Path]:
        """Pictures, sound and video in the data folder that this was not asked for yet."""
        data = self.settings.storage.data_dir
        found = {
            path
            for kind in ("images", "audio", "video")
            for path in (data / kind).rglob("*")
            if path.is_file() and path.suffix not in {".json", ".part"} and "thumb" not in str(path.relative_to(data))
        }
        new = sorted(found - self._known)
        self._known |= found
        return new


@asynccontextmanager
async def opened(options: DemoOptions) -> AsyncGenerator[Stage]:
    """Open it all; the bot is logged in and its commands are registered.

    Raises:
        ChorusError: Why it cannot be opened, such as a ComfyUI that does not answer.

    """
    folder = options.folder.absolute()
    await asyncio.to_thread(demo_folder.prepare, folder)
    async with AsyncExitStack() as stack:
        drawing = await _drawing(options, folder)
        _add_workflows(folder, drawing)
        comfy = None
        if options.comfyui is None:
            # Slow enough that there is something to see; the painting itself comes on top.
            comfy = await stack.enter_async_context(StandInComfyUI(options=StandInOptions(step_seconds=0.1)))
        llm = await stack.enter_async_context(StandInLanguageModel())
        discord = await stack.enter_async_context(LocalDiscord(control=options.stay))
        guild = discord.add_guild("Harbour")
        studio = guild.add_channel("studio")
        guild.add_bot_permissions("manage_webhooks", "send_voice_messages")
        ada, bob = guild.add_member("Ada", permissions=MANAGER), guild.add_member("Bob")
        settings = _settings(folder, discord.url, options.comfyui or (comfy.url if comfy else ""), llm.url)
        point_discord_at(discord.url)
        started = time.monotonic()
        services = await stack.enter_async_context(open_services(settings, owner=True))
        bot, _ = await stack.enter_async_context(connected(services, discord.token))
        await bot.wait_until_ready()
        await discord.wait_for_commands("imagine", "queue", "character")
        yield Stage(
            options=options,
            settings=settings,
            discord=discord,
            llm=llm,
            comfy=comfy,
            drawing=drawing,
            guild=guild,
            studio=studio,
            ada=ada,
            bob=bob,
            services=services,
            bot=bot,
            login_seconds=time.monotonic() - started,
        )
        await services.conversations.wait_until_idle()


async def _drawing(options: DemoOptions, folder: Path) -> Drawing | None:
    if options.comfyui is None:
        return None
    audio = folder / "workflows" / "nova" / "audio" / "default.json"
    content = await asyncio.to_thread(audio.read_text, encoding="utf-8")
    return await choose_drawing(options.comfyui, options.workflow, content)


def _add_workflows(folder: Path, drawing: Drawing | None) -> None:
    demo_folder.add_workflow(folder, "foggy", demo_folder.broken())
    if drawing is None:
        demo_folder.add_workflow(folder, "four", demo_folder.batch_of(4))
    else:
        demo_folder.add_workflow(folder, "default", drawing.graph, drawing.bindings)


def _settings(folder: Path, discord: str, comfyui: str, llm: str) -> Settings:
    overrides: dict[str, Any] = {
        "discord": {"server": discord, "progress_interval_seconds": 1.0},
        "comfyui": {"url": comfyui},
        "llm": {"provider": "openai", "base_url": llm},
        "storage": {"data_dir": str(folder)},
        "paths": {"characters": str(folder / "characters"), "workflows": str(folder / "workflows")},
    }
    return default_settings(folder, overrides)
