"""The gateway: resume, opcodes 7 and 9, close codes, intents, events."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import discord
import pytest

from sandbox.discord import LocalDiscord
from tests.sandbox.discord.checked_discord import CheckedDiscord
from tests.sandbox.discord.clients import Probe, running


async def heard(client: Probe, text: str) -> discord.Message:
    """The message with that text, once the client has it."""
    async with client.news, asyncio.timeout(60):
        await client.news.wait_for(lambda: any(message.content == text for message in client.heard))
    return next(message for message in client.heard if message.content == text)


def logins(local: LocalDiscord) -> list[object]:
    """The identifies (2) and resumes (6) so far."""
    return [frame["op"] for frame in local.gateway.received if frame["op"] in {2, 6}]


async def test_a_dropped_socket_is_resumed_with_everything_that_was_missed() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        channel, ada = guild.add_channel("lounge"), guild.add_member("ada")
        async with running(local, Probe()) as client:
            local.gateway.drop_connections()
            await local.wait_until_bot_disconnected()
            await ada.send(channel, "are you there?")
            await heard(client, "are you there?")
            assert client.readies == 1
            assert logins(local) == [2, 6]


async def test_op_7_resumes_and_op_9_starts_anew() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        channel, ada = guild.add_channel("lounge"), guild.add_member("ada")
        async with running(local, Probe()) as client:
            local.gateway.request_reconnect()
            await local.wait_until(lambda: logins(local) == [2, 6])
            await ada.send(channel, "after op 7")
            await heard(client, "after op 7")
            local.gateway.invalidate_sessions()
            await local.wait_until(lambda: logins(local) == [2, 6, 2])
            await ada.send(channel, "after op 9")
            await heard(client, "after op 9")


@pytest.mark.parametrize("code", [4000, 4008, 4009, 1000])
async def test_close_codes_that_can_be_survived(code: int) -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        channel, ada = guild.add_channel("lounge"), guild.add_member("ada")
        async with running(local, Probe()) as client:
            await local.gateway.close(code)
            await local.wait_until(lambda: logins(local)[1:2] == [6])
            await local.wait_until_bot_ready()
            await ada.send(channel, "still here?")
            await heard(client, "still here?")


async def test_a_resume_may_be_refused() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        channel, ada = guild.add_channel("lounge"), guild.add_member("ada")
        async with running(local, Probe()) as client:
            local.gateway.refuse_next_resume()
            local.gateway.drop_connections()
            await local.wait_until(lambda: logins(local) == [2, 6, 2])
            await ada.send(channel, "a new session")
            await heard(client, "a new session")


async def test_a_missing_privileged_intent_ends_the_login() -> None:
    async with CheckedDiscord(privileged_intents=0) as local:
        client = Probe()
        with pytest.raises(discord.PrivilegedIntentsRequired):
            async with running(local, client):
                pass
        assert local.gateway.close_codes == [4014]


async def test_content_is_hidden_without_the_intent_except_where_it_is_addressed() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        channel, ada = guild.add_channel("lounge"), guild.add_member("ada")
        intents = discord.Intents.all()
        intents.message_content = False
        async with running(local, Probe(intents)) as client:
            await ada.send(channel, "a secret")
            await ada.send(channel, f"{local.bot.mention} a question")
            await ada.send(ada.dm_channel, "in private")
            await heard(client, "in private")
            assert [message.content for message in client.heard] == [
                "",
                f"{local.bot.mention} a question",
                "in private",
            ]
            assert isinstance(client.heard[2].channel, discord.DMChannel)


async def test_a_channel_the_bot_cannot_see_is_silent() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        hidden, lounge, ada = guild.add_channel("hidden"), guild.add_channel("lounge"), guild.add_member("ada")
        hidden.set_permissions(local.bot, deny=["view_channel"])
        async with running(local, Probe()) as client:
            await ada.send(hidden, "psst")
            await ada.send(lounge, "hello")
            await heard(client, "hello")
            assert [message.content for message in client.heard] == ["hello"]
            with pytest.raises(discord.Forbidden) as refusal:
                await client.get_partial_messageable(hidden.id).send("found you")
            assert refusal.value.code == 50001


async def test_a_paused_gateway_sends_its_events_later() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        channel, ada = guild.add_channel("lounge"), guild.add_member("ada")
        async with running(local, Probe()) as client:
            local.gateway.pause_sending()
            await ada.send(channel, "slow")
            await client.fetch_channel(channel.id)
            assert client.heard == []
            local.gateway.continue_sending()
            await heard(client, "slow")


async def test_events_of_edits_deletions_threads_and_members() -> None:
    class Witness(Probe):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[str] = []

        async def note(self, what: str) -> None:
            async with self.news:
                self.seen.append(what)
                self.news.notify_all()

        async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
            await self.note(f"edit {event.data['content']}")

        async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
            await self.note(f"delete {event.message_id}")

        async def on_thread_create(self, thread: discord.Thread) -> None:
            await self.note(f"thread {thread.name} of {thread.parent}")

        async def on_member_join(self, member: discord.Member) -> None:
            await self.note(f"join {member.name}")

        async def on_member_remove(self, member: discord.Member) -> None:
            await self.note(f"leave {member.name}")

        async def on_guild_channel_update(self, _: discord.abc.GuildChannel, after: discord.abc.GuildChannel) -> None:
            await self.note(f"channel {after.name}")

        async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
            await self.note(f"gone {channel.name}")

        async def on_typing(self, channel: discord.abc.Messageable, user: discord.abc.User, when: object) -> None:
            await self.note(f"typing {user.name}")

    async with CheckedDiscord() as local:
        guild = local.add_guild()
        channel, ada = guild.add_channel("lounge"), guild.add_member("ada")
        async with running(local, Witness()) as client:
            message = await ada.send(channel, "one")
            await ada.edit(message, "two")
            thread = await ada.create_thread(channel, "aside", message)
            await ada.send(thread, "in the thread")
            inside = await heard(client, "in the thread")
            assert isinstance(inside.channel, discord.Thread)
            await ada.delete(message)
            bob = guild.add_member("bob")
            guild.remove_member(bob)
            await ada.start_typing(channel)
            channel.edit(name="library")
            channel.delete()
            expected = [
                "edit two", "thread aside of lounge", f"delete {message.id}", "join bob", "leave bob", "typing ada",
                "channel library", "gone library",
            ]  # fmt: skip
            async with client.news, asyncio.timeout(60):
                await client.news.wait_for(lambda: len(client.seen) >= len(expected))
            assert client.seen == expected


def identify(token: str, intents: int = 0) -> dict[str, Any]:
    return {"op": 2, "d": {"token": token, "intents": intents, "properties": {}}}


CLOSING: list[tuple[list[Any], int]] = [
    (["no json"], 4002),
    ([{"op": 99}], 4001),
    ([{"op": 3, "d": {}}], 4003),
    ([identify("wrong")], 4004),
    ([identify("right"), identify("right")], 4005),
    ([identify("right", 1 << 40)], 4013),
    ([{"op": 6, "d": {"token": "wrong", "session_id": "x", "seq": 0}}], 4004),
]


@pytest.mark.parametrize(("frames", "code"), CLOSING)
async def test_frames_that_close_the_socket(frames: list[Any], code: int) -> None:
    async with (
        CheckedDiscord(token="right") as local,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{local.url}/gateway") as socket,
    ):
        hello = await socket.receive_json(timeout=10)
        assert hello["op"] == 10
        await socket.send_json({"op": 1, "d": None})
        assert (await socket.receive_json(timeout=10))["op"] == 11
        for frame in frames:
            await socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))
        async for _ in socket:
            pass
        assert socket.close_code == code
