"""POST /prompt: replies lost, refused, half accepted; and never a prompt twice."""

from __future__ import annotations

import asyncio
import json
import socket
import uuid
from typing import Any

import pytest

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import (
    ComfyConnectionError,
    ComfyError,
    MissingModelFile,
    MissingNodeType,
    NodeErrors,
    NotApiFormat,
    NotSubmitted,
    PromptRejected,
    ServerTooOld,
    SubmissionUncertain,
    UnexpectedReply,
)
from bot.comfyui.models import Lost, Started, Succeeded
from tests.comfyui.conftest import HASTE
from tests.comfyui.peer import GRAPH, Peer


async def test_our_id_our_client_and_our_extra_data(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    submission = await client.submit(prompt_id, GRAPH, extra_data={"preview_method": "auto"})
    assert peer.posts == [
        {
            "prompt": GRAPH,
            "prompt_id": prompt_id,
            "client_id": client.client_id,
            "extra_data": {"preview_method": "auto"},
        }
    ]
    assert submission.client_id == peer.client_ids[-1]
    assert (submission.number, submission.node_errors, submission.recovered) == (7, (), False)


async def test_a_lost_reply_is_asked_about_and_not_repeated(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    peer.drop_posts = ["after"]
    submission = await client.submit(prompt_id, GRAPH)
    assert submission.recovered
    assert len(peer.posts) == 1
    assert peer.calls.index("GET /queue") > peer.calls.index("POST /prompt")


async def test_a_lost_reply_of_a_finished_prompt(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    """It went through the queue before we asked: the history knows it."""
    peer.drop_posts = ["after"]

    async def at_once() -> None:
        await peer.until(lambda: prompt_id in peer.pending)
        await peer.run(prompt_id)
        await peer.finish(prompt_id)

    with client.track(prompt_id) as tracking:
        racing = asyncio.create_task(at_once())
        submission = await client.submit(prompt_id, GRAPH)
        await racing
        async with asyncio.timeout(60):
            assert isinstance(await tracking.outcome(), Succeeded)
    assert submission.recovered
    assert len(peer.posts) == 1


async def test_a_request_that_broke_and_never_arrived_burns_its_id(
    peer: Peer, client: ComfyClient, prompt_id: str
) -> None:
    peer.drop_posts = ["before"]
    with client.track(prompt_id) as tracking, pytest.raises(NotSubmitted) as lost:
        await client.submit(prompt_id, GRAPH)
    assert lost.value.sent
    assert len(peer.posts) == 1
    assert tracking.ended
    again = str(uuid.uuid4())
    assert (await client.submit(again, GRAPH)).prompt_id == again


async def test_nobody_can_be_asked(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    peer.drop_posts = ["after"]

    async def vanish() -> None:
        await peer.until(lambda: peer.posts)
        await peer.stop()

    with client.track(prompt_id) as tracking:
        leaving = asyncio.create_task(vanish())
        with pytest.raises((SubmissionUncertain, NotSubmitted)) as unsure:
            await client.submit(prompt_id, GRAPH)
        await leaving
        assert unsure.value.sent
        await peer.start()
        async with asyncio.timeout(60):
            assert await tracking.outcome() == Lost()
    assert len(peer.posts) == 1


async def test_refused_connections_are_tried_three_times(prompt_id: str) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        async with ComfyClient(f"127.0.0.1:{reserved.getsockname()[1]}", HASTE) as client:
            with pytest.raises(NotSubmitted) as refused:
                await client.submit(prompt_id, GRAPH)
            assert not refused.value.sent
            assert not client.connected


async def test_a_server_that_comes_back_between_the_tries(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    await peer.stop()
    refused = asyncio.Event()

    async def come_back() -> None:
        await refused.wait()
        await peer.start()

    coming = asyncio.create_task(come_back())
    with pytest.raises(ComfyConnectionError):
        await client.queue()
    refused.set()
    await coming
    submission = await client.submit(prompt_id, GRAPH)
    assert submission.prompt_id == prompt_id
    assert len(peer.posts) == 1


PARTIAL: dict[str, Any] = {
    "3": {
        "errors": [
            {
                "type": "required_input_missing",
                "message": "Required input is missing",
                "details": "filename_prefix",
                "extra_info": {"input_name": "filename_prefix"},
            }
        ],
        "dependent_outputs": ["3"],
        "class_type": "SaveImage",
    }
}


async def test_accepted_in_part(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    peer.node_errors = PARTIAL
    with client.track(prompt_id) as tracking:
        submission = await client.submit(prompt_id, GRAPH)
        assert [(one.node_id, one.input_name, one.type) for one in submission.node_errors] == [
            ("3", "filename_prefix", "required_input_missing")
        ]
        await peer.run(prompt_id)
        await peer.finish(prompt_id)
        async with asyncio.timeout(60):
            outcome = await tracking.outcome()
    assert isinstance(outcome, Succeeded)
    assert outcome.node_errors == submission.node_errors


async def test_events_before_the_reply(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    """Start to success, all before POST /prompt is answered; and what the answer says is not lost."""
    peer.node_errors, peer.hold = PARTIAL, asyncio.Event()
    with client.track(prompt_id) as tracking:
        submitting = asyncio.create_task(client.submit(prompt_id, GRAPH))
        await peer.until(lambda: prompt_id in peer.pending)
        await peer.run(prompt_id)
        await peer.finish(prompt_id)
        async with asyncio.timeout(60):
            assert await anext(tracking) == Started()
            peer.hold.set()
            await submitting
            outcome = await tracking.outcome()
    assert isinstance(outcome, Succeeded)
    assert [one.input_name for one in outcome.node_errors] == ["filename_prefix"]


def refusal(kind: str, node_errors: object = None, **extra: object) -> bytes:
    error = {"type": kind, "message": f"it is {kind}", "details": "", "extra_info": extra}
    return json.dumps({"error": error, "node_errors": node_errors or {}}).encode()


def fault(
    kind: str, name: str, received: object, config: object = None, class_type: str = "LoraLoader"
) -> dict[str, object]:
    extra = {"input_name": name, "received_value": received, "input_config": config}
    return {
        "4": {
            "errors": [{"type": kind, "message": "m", "details": "d", "extra_info": extra}],
            "class_type": class_type,
        }
    }


@pytest.mark.parametrize(
    ("status", "body", "kind", "error"),
    [
        (400, refusal("prompt_no_outputs"), "application/json", PromptRejected),
        (400, refusal("invalid_prompt_id"), "application/json", PromptRejected),
        (400, refusal("missing_node_type", class_type=None, node_id="1"), "application/json", MissingNodeType),
        (
            400,
            refusal("x", fault("value_not_in_list", "lora_name", "a.safetensors", ["COMBO", {"options": ["b"]}])),
            "application/json",
            MissingModelFile,
        ),
        (
            400,
            refusal("x", fault("value_not_in_list", "sampler_name", "eulr", class_type="KSampler")),
            "application/json",
            NodeErrors,
        ),
        (400, refusal("x", fault("value_bigger_than_max", "seed", 2**65)), "application/json", NodeErrors),
        (400, b'{"error": "words only"}', "application/json", PromptRejected),
        (500, b"500 Internal Server Error", "text/plain", NotApiFormat),
        (413, b"", "text/plain", PromptRejected),
        (403, b"", "text/plain", UnexpectedReply),
        (200, b"<html>please log in</html>", "text/html", UnexpectedReply),
        (200, b"[]", "application/json", UnexpectedReply),
    ],
)
async def test_refusals(
    peer: Peer, client: ComfyClient, prompt_id: str, *, status: int, body: bytes, kind: str, error: type[ComfyError]
) -> None:
    peer.answer = (status, body, kind)
    with client.track(prompt_id) as tracking, pytest.raises(error) as refused:
        await client.submit(prompt_id, GRAPH)
    assert type(refused.value) is error
    assert tracking.ended
    assert len(peer.posts) == 1


async def test_both_dialects_of_choices(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    body = refusal("x", fault("value_not_in_list", "lora_name", "a.pt", ["COMBO", {"options": ["b.pt"]}]))
    peer.answer = (400, body, "application/json")
    with pytest.raises(MissingModelFile) as refused:
        await client.submit(prompt_id, GRAPH)
    assert refused.value.options == ("b.pt",)


async def test_a_gateway_error_may_have_arrived(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    peer.answer = (504, b"", "text/plain")
    with pytest.raises(NotSubmitted) as lost:
        await client.submit(prompt_id, GRAPH)
    assert lost.value.sent
    assert len(peer.posts) == 1


async def test_a_server_that_makes_its_own_ids(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    peer.own_ids, peer.version = True, "0.3.40"
    with pytest.raises(ServerTooOld):
        await client.submit(prompt_id, GRAPH)
    assert not peer.pending
