"""POST /prompt: responses that are lost, refusals, partial acceptance; and no prompt is queued twice."""

from __future__ import annotations

import asyncio
import json
import socket
import uuid
from dataclasses import replace
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
    UnexpectedResponse,
)
from bot.comfyui.execution_updates import Started
from bot.comfyui.prompt_state import Lost, Succeeded
from tests.comfyui.client_options import FAST
from tests.comfyui.scripted_server import GRAPH, ScriptedComfyUI
from tests.comfyui.waiting import wait_for_outcome


async def test_our_id_our_client_and_our_extra_data(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    submission = await client.submit(prompt_id, GRAPH, extra_data={"preview_method": "auto"})
    assert server.submissions == [
        {
            "prompt": GRAPH,
            "prompt_id": prompt_id,
            "client_id": client.client_id,
            "extra_data": {"preview_method": "auto"},
        }
    ]
    assert submission.client_id == server.client_ids[-1]
    assert (submission.number, submission.node_errors, submission.recovered) == (7, (), False)


async def test_after_a_lost_response_the_server_is_asked_and_nothing_is_repeated(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    server.broken_submissions = ["after"]
    submission = await client.submit(prompt_id, GRAPH)
    assert submission.recovered
    assert len(server.submissions) == 1
    assert server.calls.index("GET /queue") > server.calls.index("POST /prompt")


async def test_a_lost_response_of_a_prompt_that_finished_meanwhile(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    """It has left the queue before the server is asked, so it is found in the history."""
    server.broken_submissions = ["after"]

    async def run_at_once() -> None:
        await server.wait_until(lambda: prompt_id in server.pending)
        await server.start_prompt(prompt_id)
        await server.finish_prompt(prompt_id)

    with client.track(prompt_id) as tracker:
        racing = asyncio.create_task(run_at_once())
        submission = await client.submit(prompt_id, GRAPH)
        await racing
        assert isinstance(await wait_for_outcome(tracker), Succeeded)
    assert submission.recovered
    assert len(server.submissions) == 1


async def test_the_id_of_a_request_that_broke_and_did_not_arrive_is_not_used_again(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    server.broken_submissions = ["before"]
    with client.track(prompt_id) as tracker, pytest.raises(NotSubmitted) as lost:
        await client.submit(prompt_id, GRAPH)
    assert lost.value.sent
    assert len(server.submissions) == 1
    assert tracker.ended
    again = str(uuid.uuid4())
    assert (await client.submit(again, GRAPH)).prompt_id == again


async def test_a_lost_response_of_a_server_that_cannot_be_asked_is_uncertain(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    server.broken_submissions = ["after, then closed"]
    with client.track(prompt_id) as tracker:
        with pytest.raises(SubmissionUncertain) as uncertain:
            await client.submit(prompt_id, GRAPH)
        assert uncertain.value.sent
        await server.stop()
        await server.start()
        assert await wait_for_outcome(tracker) == Lost()
    assert len(server.submissions) == 1


async def test_without_any_connection_nothing_was_sent(prompt_id: str) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        async with ComfyClient(f"127.0.0.1:{reserved.getsockname()[1]}", FAST) as client:
            with pytest.raises(NotSubmitted) as refused:
                await client.submit(prompt_id, GRAPH)
            assert not refused.value.sent
            assert not client.connected


async def test_a_server_that_comes_back_between_two_attempts(server: ScriptedComfyUI, prompt_id: str) -> None:
    async with ComfyClient(server.url, replace(FAST, retry_attempts=10)) as client:
        await server.stop()
        server.calls.clear()
        submitting = asyncio.create_task(client.submit(prompt_id, GRAPH))
        with pytest.raises(ComfyConnectionError):
            await client.queue()
        await server.start()
        assert (await submitting).prompt_id == prompt_id
    asked = [call for call in server.calls if call in {"GET /queue", "POST /prompt"}]
    assert asked == ["GET /queue", "POST /prompt"], "the server is asked for the prompt before it is sent again"


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


async def test_partial_acceptance(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    server.node_errors = PARTIAL
    with client.track(prompt_id) as tracker:
        submission = await client.submit(prompt_id, GRAPH)
        assert [(one.node_id, one.input_name, one.type) for one in submission.node_errors] == [
            ("3", "filename_prefix", "required_input_missing")
        ]
        await server.start_prompt(prompt_id)
        await server.finish_prompt(prompt_id)
        outcome = await wait_for_outcome(tracker)
    assert isinstance(outcome, Succeeded)
    assert outcome.node_errors == submission.node_errors


async def test_events_before_the_response(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    """Everything from start to success comes before POST /prompt is answered; its node errors are not lost."""
    server.node_errors, server.submission_gate = PARTIAL, asyncio.Event()
    with client.track(prompt_id) as tracker:
        submitting = asyncio.create_task(client.submit(prompt_id, GRAPH))
        await server.wait_until(lambda: prompt_id in server.pending)
        await server.start_prompt(prompt_id)
        await server.finish_prompt(prompt_id)
        async with asyncio.timeout(60):
            assert await anext(tracker) == Started()
            server.submission_gate.set()
            await submitting
            outcome = await tracker.outcome()
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
        (403, b"", "text/plain", UnexpectedResponse),
        (200, b"<html>please log in</html>", "text/html", UnexpectedResponse),
        (200, b"[]", "application/json", UnexpectedResponse),
    ],
)
async def test_refusals(
    server: ScriptedComfyUI,
    client: ComfyClient,
    prompt_id: str,
    *,
    status: int,
    body: bytes,
    kind: str,
    error: type[ComfyError],
) -> None:
    server.fixed_response = (status, body, kind)
    with client.track(prompt_id) as tracker, pytest.raises(error) as refused:
        await client.submit(prompt_id, GRAPH)
    assert type(refused.value) is error
    assert tracker.ended
    assert len(server.submissions) == 1


async def test_choices_of_newer_nodes_are_read(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    body = refusal("x", fault("value_not_in_list", "lora_name", "a.pt", ["COMBO", {"options": ["b.pt"]}]))
    server.fixed_response = (400, body, "application/json")
    with pytest.raises(MissingModelFile) as refused:
        await client.submit(prompt_id, GRAPH)
    assert refused.value.options == ("b.pt",)


async def test_a_request_that_a_gateway_answered_may_have_arrived(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    server.fixed_response = (504, b"", "text/plain")
    with pytest.raises(NotSubmitted) as lost:
        await client.submit(prompt_id, GRAPH)
    assert lost.value.sent
    assert len(server.submissions) == 1


async def test_a_server_that_makes_its_own_ids(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    server.chooses_ids, server.version = True, "0.3.40"
    with pytest.raises(ServerTooOld):
        await client.submit(prompt_id, GRAPH)
    assert not server.pending
