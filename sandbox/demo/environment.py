"""Everything that the demo needs: the local Discord, ComfyUI, the language model and the bot."""

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
from sandbox.demo.real_comfyui import DemoWorkflow, choose_workflow
from sandbox.discord import LocalDiscord, SimulatedChannel, SimulatedGuild, SimulatedUser
from sandbox.llm import StandInLanguageModel

MANAGER_PERMISSIONS = ("view_channel", "send_messages", "manage_channels", "manage_messages", "manage_guild")


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """The options of the command line."""

    folder: Path
    """The demo's folder; it is emptied first."""
    comfyui: str | None = None
    """The URL of a real ComfyUI; None: use the stand-in."""
    workflow: Path | None = None
    """The workflow file to generate pictures with on the real ComfyUI; None: choose one."""
    stay: bool = False
    """Whether to go on after the scenario and read messages and commands from the terminal."""
    debug: bool = False


@dataclass
class DemoEnvironment:
    """What is open while the scenario runs."""

    options: DemoOptions
    settings: Settings
    discord: LocalDiscord
    llm: StandInLanguageModel
    comfy: StandInComfyUI | None
    """The stand-in; None with a real ComfyUI."""
    workflow: DemoWorkflow | None
    """What a real ComfyUI generates pictures with; None with the stand-in."""
    guild: SimulatedGuild
    studio: SimulatedChannel
    ada: SimulatedUser
    bob: SimulatedUser
    services: Services
    bot: ChorusBot
    login_seconds: float
    _reported_files: set[Path] = field(default_factory=set[Path])

    @property
    def image_source(self) -> str:
        """What generates the pictures, for the title of the transcript."""
        return "stand-in ComfyUI" if self.options.comfyui is None else f"your ComfyUI at {self.options.comfyui}"

    @property
    def can_speak(self) -> bool:
        """Whether the voice workflows that are shipped can run."""
        return self.workflow is None or self.workflow.can_speak

    def new_files(self) -> list[Path]:
        """The pictures, audio and video files in the data folder that no earlier call returned."""
        data = self.settings.storage.data_dir
        found = {
            path
            for kind in ("images", "audio", "video")
            for path in (data / kind).rglob("*")
            if path.is_file() and path.suffix not in {".json", ".part"} and "thumb" not in str(path.relative_to(data))
        }
        new = sorted(found - self._reported_files)
        self._reported_files |= found
        return new


@asynccontextmanager
async def open_environment(options: DemoOptions) -> AsyncGenerator[DemoEnvironment]:
    """Open everything; the bot is logged in and has registered its commands.

    Raises:
        ChorusError: Something cannot be opened, for example because no ComfyUI answers.

    """
    folder = options.folder.absolute()
    await asyncio.to_thread(demo_folder.prepare_folder, folder)
    async with AsyncExitStack() as stack:
        workflow = await _choose_workflow(options, folder)
        _add_workflows(folder, workflow)
        comfy = None
        if options.comfyui is None:
            # Slow enough that progress is seen in the transcript.
            comfy = await stack.enter_async_context(StandInComfyUI(options=StandInOptions(step_seconds=0.1)))
        llm = await stack.enter_async_context(StandInLanguageModel())
        discord = await stack.enter_async_context(LocalDiscord(control=options.stay))
        guild = discord.add_guild("Harbour")
        studio = guild.add_channel("studio")
        guild.add_bot_permissions("manage_webhooks", "send_voice_messages")
        ada, bob = guild.add_member("Ada", permissions=MANAGER_PERMISSIONS), guild.add_member("Bob")
        settings = _demo_settings(folder, discord.url, options.comfyui or (comfy.url if comfy else ""), llm.url)
        point_discord_at(discord.url)
        started = time.monotonic()
        services = await stack.enter_async_context(open_services(settings, owner=True))
        bot, _ = await stack.enter_async_context(connected(services, discord.token))
        await bot.wait_until_ready()
        await discord.wait_for_commands("imagine", "queue", "character")
        yield DemoEnvironment(
            options=options,
            settings=settings,
            discord=discord,
            llm=llm,
            comfy=comfy,
            workflow=workflow,
            guild=guild,
            studio=studio,
            ada=ada,
            bob=bob,
            services=services,
            bot=bot,
            login_seconds=time.monotonic() - started,
        )
        await services.conversations.wait_until_idle()


async def _choose_workflow(options: DemoOptions, folder: Path) -> DemoWorkflow | None:
    if options.comfyui is None:
        return None
    audio = folder / "workflows" / "nova" / "audio" / "default.json"
    content = await asyncio.to_thread(audio.read_text, encoding="utf-8")
    return await choose_workflow(options.comfyui, options.workflow, content)


def _add_workflows(folder: Path, workflow: DemoWorkflow | None) -> None:
    demo_folder.add_workflow(folder, "foggy", demo_folder.missing_node_graph())
    if workflow is None:
        demo_folder.add_workflow(folder, "four", demo_folder.batch_graph(4))
    else:
        demo_folder.add_workflow(folder, "default", workflow.graph, workflow.bindings)


def _demo_settings(folder: Path, discord: str, comfyui: str, llm: str) -> Settings:
    overrides: dict[str, Any] = {
        "discord": {"server": discord, "progress_interval_seconds": 1.0},
        "comfyui": {"url": comfyui},
        "llm": {"provider": "openai", "base_url": llm},
        "storage": {"data_dir": str(folder)},
        "paths": {"characters": str(folder / "characters"), "workflows": str(folder / "workflows")},
    }
    return default_settings(folder, overrides)
