"""Settings, LoRAs and sweeps from Discord to a real ComfyUI: the pictures differ as the settings do."""

from __future__ import annotations

import io

from PIL import Image

from sandbox.discord import Message
from tests.e2e.drawing_system import press, told
from tests.e2e.system import DEADLINE, System, name_of
from tests.live.tiny_models import LORA

WISH = {"prompt": "a lighthouse at dusk", "seed": "7"}


def pixels(message: Message) -> list[tuple[tuple[int, int], bytes]]:
    """Size and content of each picture, without what ComfyUI writes into the files beside it."""
    files = [file.data for file in message.attachments if file.filename.startswith("nova_")]
    images = [Image.open(io.BytesIO(data)).convert("RGB") for data in files]
    return [(image.size, image.tobytes()) for image in images]


async def drawn(system: System, *, files: int = 1, **values: str) -> list[tuple[tuple[int, int], bytes]]:
    answer = await system.ada.slash(system.room, "imagine", wait=True, fresh=True, **(WISH | values))
    return pixels(await system.result(answer.message, files=files))


async def test_every_main_setting_changes_the_picture(system: System) -> None:
    settings = [
        "steps=4",
        "sampler=dpmpp_2m",
        "scheduler=karras",
        "denoise=0.5",
        "steps=6",
        "cfg=2",
        f"lora={LORA.removesuffix('.safetensors')}:1",
        f"lora={LORA.removesuffix('.safetensors')}:0.3",
    ]
    async with system.running():
        made = [(await drawn(system, settings=text))[0] for text in settings]
        assert (await drawn(system, prompt="a dog in the snow"))[0] not in made
        assert (await drawn(system, seed="8"))[0] not in made
        assert await drawn(system) == [made[0]], "the same settings and seed make the same picture"
    assert [size for size, _ in made] == [(64, 64)] * len(settings)
    for _, content in made:
        assert len(set(content)) > 16, "a picture, not one colour"
    assert len({content for _, content in made}) == len(settings)


async def test_size_and_batch(system: System) -> None:
    async with system.running():
        [(size, _)] = await drawn(system, settings="size=96x128")
        wide = await drawn(system, prompt="a lighthouse at dusk --ar 2:1")
        several = await drawn(system, settings="batch=3", files=3)
    assert size == (96, 128)
    assert wide[0][0] == (88, 48)
    assert len({content for _, content in several}) == 3


async def test_what_this_server_has_is_offered_and_all_else_refused(system: System) -> None:
    async with system.running():
        await drawn(system)
        offered = await system.ada.autocomplete(system.room, "imagine", "settings", "steps=3 lora=")
        assert any(LORA.removesuffix(".safetensors") in choice for choice in map(str, offered))
        refused = await system.ada.slash(system.room, "imagine", prompt="x", settings="lora=another_servers")
        assert LORA in told(refused)
        refused = await system.ada.slash(system.room, "imagine", prompt="x", settings="sampler=eulr")
        assert "`euler`" in told(refused)
        refused = await system.ada.slash(system.room, "imagine", prompt="x", settings="steps=1000000000")
        assert "10000" in told(refused)


async def test_a_grid_has_different_pictures_as_its_values_differ(system: System) -> None:
    async with system.running():
        sweeps = {"sweep": "cfg=1,7", "sweep2": "sampler=euler,heun,dpmpp_2m"}
        answer = await system.ada.slash(system.room, "batch", wait=True, **(WISH | sweeps))
        message = answer.message
        await system.room.wait_for_edit(
            message, lambda shown: any(entry.get("type") == 3 for entry in shown.flat_components()), timeout=DEADLINE
        )
    made = pixels(message)
    assert len({content for _, content in made}) == 6
    assert name_of(message).startswith("batch_")
    columns = "json_extract(parameters, '$.effective.cfg'), json_extract(parameters, '$.effective.sampler')"
    rows = system.rows(f"SELECT {columns} FROM jobs ORDER BY batch_index")
    assert rows == [(cfg, sampler) for sampler in ("euler", "heun", "dpmpp_2m") for cfg in (1.0, 7.0)]


async def test_steps_time_left_and_previews_are_seen_without_a_flag_of_the_server(system: System) -> None:
    async with system.running():
        answer = await system.ada.slash(
            system.room, "imagine", wait=True, fresh=True, settings="steps=30 size=128x128", **WISH
        )
        message = answer.message
        await system.room.wait_for_edit(message, lambda shown: "step " in shown.text(), timeout=DEADLINE)
        await system.room.wait_for_edit(message, lambda shown: "preview" in name_of(shown), timeout=DEADLINE)
        await system.room.wait_for_edit(message, lambda shown: " left" in shown.text(), timeout=DEADLINE)
        await system.result(message)
        info = await press(system.bob, message, "Info")
        text = told(info)
    for part in ("Slowest nodes: Paint it ", "steps 30", "sampler euler", "safetensors"):
        assert part in text
