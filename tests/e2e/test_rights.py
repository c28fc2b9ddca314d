"""Nobody gets the bot to do what they may not: write, look into hidden places, or reach another server's results."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.discord import (
    Message,
    SimulatedChannel,
    SimulatedInteraction,
    SimulatedUser,
    channel_changes,
    interactions,
)
from tests.conversation.scripted_model import says
from tests.e2e.system import CHARACTER, labels
from tests.e2e.voice_system import VoiceSystem, voice_system

OTHERS_JOB = "no longer have that job"


@pytest.fixture
async def nova(tmp_path: Path) -> AsyncIterator[VoiceSystem]:
    """Nova talks, draws, and speaks when asked."""
    async with voice_system(tmp_path, nova=CHARACTER) as made:
        made.model.script = [says("The kettle is on.")]
        yield made


async def forge(
    nova: VoiceSystem, person: SimulatedUser, message: Message, custom_id: str, *, modal: dict[str, str] | None = None
) -> SimulatedInteraction:
    """Press a button that is not there, or submit a form that nobody was shown, as altered clients can."""
    context = nova.system.discord.context
    if modal is None:
        kind, data = interactions.COMPONENT, {"custom_id": custom_id, "component_type": 2}
    else:
        inputs = [{"type": 4, "custom_id": name, "value": text} for name, text in modal.items()]
        fields = [{"type": 18, "component": each} for each in inputs]
        kind, data = interactions.MODAL, {"custom_id": custom_id, "components": fields}
    started = interactions.start(context, person.user, message.channel, kind, data, source=message)
    answer = SimulatedInteraction(context, started)
    await answer.wait_settled()
    return answer


async def refused(answer: SimulatedInteraction) -> str:
    """What the person alone was told."""
    message = await answer.wait_for_message(lambda shown: shown.ephemeral and not shown.loading, timeout=10)
    return message.text()


@pytest.mark.parametrize("in_thread", [False, True], ids=["channel", "thread"])
async def test_the_bot_writes_for_nobody_who_may_not_write(nova: VoiceSystem, in_thread: bool) -> None:
    async with nova.system.running():
        place: SimulatedChannel = await nova.ada.create_thread(nova.room, "aside") if in_thread else nova.room
        words = await nova.ada.send(place, "Read this aloud.")
        bob = nova.system.bob
        nova.room.set_permissions(bob, deny=["send_messages_in_threads" if in_thread else "send_messages"])
        answers = [
            await bob.slash(place, "imagine", prompt="a boat"),
            await bob.slash(place, "scene", about="a boat"),
            await bob.slash(place, "speak", text="a boat"),
            await bob.context_menu(words, "Speak"),
            await bob.context_menu(words, "Draw this"),
        ]
        assert ["NOT_ALLOWED" in await refused(answer) for answer in answers] == [True] * len(answers)
        assert place.messages == [words]
        assert nova.system.states() == []
        # The other permission does not count.
        nova.room.set_permissions(bob, deny=["send_messages" if in_thread else "send_messages_in_threads"])
        allowed = await bob.slash(place, "speak", text="a boat")
        assert not allowed.message.ephemeral
        await nova.quiet(1)


@pytest.mark.parametrize(
    "action",
    [
        "again",
        "vary",
        "remix",
        "upscale",
        "wider",
        "region",
        "info",
        "delete",
        "repeat",
        "repeat_then",
        "repeat_now",
        "cancel",
        "details",
    ],
)
async def test_a_forged_id_reaches_no_job_of_another_server(nova: VoiceSystem, action: str) -> None:
    elsewhere = nova.system.discord.add_guild("Elsewhere")
    room = elsewhere.add_channel("lobby")
    eve = elsewhere.add_member("eve", permissions=["manage_messages", "manage_guild"])
    async with nova.system.running():
        picture = await nova.system.imagine()
        await nova.system.until_delivered()
        [(job_id,)] = nova.system.rows("SELECT id FROM jobs")
        own = await eve.send(room, "hello")
        assert OTHERS_JOB in await refused(await forge(nova, eve, own, f"chorus:{action}:{job_id}"))
        if action == "remix":
            fields = {"positive": "something else", "seed": "1"}
            assert OTHERS_JOB in await refused(await forge(nova, eve, own, f"chorus:remixed:{job_id}", modal=fields))
        if action in {"vary", "upscale", "wider", "region"}:
            assert OTHERS_JOB in await refused(await forge(nova, eve, own, f"chorus:{action}:{job_id}:0"))
        if action == "wider":
            assert OTHERS_JOB in await refused(await forge(nova, eve, own, f"chorus:widen:{job_id}:0:50:left"))
        # A channel of the same server that the person does not see is no other case.
        hall = nova.system.guild.add_channel("hall")
        nova.room.set_permissions(nova.system.bob, deny=["view_channel"])
        own = await nova.system.bob.send(hall, "hello")
        assert OTHERS_JOB in await refused(await forge(nova, nova.system.bob, own, f"chorus:{action}:{job_id}"))
        assert nova.system.states() == ["delivered"]
    assert not picture.deleted
    assert len(picture.attachments) == 1


async def test_a_forged_id_reaches_no_turn_of_another_channel(nova: VoiceSystem) -> None:
    nova.model.script = [says("First."), says("Second.")]
    elsewhere = nova.system.discord.add_guild("Elsewhere")
    room = elsewhere.add_channel("lobby")
    eve = elsewhere.add_member("eve", permissions=["manage_messages", "manage_guild"])
    async with nova.system.running():
        await nova.use_nova()
        await nova.ada.send(nova.room, "hi")
        turn = await nova.turn("First.")
        await nova.quiet(0)
        await nova.ada.add_reaction(turn, "🔁")
        await nova.room.wait_for_edit(turn, lambda shown: "2 / 2" in labels(shown))
        await nova.quiet(0)
        [(turn_id,)] = nova.system.rows("SELECT id FROM messages WHERE role = 'assistant'")
        own = await eve.send(room, "hello")
        assert "INPUT_INVALID" in await refused(await forge(nova, eve, own, f"chorus:alternative:{turn_id}:0"))
        assert "INPUT_INVALID" in await refused(await forge(nova, eve, own, f"chorus:speak:{turn_id}"))
        await nova.quiet(0)
    assert turn.content == "Second."


async def test_only_the_requester_of_a_message_has_it_spoken_where_the_owner_wants_that(tmp_path: Path) -> None:
    async with voice_system(tmp_path, nova=CHARACTER) as nova:
        config = nova.system.config
        config.write_text(config.read_text() + "\nregenerate: {by: requester}\n")
        async with nova.system.running():
            words = await nova.ada.send(nova.room, "Read this aloud.")
            assert "NOT_ALLOWED" in await refused(await nova.system.bob.context_menu(words, "Speak"))
            await nova.ada.context_menu(words, "Speak")
            await nova.quiet(1)


def hidden_places(nova: VoiceSystem) -> dict[str, SimulatedChannel]:
    """Where something was made that the moderator must not see."""
    context, guild = nova.system.discord.context, nova.system.guild

    def thread(parent: SimulatedChannel, *, private: bool = False) -> SimulatedChannel:
        made = channel_changes.create_thread(context, parent.channel, "aside", nova.ada.user, None, private=private)
        return SimulatedChannel(context, made)

    secret = guild.add_channel("secret")
    return {
        "hidden channel": secret,
        "deleted channel": guild.add_channel("gone"),
        "thread of a hidden channel": thread(secret),
        "archived thread of a hidden channel": thread(secret),
        "deleted thread": thread(secret),
        "private thread": thread(nova.room, private=True),
    }


async def test_a_moderator_sees_no_results_of_hidden_places(nova: VoiceSystem) -> None:
    mod = nova.system.guild.add_member("mod", permissions=["manage_messages"])
    async with nova.system.running():
        places = hidden_places(nova)
        open_thread = await nova.ada.create_thread(nova.room, "open")
        for n, (name, place) in enumerate({**places, "open thread": open_thread}.items(), start=1):
            await nova.system.imagine(nova.ada, place, prompt=f"made in {name}")
            await nova.system.until_delivered(n)
        places["hidden channel"].set_permissions(mod, deny=["view_channel"])
        places["archived thread of a hidden channel"].edit(archived=True)
        places["deleted channel"].delete()
        places["deleted thread"].delete()
        await nova.system.imagine(nova.ada, nova.room, prompt="made here")
        await nova.system.until_delivered(len(places) + 2)
        for command in ("gallery", "history"):
            told = (await mod.slash(nova.room, command)).message.text()
            assert "made here" in told
            assert "made in open thread" in told
            assert [name for name in places if f"made in {name}" in told] == []
        # Who takes part in a private thread, or manages threads, sees it.
        nova.system.guild.add_role("warden", permissions=["manage_threads"], to=[mod])
        told = (await mod.slash(nova.room, "gallery")).message.text()
        assert [name for name in places if f"made in {name}" in told] == ["private thread"]
