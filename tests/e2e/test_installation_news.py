"""When ComfyUI comes back changed, the log channel reads once what can no longer be run."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sandbox.discord import Message, SimulatedChannel
from tests.e2e.system import DEADLINE, System

TOLD = "SELECT value FROM guild_settings WHERE key = 'told_unusable_workflows'"


def told(system: System) -> str:
    return str(system.rows(TOLD))


def log_channel(system: System) -> SimulatedChannel:
    channel = system.guild.add_channel("bot-log")
    config: dict[str, Any] = yaml.safe_load(system.config.read_text(encoding="utf-8"))
    config["discord"]["log_channel_id"] = channel.id
    system.config.write_text(yaml.safe_dump(config), encoding="utf-8")
    return channel


async def news(channel: SimulatedChannel, text: str, after: Message | None = None) -> str:
    message = await channel.wait_for_message(lambda shown: text in shown.text(), timeout=DEADLINE, after=after)
    return message.text()


@pytest.mark.setting("discord.log_channel_id")
async def test_what_can_no_longer_be_run_is_told_once_and_when_it_can_again(system: System) -> None:
    channel = log_channel(system)
    elsewhere = system.folder / "data" / "guilds" / "77" / "workflows" / "nova" / "image"
    elsewhere.mkdir(parents=True)
    (elsewhere / "theirs.json").write_bytes((system.folder / "workflows/nova/image/default.json").read_bytes())
    async with system.running():
        await system.until_rows("SELECT count(*) FROM guild_settings WHERE key = 'told_unusable_workflows'", (1,))
    assert channel.bot_messages == [], "what was missing before is no news"
    assert "broken" in told(system)
    sampler = system.comfy.nodes.pop("KSampler")
    async with system.running():
        text = await news(channel, "can no longer be run")
        assert "3 of 4 workflows" in text
        assert "nova: image/default" in text
        assert '"KSampler"' in text
        assert "image/broken" not in text
        assert "theirs" not in text
        await system.until_rows("SELECT value LIKE '%image/default%' FROM guild_settings", (1,))
    async with system.running():
        (first,) = channel.bot_messages
        await system.comfy.kill()
        system.comfy.nodes["KSampler"] = sampler
        await system.comfy.start()
        text = await news(channel, "can be run again", after=first)
        assert "nova: image/default" in text
        assert "no longer" not in text
    assert len(channel.bot_messages) == 2, "a restart of the bot repeats nothing"
