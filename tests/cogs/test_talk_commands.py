"""`/character` and `/conversation` in SimCord's model of Discord: who may, what is suggested, who sees the answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import discord
import pytest
import simcord
from simcord import ChannelHandle, GuildHandle, InteractionResult, MemberActor

from bot.characters.library import CharacterLibrary
from bot.discord_client.bot import ChorusBot
from bot.domain.channels import Channel
from bot.domain.conversations import AnswerMode, IncomingMessage
from bot.domain.jobs import JobState
from bot.gpu_lock import GpuLock
from bot.media.ffmpeg import Ffmpeg
from bot.service_clock import ServiceClock
from bot.services.composition import policy_of
from bot.services.conversation import open_conversation_services
from bot.settings import default_settings
from bot.storage.conversations import ConversationRepository
from bot.storage.database import Database
from bot.storage.deliveries import DeliveryRepository
from bot.storage.guild_settings import GuildSettings
from tests.cogs.harness import Script

if TYPE_CHECKING:
    from bot.services import Services

CHARACTER = "id: {id}\nname: {name}\nrole: painter\nsystem_prompt: You paint.\ngreeting: Welcome, I am {name}.\n"


EXTENSIONS = ("cogs.component_router", "cogs.delivery", "cogs.characters", "cogs.conversations")


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Services]:
    """What the commands work with: the real store and characters; nothing is drawn, and no model speaks."""
    settings = default_settings(folder, {"llm": {"base_url": "http://127.0.0.1:9/v1"}})
    settings.storage.data_dir.mkdir()
    async with (
        Database.open(settings.storage.database_url) as database,
        CharacterLibrary(settings.paths.characters, settings.storage.data_dir / "guilds") as characters,
        open_conversation_services(
            settings, ConversationRepository(database), characters, GpuLock(), clock=ServiceClock()
        ) as talk,
    ):
        script = Script()
        services = SimpleNamespace(
            settings=settings,
            owner="run",
            policy=policy_of(settings),
            characters=characters,
            orchestrator=script,
            jobs=script,
            deliveries=DeliveryRepository(database),
            conversations=talk.conversations,
            bindings=talk.conversations.repository,
            guild_settings=GuildSettings(database),
            discord_clock=ServiceClock(),
            ffmpeg=Ffmpeg(),
        )
        yield cast("Services", services)


def bot_of(services: Services) -> ChorusBot:
    return ChorusBot(services, extensions=EXTENSIONS, guild_ready_timeout=0.01)


@dataclass
class Scene:
    """A server with a person of each rank."""

    env: simcord.Env
    services: Services
    guild: GuildHandle
    room: ChannelHandle
    ann: MemberActor
    """May write."""
    channels: MemberActor
    """May manage channels."""
    server: MemberActor
    """May manage the server, and nothing else."""

    def who(self, rank: str) -> MemberActor:
        return {"anybody": self.ann, "manage channels": self.channels, "manage server": self.server}[rank]


@asynccontextmanager
async def scene_in(tmp_path: Path) -> AsyncGenerator[Scene]:
    """Entered in the test itself: SimCord keeps its clock in the context of the task."""
    folder = tmp_path / "characters"
    folder.mkdir()
    for name in ("Nova", "Alex"):
        (folder / f"{name.lower()}.yaml").write_text(CHARACTER.format(id=name.lower(), name=name), encoding="utf-8")
    (tmp_path / "workflows").mkdir()
    async with opened(tmp_path) as services, simcord.run(bot_of(services), check_errors=False) as env:
        guild = env.create_guild()
        room = guild.create_text_channel("studio")
        ranks = {
            "channels": discord.Permissions(manage_channels=True),
            "server": discord.Permissions(manage_guild=True),
        }
        roles = {name: guild.create_role(name, permissions=given) for name, given in ranks.items()}
        people = {name: guild.add_member(env.create_user(name), roles=[roles[name]]) for name in ranks}
        ann = guild.add_member(env.create_user("ann"))
        yield Scene(env, services, guild, room, ann, people["channels"], people["server"])


def text(result: InteractionResult) -> str:
    response = result.response
    assert response is not None
    embeds = [f"{embed.title} {embed.description}" for embed in response.embeds]
    return "\n".join([response.content, *embeds])


COMMANDS: dict[str, tuple[str, dict[str, str]]] = {
    "character use": ("manage channels", {"name": "nova"}),
    "character show": ("anybody", {}),
    "character list": ("anybody", {}),
    "character clear": ("manage channels", {}),
    "character reload": ("manage server", {}),
    "conversation new": ("manage channels", {"title": "Second"}),
    "conversation list": ("anybody", {}),
    "conversation switch": ("manage channels", {"name": "With Nova"}),
    "conversation rename": ("manage channels", {"title": "Boats"}),
    "conversation export": ("anybody", {}),
    "conversation clear": ("manage channels", {}),
}
RANKS = ("anybody", "manage channels", "manage server")


async def talked(scene: Scene) -> str:
    """A conversation with one message in it."""
    service = scene.services.conversations
    await service.channels.bind_character(scene.room.id, scene.guild.id, "nova", mode=AnswerMode.MENTION)
    incoming = IncomingMessage(
        discord_message_id=1,
        channel=Channel(guild_id=scene.guild.id, channel_id=scene.room.id),
        author_id=scene.ann.id,
        author_name="Ann",
        content="my boat is red",
        created_at=scene.env.now(),
    )
    message = await service.receive(incoming, missed=True)
    assert message is not None
    assert message.state is JobState.DELIVERED
    return message.conversation_id


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("command", COMMANDS)
async def test_each_subcommand_checks_its_own_permission(tmp_path: Path, command: str, rank: str) -> None:
    async with scene_in(tmp_path) as scene:
        needed, options = COMMANDS[command]
        await talked(scene)
        result = await scene.who(rank).slash(scene.room, command, **options)
        assert result.ephemeral
        refused = "NOT_ALLOWED" in text(result)
        assert refused == (needed not in {"anybody", rank})
        if refused:
            assert needed.title() in text(result)


async def test_names_are_suggested_while_they_are_typed(tmp_path: Path) -> None:
    async with scene_in(tmp_path) as scene:
        conversation_id = await talked(scene)
        names = await scene.channels.autocomplete(scene.room, "character use", "name", "no")
        assert [(choice["name"], choice["value"]) for choice in names] == [("Nova", "nova")]
        titles = await scene.channels.autocomplete(scene.room, "conversation switch", "name", "nova")
        assert [(choice["name"], choice["value"]) for choice in titles] == [("With Nova", conversation_id)]


@pytest.mark.parametrize(
    ("mode", "said"), [(None, "every message"), ("mention", "mentioned"), ("off", "does not answer")]
)
async def test_a_channel_given_to_a_character_stays_its(tmp_path: Path, mode: str | None, said: str) -> None:
    async with scene_in(tmp_path) as scene:
        result = await scene.channels.slash(
            scene.room, "character use", name="Nova", **({"mode": mode} if mode else {})
        )
        assert said in text(result)
        assert "Welcome, I am Nova." in text(result)
        shown = await scene.ann.slash(scene.room, "character show")
        assert "Nova" in text(shown)
        assert said in text(shown)
        binding = await scene.services.bindings.binding(scene.room.id)
        assert binding is not None
        assert (binding.character_id, binding.mode, binding.bound_by) == (
            "nova",
            AnswerMode(mode or "all"),
            scene.channels.id,
        )
        await scene.env.restart_bot(bot_of(scene.services))
        assert "Nova" in text(await scene.ann.slash(scene.room, "character show"))


async def test_an_unknown_name_is_refused_with_the_nearest(tmp_path: Path) -> None:
    async with scene_in(tmp_path) as scene:
        result = await scene.channels.slash(scene.room, "character use", name="Nowa")
        assert "CHARACTER_NOT_FOUND" in text(result)
        assert "Nova" in text(result)


async def test_a_cleared_channel_belongs_to_nobody_and_its_talk_is_kept(tmp_path: Path) -> None:
    async with scene_in(tmp_path) as scene:
        await talked(scene)
        assert "belongs to nobody" in text(await scene.channels.slash(scene.room, "character clear"))
        assert "belongs to nobody" in text(await scene.ann.slash(scene.room, "character show"))
        assert "With Nova" in text(await scene.ann.slash(scene.room, "conversation list"))


async def test_conversations_are_named_switched_and_forgotten(tmp_path: Path) -> None:
    async with scene_in(tmp_path) as scene:
        first = await talked(scene)
        await scene.channels.slash(scene.room, "conversation new", title="**Second**")
        listed = text(await scene.ann.slash(scene.room, "conversation list"))
        assert "▸ **\\*\\*Second\\*\\***" in listed
        await scene.channels.slash(scene.room, "conversation switch", name=first)
        await scene.channels.slash(scene.room, "conversation rename", title="Boats")
        assert "▸ **Boats**" in text(await scene.ann.slash(scene.room, "conversation list"))
        exported = await scene.ann.slash(scene.room, "conversation export")
        assert exported.response is not None
        [file] = exported.response.attachments
        assert b"my boat is red" in await file.read()
        assert "1 message" in text(await scene.channels.slash(scene.room, "conversation clear"))
        exported = await scene.ann.slash(scene.room, "conversation export")
        assert exported.response is not None
        assert b"boat is red" not in await exported.response.attachments[0].read()


async def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    async with scene_in(tmp_path) as scene:
        assert "None yet" in text(await scene.ann.slash(scene.room, "conversation list"))
        assert "INPUT_INVALID" in text(await scene.ann.slash(scene.room, "conversation export"))
        result = await scene.channels.slash(scene.room, "conversation switch", name="nowhere")
        assert "INPUT_INVALID" in text(result)


@pytest.mark.setting("character.nsfw")
async def test_a_character_for_adults_stays_in_rooms_for_adults(tmp_path: Path) -> None:
    async with scene_in(tmp_path) as scene:
        adult = CHARACTER.format(id="eve", name="Eve") + "nsfw: true\n"
        (tmp_path / "characters" / "eve.yaml").write_text(adult, encoding="utf-8")
        await scene.services.characters.reload()
        result = await scene.channels.slash(scene.room, "character use", name="eve")
        assert "NOT_ALLOWED" in text(result)
        assert await scene.services.bindings.binding(scene.room.id) is None


async def test_reload_says_what_came_of_it(tmp_path: Path) -> None:
    async with scene_in(tmp_path) as scene:
        (tmp_path / "characters" / "zoe.yaml").write_text(CHARACTER.format(id="zoe", name="Zoe"), encoding="utf-8")
        (tmp_path / "characters" / "bad.yaml").write_text("id: [", encoding="utf-8")
        told = text(await scene.server.slash(scene.room, "character reload"))
        assert "bad.yaml" in told
        assert str(tmp_path) not in told
        assert "Zoe" in text(await scene.ann.slash(scene.room, "character list"))


async def test_reload_names_nothing_of_other_servers(tmp_path: Path) -> None:
    async with scene_in(tmp_path) as scene:
        for guild_id, name in ((scene.guild.id, "ours"), (4711, "theirs")):
            folder = tmp_path / "data" / "guilds" / str(guild_id) / "characters"
            folder.mkdir(parents=True)
            (folder / f"{name}.yaml").write_text(CHARACTER.format(id=name, name=name), encoding="utf-8")
            (folder / f"{name}-bad.yaml").write_text("id: [", encoding="utf-8")
        told = text(await scene.server.slash(scene.room, "character reload"))
        assert "New: ours\n" in told
        assert "ours-bad.yaml" in told
        assert "theirs" not in told
        assert "4711" not in told
