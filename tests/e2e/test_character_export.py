"""`/character export` on one server and `/character import` on another."""

from __future__ import annotations

from sandbox.discord import Upload
from tests.characters.test_card_export import card_in
from tests.e2e.drawing_system import told, told_soon
from tests.e2e.system import System
from tests.e2e.workflow_system import WorkflowSystem


async def test_a_character_goes_to_another_server_with_its_workflows(system: System) -> None:
    flows = WorkflowSystem(system)
    async with system.running() as (services, _):
        assert "Manage Server" in told(await flows.member.slash(flows.room, "character export", name="nova"))
        answer = await flows.owner.slash(flows.room, "character export", name="nova", workflows=True)
        message = await answer.wait_for_message()
        assert message.ephemeral
        [file] = message.attachments
        assert file.filename == "nova.png"
        card = card_in(file.data, "ccv3")
        assert card["data"]["description"] == "You paint."
        names = [each["chorus"]["name"] for each in card["data"]["extensions"]["chorus"]["workflows"]]
        assert names == ["broken", "default", "dozen", "slow"]
        given = Upload("nova.png", file.data)
        text = await told_soon(await flows.stranger.slash(flows.other_room, "character import", card=given))
        assert "Its workflow dozen was saved." in text
        [mine] = [each for each in services.characters.all(flows.elsewhere.id) if each.guild_id == flows.elsewhere.id]
        assert (mine.id, mine.name, mine.system_prompt, mine.role) == ("nova-2", "Nova", "You paint.", "painter")
        drawn = await flows.stranger.slash(
            flows.other_room, "imagine", prompt="a red door", character="nova-2", workflow="dozen"
        )
        await flows.other_room.wait_for_edit(drawn.message, lambda shown: len(shown.attachments) == 10)
        await system.until_delivered(1)
    assert flows.jobs("character_id, workflow_name") == [("nova-2", "dozen")]
