"""Batches that people or circumstances turn against the bot: forged ids, refusals, overrides, things that vanish."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from sandbox.discord import Message, Rejected, SimulatedInteraction, SimulatedUser, interactions
from tests.e2e.batch_system import EDIT, POST, batch, finished, menu_of, names, pictures, start_twelve
from tests.e2e.drawing_system import told
from tests.e2e.system import DEADLINE, System, labels, open_system

BUTTON, MENU = 2, 3
UNKNOWN_BATCH = "no longer have that batch"


async def forge(
    system: System, person: SimulatedUser, message: Message, custom_id: str, *values: str
) -> SimulatedInteraction:
    """Use a component that is not there, as altered clients can."""
    data: dict[str, Any] = {"custom_id": custom_id, "component_type": MENU if values else BUTTON}
    if values:
        data["values"] = list(values)
    context = system.discord.context
    started = interactions.start(context, person.user, message.channel, interactions.COMPONENT, data, source=message)
    answer = SimulatedInteraction(context, started)
    await answer.wait_settled()
    return answer


async def refused(answer: SimulatedInteraction) -> str:
    """What the person alone was told."""
    message = await answer.wait_for_message(lambda shown: shown.ephemeral and not shown.loading, timeout=10)
    return message.text()


async def ended(system: System) -> None:
    """Until the end of every batch is recorded."""
    await system.until_rows("SELECT count(*) FROM batches WHERE state IN ('running', 'stopped')", (0,))


# -- who may


@pytest.mark.parametrize("action", ["batch_stop", "batch_start", "batch_vote", "batch_pick"])
async def test_a_forged_id_reaches_no_batch_of_another_server(system: System, action: str) -> None:
    elsewhere = system.discord.add_guild("Elsewhere")
    lobby = elsewhere.add_channel("lobby")
    eve = elsewhere.add_member("eve", permissions=["manage_messages", "manage_guild"])
    hall = system.guild.add_channel("hall")
    values = ("0",) if action == "batch_pick" else ()
    async with system.running():
        if action == "batch_start":
            await batch(system, count=9)
        else:
            answer = await batch(system, count=1, workflows="default, slow")
            if action != "batch_stop":
                await finished(system, answer.message)
        async with system.comfy.set_breakpoint("KSampler"):
            [(batch_id,)] = system.rows("SELECT id FROM batches")
            suffix = ":0" if action in {"batch_vote", "batch_pick"} else ""
            own = await eve.send(lobby, "hello")
            forged = await forge(system, eve, own, f"chorus:{action}:{batch_id}{suffix}", *values)
            assert UNKNOWN_BATCH in await refused(forged)
            # A channel of the same server that the person does not see is no other case.
            system.room.set_permissions(system.bob, deny=["view_channel"])
            own = await system.bob.send(hall, "hello")
            forged = await forge(system, system.bob, own, f"chorus:{action}:{batch_id}{suffix}", *values)
            assert UNKNOWN_BATCH in await refused(forged)
            assert system.rows("SELECT count(*) FROM batch_votes") == [(0,)]
            assert system.rows("SELECT count(*) FROM batches WHERE state = 'stopped'") == [(0,)]
        await ended(system)
    assert lobby.bot_messages == hall.bot_messages == []


async def test_nobody_starts_what_somebody_else_was_asked_about(system: System) -> None:
    mod = system.guild.add_member("mod", permissions=["manage_messages"])
    async with system.running():
        await batch(system, count=9)
        [(batch_id,)] = system.rows("SELECT id FROM batches")
        own = await mod.send(system.room, "hello")
        assert "NOT_ALLOWED" in await refused(await forge(system, mod, own, f"chorus:batch_start:{batch_id}"))
    assert system.states() == []


async def test_votes_count_when_the_comparison_is_finished(system: System) -> None:
    async with system.running(), system.comfy.set_breakpoint("KSampler") as hold:
        answer = await batch(system, workflows="default, slow")
        await hold.reached.wait()
        [(batch_id,)] = system.rows("SELECT id FROM batches")
        early = await forge(system, system.bob, answer.message, f"chorus:batch_vote:{batch_id}:0")
        assert "INPUT_INVALID" in await refused(early)
        assert labels(answer.message) == ["Stop the rest"]
        hold.release()
        await finished(system, answer.message)
    assert system.rows("SELECT count(*) FROM batch_votes") == [(0,)]


@pytest.mark.parametrize("values", [(), ("",), ("99",), ("-1",), ("0' OR 1",), ("\u0660",)])
async def test_forged_values_open_nothing(system: System, values: tuple[str, ...]) -> None:
    async with system.running():
        message = await finished(system, (await batch(system, count=2)).message)
        menu = menu_of(message)
        assert menu is not None
        assert "no longer here" in await refused(await forge(system, system.bob, message, menu["custom_id"], *values))


# -- what is asked for


@pytest.mark.parametrize(
    "values", [{"prompt": "a boat --seed 5", "count": 3}, {"prompt": "a boat", "count": 3, "settings": "seed=5"}]
)
@pytest.mark.parametrize("command", ["imagine", "batch"])
async def test_a_seed_among_the_settings_is_the_first_one(system: System, command: str, values: dict[str, Any]) -> None:
    given: dict[str, Any] = values | ({"seeds": "increment"} if command == "batch" else {})
    async with system.running():
        answer = await system.ada.slash(system.room, command, **given)
        await finished(system, answer.message)
    assert system.rows("SELECT seed FROM jobs ORDER BY batch_index") == [("5",), ("6",), ("7",)]


async def test_a_prompt_among_the_settings_is_the_first_of_the_batch(system: System) -> None:
    async with system.running():
        answer = await batch(system, prompts="a gate", settings="prompt='a boat'")
        await finished(system, answer.message)
        assert "a boat" in answer.message.text()
    positive = "json_extract(parameters, '$.positive')"
    assert system.rows(f"SELECT {positive} FROM jobs ORDER BY batch_index") == [("a boat",), ("a gate",)]


# -- refusals and losses


async def test_what_was_posted_stays_when_the_rest_is_refused(tmp_path: Path) -> None:
    async with open_system(tmp_path, discord={"progress_interval_seconds": 60}) as system, system.running():
        system.discord.faults.always(*POST, Rejected(403, 50013, "Missing Permissions"))
        await start_twelve(system)
        await system.until_rows("SELECT state FROM batches", ("delivered",))
        system.discord.faults.clear()
        [message] = system.room.bot_messages
        assert len(pictures([message])) == 9
        assert names(message)[0].startswith("batch_")
        assert menu_of(message) is not None
    assert system.open_deliveries() == 0


@pytest.mark.parametrize("lost", ["message", "channel", "permissions", "character", "workflow"])
async def test_a_batch_ends_whatever_is_taken_away(system: System, lost: str) -> None:
    async with system.running():
        async with system.comfy.set_breakpoint("KSampler") as hold:
            answer = await batch(system, count=3)
            await hold.reached.wait()
            if lost == "message":
                await system.guild.add_member("mod", permissions=["manage_messages"]).delete(answer.message)
            elif lost == "channel":
                system.room.delete()
            elif lost == "permissions":
                system.guild.remove_bot_permissions("send_messages", "attach_files", "view_channel", "embed_links")
            elif lost == "character":
                for path in (system.folder / "characters").rglob("nova*"):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            else:
                (system.folder / "workflows" / "nova" / "image" / "default.json").unlink()
            hold.release()
        await ended(system)
    assert set(system.states()) == {"delivered"}
    assert system.rows("SELECT count(*) FROM jobs WHERE delivered_at IS NULL") == [(0,)]
    if lost != "channel":
        assert len(set(pictures(system.room.bot_messages))) == 3


async def test_one_of_its_jobs_is_cancelled_at_its_own_button(system: System) -> None:
    async with system.running():
        async with system.comfy.set_breakpoint("KSampler") as hold:
            answer = await batch(system, count=3)
            await hold.reached.wait()
            [(job_id,)] = system.rows("SELECT id FROM jobs WHERE batch_index = 1")
            await forge(system, system.ada, answer.message, f"chorus:cancel:{job_id}")
            hold.release()
        message = await finished(system, answer.message)
        assert "1 stopped" in message.text()
    assert len(pictures([message])) == 2


async def test_killed_again_and_again_each_picture_arrives_once(tmp_path: Path) -> None:
    async with open_system(tmp_path, discord={"progress_interval_seconds": 60, "notify_after_seconds": 0.1}) as system:
        # The sheet, the further files, the mention.
        for n, request in enumerate((EDIT, POST, POST)):
            hold = system.discord.faults.set_breakpoint(*request, applied=True)
            async with system.start() as bot:
                if n == 0:
                    await bot.ready()
                    await start_twelve(system)
                await hold.wait_reached(timeout=60)
                await bot.kill()
                system.discord.faults.clear()
        async with system.start() as bot:
            await bot.ready()
            await system.until_rows("SELECT state FROM batches", ("delivered",))
            await bot.stop()
        mentions = [shown for shown in system.room.bot_messages if system.ada.mention in shown.content]
        assert len(mentions) == 1
        assert len(set(pictures(system.room.bot_messages))) == len(pictures(system.room.bot_messages)) == 12
        assert system.open_deliveries() == 0


# -- what was made before


async def test_another_persons_picture_answers_no_wish_elsewhere(system: System) -> None:
    elsewhere = system.discord.add_guild("Elsewhere")
    lobby = elsewhere.add_channel("lobby")
    eve = elsewhere.add_member("eve")
    hall = system.guild.add_channel("hall")
    cellar = system.guild.add_channel("cellar", nsfw=True)
    async with system.running():
        await system.result(await system.imagine(system.ada, cellar, seed="7"))
        for person, room in ((eve, lobby), (system.bob, hall)):
            answer = await system.imagine(person, room, seed="7")
            shown = await room.wait_for_edit(
                answer, lambda found: len(found.attachments) == 1 and "Cancel" not in labels(found), timeout=DEADLINE
            )
            assert "Made before" not in shown.text()
        own = await system.imagine(system.ada, hall, seed="7")
        await system.until_delivered(4)
        assert "Made before" in own.text()
        shared = await system.imagine(system.bob, cellar, seed="7")
        await system.until_delivered(5)
        assert "Made before" in shared.text()
    assert system.rows("SELECT count(DISTINCT job_id) FROM attempts") == [(3,)]


async def test_a_deleted_picture_is_not_compared(system: System) -> None:
    async with system.running():
        message = await finished(system, (await batch(system, count=2)).message)
        one, other = (job.replace("-", "")[-12:] for (job,) in system.rows("SELECT id FROM jobs ORDER BY batch_index"))
        menu = menu_of(message)
        assert menu is not None
        opened = await system.ada.select(message, menu["custom_id"], "0")
        await system.ada.press(await opened.wait_for_message(lambda found: bool(found.attachments)), "Delete")
        await system.until_rows("SELECT count(*) FROM images WHERE shelf = 2", (1,))
        compared = await system.bob.slash(system.room, "compare", first=one, second=other)
        assert "INPUT_INVALID" in told(compared)
        assert compared.message.attachments == []
