"""WebSockets that are deaf, dropped or absent, and servers that restart."""

from __future__ import annotations

import uuid

from bot.comfyui.client import ComfyClient
from bot.comfyui.models import (
    Lost,
    NodeStarted,
    PreviewFrame,
    Queued,
    Started,
    Stepped,
    Succeeded,
)
from bot.comfyui.options import ClientOptions
from tests.comfyui.conftest import HASTE, PATIENT
from tests.comfyui.following import ending, first
from tests.comfyui.peer import GRAPH, Peer, image

# -- deaf, dropped, absent sockets


async def test_a_deaf_socket_is_found_out_and_replaced(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    """It stays open and answers pings, and not one more frame comes; the prompt ends unheard."""
    peer.deaf = {1}
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await peer.connections(2)
        assert peer.client_ids[1] == peer.client_ids[0], "the running prompt's events go to that id"
        await peer.preview(prompt_id)
        assert isinstance(await first(tracking, PreviewFrame), PreviewFrame)
        await peer.finish(prompt_id)
        assert isinstance(await ending(tracking), Succeeded)


async def test_a_prompt_that_ends_on_a_deaf_socket(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    peer.deaf = {1}
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await peer.finish(prompt_id)
        assert isinstance(await ending(tracking), Succeeded)
    await peer.connections(2)


async def test_deaf_again_and_again(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    """The id is kept while the prompt needs it; asking finds the end; the next prompt gets a fresh id."""
    peer.deaf = set(range(1, 99))
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await peer.connections(3)
        assert len(set(peer.client_ids)) == 1
        await peer.finish(prompt_id)
        assert isinstance(await ending(tracking), Succeeded)
    peer.deaf.clear()
    again = str(uuid.uuid4())
    with client.track(again) as tracking:
        submission = await client.submit(again, GRAPH)
        assert submission.client_id not in peer.client_ids[:3]
        await peer.run(again)
        await peer.finish(again)
        assert isinstance(await ending(tracking), Succeeded)


async def test_a_dropped_socket_in_mid_job(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await first(tracking, Started)
        peer.greet_running = "2"
        await peer.drop_sockets()
        await peer.connections(2)
        assert peer.client_ids[0] == peer.client_ids[1]
        assert await first(tracking, NodeStarted) == NodeStarted("2")
        await peer.send(prompt_id, "progress", node="2", value=1, max=2)
        assert await first(tracking, Stepped) == Stepped("2", 1, 2)
        await peer.finish(prompt_id)
        outcome = await ending(tracking)
    assert isinstance(outcome, Succeeded)
    assert [file.filename for file in outcome.files] == ["x_1.png"]


async def test_what_ended_while_the_socket_was_away(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    """Nothing is replayed: the outputs heard before the gap are not taken for all of them."""
    outputs = {"2": {"images": [image("a.png")]}, "3": {"images": [image("b.png")]}}
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await peer.send(prompt_id, "executed", node="2", output=outputs["2"])
        await peer.finish(prompt_id, outputs, say=False)
        await peer.drop_sockets()
        outcome = await ending(tracking)
    assert isinstance(outcome, Succeeded)
    assert [file.filename for file in outcome.files] == ["a.png", "b.png"]


async def test_a_gap_in_the_middle_makes_the_history_speak(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    """One output was told before the gap and one within it; the success comes after."""
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await peer.send(prompt_id, "executed", node="2", output={"images": [image("a.png")]})
        await peer.send(prompt_id, "executing", node="3")
        await first(tracking, NodeStarted)
        await peer.drop_sockets()
        await peer.connections(2)
        outputs = {"2": {"images": [image("a.png")]}, "3": {"images": [image("b.png")]}}
        await peer.finish(prompt_id, outputs, say=False)
        await peer.send_to(client.client_id, prompt_id, "execution_success", timestamp=3500)
        outcome = await ending(tracking)
    assert isinstance(outcome, Succeeded)
    assert [file.filename for file in outcome.files] == ["a.png", "b.png"]


async def test_a_socket_that_is_back_asks_at_once(peer: Peer, prompt_id: str) -> None:
    async with ComfyClient(peer.url, PATIENT) as client:
        await peer.connections(1)
        with client.track(prompt_id) as tracking:
            await client.submit(prompt_id, GRAPH)
            await peer.run(prompt_id)
            await first(tracking, Started)
            await peer.finish(prompt_id, say=False)
            await peer.drop_sockets()
            assert isinstance(await ending(tracking), Succeeded)


async def test_no_websocket_at_all(peer: Peer, prompt_id: str) -> None:
    peer.websocket = False
    async with ComfyClient(peer.url, HASTE) as client:
        with client.track(prompt_id) as tracking:
            await client.submit(prompt_id, GRAPH)
            assert await first(tracking, Queued) == Queued(1)
            await peer.run(prompt_id)
            assert await first(tracking, Started) == Started()
            assert tracking.started_at is not None
            await peer.finish(prompt_id)
            assert isinstance(await ending(tracking), Succeeded)
        assert not client.connected
    assert "GET /history" not in peer.calls, "the whole history is never asked for"


def test_polling_slows_down() -> None:
    patient = ClientOptions()
    assert [patient.poll_interval(seconds) for seconds in (0, 29.9, 30, 59.9, 60, 1e4)] == [2, 2, 5, 5, 10, 10]


async def test_the_server_restarts_in_mid_job(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await first(tracking, Started)
        await peer.stop()
        await peer.start()
        assert await ending(tracking) == Lost()


async def test_slow_loads_with_silence(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    """Silence alone ends nothing, however often the watchdog looks; what comes after it is heard."""
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await peer.connections(3)  # looked into twice
        assert not tracking.ended
        await peer.send(prompt_id, "progress", node="1", value=1, max=2)
        await peer.finish(prompt_id)
        assert isinstance(await ending(tracking), Succeeded)


async def test_the_watchdog_grows_patient(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        before = tracking.patience
        await peer.connections(2)
        await peer.until(lambda: tracking.patience > before)
        assert tracking.patience >= 2 * HASTE.watchdog_silence
