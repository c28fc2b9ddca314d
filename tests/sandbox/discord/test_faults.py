"""Faults of the REST API, as discord.py meets them."""

from __future__ import annotations

import asyncio
import io

import aiohttp
import discord
import pytest

from sandbox.discord import (
    AppliedThenDropped,
    AppliedThenStatus,
    Dropped,
    ErrorStatus,
    LateResponse,
    RateLimited,
    Rejected,
    SlowUpload,
    payload_too_large,
)
from sandbox.discord.faults import Fault
from tests.sandbox.discord.checked_discord import CheckedDiscord
from tests.sandbox.discord.clients import Probe, running

MESSAGES = "/channels/*/messages"


async def test_a_rate_limit_is_waited_for_unless_it_looks_like_a_ban() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge = guild.add_channel("lounge")
        async with running(local, Probe()) as client:
            channel = client.get_partial_messageable(lounge.id)
            local.faults.next("POST", MESSAGES, RateLimited(0.01), times=2)
            await channel.send("patience")
            assert [entry.status for entry in local.requests_to("POST", MESSAGES)] == [429, 429, 200]
            local.faults.next("POST", MESSAGES, RateLimited(via=False))
            with pytest.raises(discord.HTTPException) as refusal:
                await channel.send("banned")
            assert refusal.value.status == 429


async def test_real_limits_answer_429_with_the_time_to_wait() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge = guild.add_channel("lounge")
        local.rate_limits.set("POST", MESSAGES, limit=2, per=0.2)
        async with running(local, Probe()) as client, aiohttp.ClientSession() as session:
            channel = client.get_partial_messageable(lounge.id)
            for number in range(5):
                await channel.send(str(number))
            assert len(lounge.messages) == 5
            local.rate_limits.clear()
            local.rate_limits.set("POST", MESSAGES, limit=2, per=3600)
            headers = {"Authorization": f"Bot {local.token}"}
            url = f"{local.url}/api/v10/channels/{lounge.id}/messages"
            statuses: list[int] = []
            for _ in range(3):
                async with session.post(url, json={"content": "rude"}, headers=headers) as reply:
                    statuses.append(reply.status)
            assert statuses == [200, 200, 429]


@pytest.mark.parametrize("effect", [AppliedThenStatus(503), ErrorStatus(503)])
async def test_a_server_error_says_nothing_about_what_was_done(effect: AppliedThenStatus | ErrorStatus) -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge = guild.add_channel("lounge")
        async with running(local, Probe()) as client:
            local.faults.next("POST", MESSAGES, effect)
            with pytest.raises(discord.DiscordServerError):
                await client.get_partial_messageable(lounge.id).send("once")
            assert len(lounge.messages) == (1 if isinstance(effect, AppliedThenStatus) else 0)


@pytest.mark.parametrize(
    ("effect", "made"),
    [(AppliedThenDropped(), 1), (AppliedThenDropped(reset=True), 1), (Dropped(), 0), (Dropped(reset=True), 0)],
)
async def test_a_broken_connection_is_ambiguous(effect: Fault, made: int) -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge = guild.add_channel("lounge")
        async with running(local, Probe()) as client:
            local.faults.next("POST", MESSAGES, effect)
            with pytest.raises((aiohttp.ClientError, OSError)):
                await client.get_partial_messageable(lounge.id).send("once")
            assert len(lounge.messages) == made
            assert local.requests_to("POST", MESSAGES)[0].status == 0


async def test_502_is_repeated_by_discord_py_and_the_nonce_saves_it() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge = guild.add_channel("lounge")
        async with running(local, Probe()) as client:
            local.faults.next("POST", MESSAGES, AppliedThenStatus(502))
            await client.get_partial_messageable(lounge.id).send("once", nonce="n")
            assert [entry.status for entry in local.requests_to("POST", MESSAGES)] == [502, 200]
            assert len(lounge.messages) == 1


async def test_an_interaction_answered_twice_after_a_502_is_acknowledged_already() -> None:
    client = Probe()
    codes: list[int] = []

    @client.tree.command(name="hello", description="Hello")
    async def hello(interaction: discord.Interaction) -> None:
        try:
            await interaction.response.send_message("hello")
        except discord.HTTPException as refusal:
            codes.append(refusal.code)

    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge, ada = guild.add_channel("lounge"), guild.add_member("ada")
        async with running(local, client, sync=True):
            local.faults.next("POST", "/interactions/*/*/callback", AppliedThenStatus(502))
            answer = await ada.slash(lounge, "hello")
            assert answer.message.content == "hello"
            await local.wait_until(lambda: codes == [40060])
            assert len(lounge.messages) == 1


async def test_rejected_requests() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge = guild.add_channel("lounge")
        async with running(local, Probe()) as client:
            channel = client.get_partial_messageable(lounge.id)
            local.faults.next("POST", MESSAGES, payload_too_large())
            local.faults.next("POST", MESSAGES, Rejected(403, 50013))
            with pytest.raises(discord.HTTPException) as refusal:
                await channel.send(file=discord.File(io.BytesIO(b"small"), "a.png"))
            assert (refusal.value.status, refusal.value.code) == (413, 40005)
            with pytest.raises(discord.Forbidden):
                await channel.send("no")
            await channel.send("yes")
            assert local.violations == []


async def test_slow_uploads_and_late_responses_succeed() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge = guild.add_channel("lounge")
        async with running(local, Probe()) as client:
            channel = client.get_partial_messageable(lounge.id)
            local.faults.next("POST", MESSAGES, SlowUpload(0.05))
            local.faults.next("POST", MESSAGES, LateResponse(0.05))
            await channel.send(file=discord.File(io.BytesIO(b"x" * 500_000), "a.bin"))
            await channel.send("late")
            assert [len(message.attachments) for message in lounge.messages] == [1, 0]


@pytest.mark.parametrize("applied", [True, False])
async def test_a_breakpoint_pauses_a_request_before_or_after_it_is_applied(applied: bool) -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge = guild.add_channel("lounge")
        async with running(local, Probe()) as client:
            breakpoint_ = local.faults.set_breakpoint("POST", MESSAGES, applied=applied)
            sending = asyncio.create_task(client.get_partial_messageable(lounge.id).send("held"))
            await breakpoint_.wait_reached()
            assert len(lounge.messages) == (1 if applied else 0)
            breakpoint_.release()
            await sending
            assert len(lounge.messages) == 1


async def test_always_lasts_until_it_is_cleared() -> None:
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge = guild.add_channel("lounge")
        async with running(local, Probe()) as client:
            channel = client.get_partial_messageable(lounge.id)
            local.faults.always("*", "/channels/**", ErrorStatus(503))
            for _ in range(2):
                with pytest.raises(discord.DiscordServerError):
                    await channel.send("no")
            local.faults.clear()
            await channel.send("yes")
            assert [message.content for message in lounge.messages] == ["yes"]


async def test_the_local_discord_closes_with_a_bot_connected_and_a_request_paused() -> None:
    client = Probe()
    async with CheckedDiscord() as local:
        lounge = local.add_guild().add_channel("lounge")
        async with running(local, client):
            breakpoint_ = local.faults.set_breakpoint("POST", MESSAGES)
            sending = asyncio.create_task(client.get_partial_messageable(lounge.id).send("held"))
            await breakpoint_.wait_reached()
            local.faults.clear()
            await sending
            second_breakpoint = local.faults.set_breakpoint("POST", MESSAGES)
            again = asyncio.create_task(client.get_partial_messageable(lounge.id).send("let go by the end"))
            await second_breakpoint.wait_reached()
            await local.__aexit__(None, None, None)
            await again
            with pytest.raises(aiohttp.ClientConnectionError):
                await client.get_partial_messageable(lounge.id).send("nobody there")
            assert [message.content for message in lounge.messages] == ["held", "let go by the end"]
