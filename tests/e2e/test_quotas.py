"""A used-up quota is refused on every way to a job; it is set by `/admin`, and outlives kill -9."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sandbox.discord import SimulatedInteraction, Upload
from tests.conversation.scripted_model import calls_draw, says
from tests.e2e.admin_system import accepted, open_admin_system, refusal, set_quota
from tests.e2e.chat_system import open_chat_system
from tests.e2e.drawing_system import ReactionHandlers
from tests.e2e.system import CHARACTER, REPOSITORY
from tests.e2e.voice_system import VoiceSystem, voice_system
from tests.e2e.workflow_system import ui_workflow

SHARED = REPOSITORY / "workflows" / "_shared"
Way = Callable[[], Awaitable[SimulatedInteraction]]


@pytest.fixture
async def nova(tmp_path: Path) -> AsyncIterator[VoiceSystem]:
    """Nova draws, speaks, and answers with her voice by herself."""
    async with voice_system(tmp_path, nova=CHARACTER + "voice: {always_on: true}\n") as made:
        image, video = tmp_path / "workflows" / "nova" / "image", tmp_path / "workflows" / "nova" / "video"
        video.mkdir()
        for name in ("vary", "upscale", "outpaint"):
            shutil.copy(SHARED / "image" / f"{name}.json", image / f"{name}.json")
        for name in ("default", "from_picture"):
            shutil.copy(SHARED / "video" / f"{name}.json", video / f"{name}.json")
        yield made


def png() -> Upload:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(buffer, "PNG")
    return Upload("given.png", buffer.getvalue(), "image/png")


async def jobs(nova: VoiceSystem) -> int:
    return int(nova.system.rows("SELECT count(*) FROM jobs WHERE state NOT IN ('failed', 'cancelled')")[0][0])


async def test_every_way_to_a_job_asks_the_quota(nova: VoiceSystem) -> None:
    system, ada, room = nova.system, nova.ada, nova.room
    async with system.running() as (_, bot):
        shown = await set_quota(system, nova.grace, pieces_per_person="1")
        assert "Pieces of each person in 24 hours: **1**" in shown.text()
        picture = await system.result(await system.imagine())
        await system.until_delivered()
        words = await ada.send(room, "a boat in the rain", attachments=[png()])
        # A dictionary: the option's name is a keyword of Python.
        linked: dict[str, Any] = {"from": f"https://discord.com/channels/{system.guild.id}/{room.id}/{words.id}"}
        [(job_id,)] = system.rows("SELECT id FROM jobs")

        async def form(opened: SimulatedInteraction, values: dict[str, str]) -> SimulatedInteraction:
            return await ada.submit_modal(opened, values)

        ways: dict[str, Way] = {
            "/imagine": lambda: ada.slash(room, "imagine", prompt="x"),
            "/imagine with a picture": lambda: ada.slash(room, "imagine", prompt="x", image=png(), workflow="vary"),
            "/imagine from": lambda: ada.slash(room, "imagine", prompt="x", workflow="vary", **linked),
            "/imagine enhance": lambda: ada.slash(room, "imagine", prompt="x", enhance=True),
            "/imagine count": lambda: ada.slash(room, "imagine", prompt="x", count=2),
            "/batch": lambda: ada.slash(room, "batch", prompt="a {red|blue} door"),
            "/scene": lambda: ada.slash(room, "scene", about="a boat"),
            "/speak": lambda: ada.slash(room, "speak", text="Hello."),
            "/animate": lambda: ada.slash(room, "animate", prompt="waves"),
            "/repeat": lambda: ada.slash(room, "repeat", job=str(job_id)[-12:]),
            "Again": lambda: ada.press(picture, "Again"),
            "Vary": lambda: ada.press(picture, "Vary"),
            "Upscale": lambda: ada.press(picture, "Upscale"),
            "Menu Regenerate": lambda: ada.context_menu(picture, "Regenerate"),
            "Menu Draw this": lambda: ada.context_menu(words, "Draw this"),
            "Menu Speak": lambda: ada.context_menu(words, "Speak"),
        }
        for name, way in ways.items():
            assert "QUOTA_REACHED" in await refusal(await way()), name
            assert await jobs(nova) == 1, name
        forms: dict[str, tuple[Way, dict[str, str]]] = {
            "Remix": (lambda: ada.press(picture, "Remix"), {"positive": "y"}),
            "Animate": (lambda: ada.press(picture, "Animate"), {"prompt": "it moves"}),
            "Menu Animate": (lambda: ada.context_menu(words, "Animate"), {"prompt": "it moves"}),
            "Menu Use this picture": (lambda: ada.context_menu(words, "Use this picture"), {"prompt": "y"}),
        }
        for name, (way, values) in forms.items():
            assert "QUOTA_REACHED" in await refusal(await form(await way(), values)), name
            assert await jobs(nova) == 1, name
        question = (await ada.press(picture, "Wider")).message
        assert "QUOTA_REACHED" in await refusal(await ada.press(question, "Left"))
        assert await jobs(nova) == 1
        panel = (await ada.press(picture, "Configure")).message
        await ada.press(panel, "Run")
        await room.wait_for_edit(panel, lambda message: "QUOTA_REACHED" in message.text())
        # Reactions cannot be answered privately.
        handlers = ReactionHandlers(bot)
        await ada.add_reaction(picture, "🔁")
        await ada.add_reaction(words, "🔊")
        await handlers.wait_until_done(2)
        # Talk: the character draws, and her voice follows her words.
        nova.model.script = [calls_draw('{"scene": "a boat"}', text="Here it is."), says("a red boat")]
        await nova.use_nova()
        await ada.send(room, "draw me a boat")
        await nova.turn("Here it is.")
        await system.until_rows("SELECT count(*) FROM messages WHERE role = 'assistant' AND state = 'delivered'", (1,))
        await room.wait_for_message(lambda message: "QUOTA_REACHED" in message.text(), after=words)
        assert await jobs(nova) == 1
        # Trials of workflows count too; that of a template is in `test_workflow_templates.py`.
        assert accepted(await nova.grace.slash(room, "imagine", prompt="of the manager"))
        assert "QUOTA_REACHED" in await refusal(await nova.grace.slash(room, "workflow try", name="nova/image/default"))
        file = Upload("portrait.json", json.dumps(ui_workflow()).encode())
        draft = await (await nova.grace.slash(room, "workflow upload", file=file)).wait_for_message()
        assert "QUOTA_REACHED" in await refusal(await nova.grace.press(draft, "Try"))
        assert accepted(await system.bob.slash(room, "imagine", prompt="of somebody else"))
        await system.until_delivered(3)
        assert await jobs(nova) == 3


async def test_a_picture_that_is_changed_in_a_talk_asks_the_quota(tmp_path: Path) -> None:
    async with open_chat_system(tmp_path, quotas={"pieces_per_person": 1}) as here:
        shutil.copy(SHARED / "image" / "vary.json", tmp_path / "workflows" / "nova" / "image" / "vary.json")
        here.model.script = [
            calls_draw('{"scene": "a boat"}', text="A boat."), says("a boat"),
            calls_draw('{"scene": "the boat in winter", "edit": true}', text="Winter."), says("a boat in winter"),
        ]  # fmt: skip
        async with here.system.running():
            await here.use("nova")
            await here.ada.send(here.room, "draw a boat")
            await here.system.until_delivered(1)
            asked = await here.ada.send(here.room, "make it winter", attachments=[png()])
            await here.until_said("Winter.")
            await here.room.wait_for_message(lambda message: "QUOTA_REACHED" in message.text(), after=asked)
        assert here.system.states() == ["delivered"]


async def test_a_quota_is_neither_lost_nor_doubled_by_kill_9(tmp_path: Path) -> None:
    async with open_admin_system(tmp_path, quotas={"pieces_per_person": 2}) as admin:
        async with admin.system.start() as bot:
            await bot.ready()
            assert accepted(await admin.draw(workflow="slow"))
            await bot.kill()
        async with admin.system.start() as bot:
            await bot.ready()
            assert accepted(await admin.draw())
            assert "QUOTA_REACHED" in await refusal(await admin.draw())
            await admin.system.until_delivered(2)
            assert "QUOTA_REACHED" in await refusal(await admin.draw())
            await bot.stop()
        assert len(admin.system.states()) == 2


@pytest.mark.setting(
    "quotas.pieces_per_person",
    "quotas.pieces_per_server",
    "quotas.gpu_seconds_per_person",
    "quotas.gpu_seconds_per_server",
    "quotas.cooldown_seconds",
)
@pytest.mark.parametrize(
    ("quotas", "refused", "code"),
    [
        ({"pieces_per_person": 1}, "ada", "QUOTA_REACHED"),
        ({"pieces_per_server": 1}, "both", "QUOTA_REACHED"),
        ({"gpu_seconds_per_person": 0.000_001}, "both", "QUOTA_REACHED"),
        ({"gpu_seconds_per_server": 0.000_001}, "both", "QUOTA_REACHED"),
        ({"cooldown_seconds": 3600}, "ada", "TOO_MANY_REQUESTS"),
    ],
)
async def test_the_owner_s_quotas(tmp_path: Path, quotas: dict[str, float], refused: str, code: str) -> None:
    async with open_admin_system(tmp_path, quotas=quotas) as admin, admin.system.running():
        assert accepted(await admin.draw())
        await admin.system.until_delivered(1)
        told = await refusal(await admin.draw(prompt="another"))
        assert code in told
        answer = await admin.draw(admin.other)
        if refused == "both":
            assert code in await refusal(answer)
        else:
            assert accepted(answer)
            await admin.system.until_delivered(2)


async def test_limits_of_a_server_and_numbers_that_are_none(tmp_path: Path) -> None:
    async with open_admin_system(tmp_path) as admin, admin.system.running():
        page = await admin.panel("Limits")
        form = await admin.owner.press(page, "Change")
        page = (await admin.owner.submit_modal(form, {"max_pixels": "256x256", "max_batch": "2"})).message
        assert "**65,536**" in page.text()
        assert "INPUT_INVALID" in await refusal(await admin.draw(settings="width=512 height=512"))
        assert "this server allows" in await refusal(await admin.draw(count=3))
        for typed in ("many", "-1", "0", "nan", "inf", "1e99"):
            form = await admin.owner.press(page, "Change")
            assert "INPUT_INVALID" in await refusal(await admin.owner.submit_modal(form, {"max_steps": typed})), typed
        rows = admin.system.rows('SELECT "after" FROM setting_changes')
        assert [json.loads(after) for (after,) in rows] == [{"max_pixels": 65536, "max_batch": 2}]
        assert accepted(await admin.draw(count=2))
        await admin.system.until_delivered(2)
