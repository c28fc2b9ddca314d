"""Discord's limits: a request that exceeds one is refused with Discord's error code."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.discord import LocalDiscord
from sandbox.discord.rules_commands import is_name
from tests.discord_openapi import check_requests

Json = dict[str, Any]


def button(custom_id: str, **more: Any) -> Json:
    return {"type": 2, "style": 1, "label": "Go", "custom_id": custom_id} | more


def row(*components: Json) -> Json:
    return {"type": 1, "components": list(components)}


def text(content: str) -> Json:
    return {"type": 10, "content": content}


def select(options: int) -> Json:
    return {"type": 3, "custom_id": "s", "options": [{"label": f"{n}", "value": f"{n}"} for n in range(options)]}


V2 = 1 << 15
FIELD = {"name": "n", "value": "v"}
GALLERY = {"type": 12, "items": [{"media": {"url": "attachment://no.png"}}]}

BROKEN: dict[str, tuple[Json, int, str]] = {
    "empty": ({}, 50006, ""),
    "blank": ({"content": "  \n"}, 50006, ""),
    "content of 2001": ({"content": "x" * 2001}, 50035, "content"),
    "11 embeds": ({"embeds": [{"title": "x"}] * 11}, 50035, "embeds"),
    "title of 257": ({"embeds": [{"title": "x" * 257}]}, 50035, "embeds.0.title"),
    "description of 4097": ({"embeds": [{"description": "x" * 4097}]}, 50035, "embeds.0.description"),
    "26 fields": ({"embeds": [{"fields": [{"name": "n", "value": "v"}] * 26}]}, 50035, "embeds.0.fields"),
    "field name of 257": ({"embeds": [{"fields": [FIELD | {"name": "n" * 257}]}]}, 50035, "embeds.0.fields.0.name"),
    "empty field": ({"embeds": [{"fields": [{"name": "n", "value": ""}]}]}, 50035, "embeds.0.fields.0.value"),
    "footer of 2049": ({"embeds": [{"footer": {"text": "x" * 2049}}]}, 50035, "embeds.0.footer.text"),
    "6001 in all": ({"embeds": [{"description": "x" * 3001}, {"description": "x" * 3000}]}, 50035, "embeds"),
    "a dangling file in an embed": ({"embeds": [{"image": {"url": "attachment://no.png"}}]}, 50035, "embeds"),
    "a file that was not sent": ({"content": "x", "attachments": [{"id": 0}]}, 50035, "attachments.0.id"),
    "the same id twice": ({"content": "x", "components": [row(button("a"), button("a"))]}, 50035, "components"),
    "6 rows": ({"content": "x", "components": [row(button(f"{n}")) for n in range(6)]}, 50035, "components"),
    "6 buttons": (
        {"content": "x", "components": [row(*(button(f"{n}") for n in range(6)))]}, 50035, "components.0.components"
    ),
    "id of 101": ({"components": [row(button("x" * 101))]}, 50035, "components.0.components.0.custom_id"),
    "label of 81": (
        {"content": "x", "components": [row(button("a", label="x" * 81))]}, 50035, "components.0.components.0.label"
    ),
    "26 options": ({"content": "x", "components": [row(select(26))]}, 50035, "components.0.components.0.options"),
    "a select beside a button": (
        {"content": "x", "components": [row(select(1), button("a"))]}, 50035, "components.0.components"
    ),
    "a loose button": ({"content": "x", "components": [button("a")]}, 50035, "components.0"),
    "V2 without its flag": ({"components": [text("x")]}, 50035, "flags"),
    "V2 with content": ({"flags": V2, "content": "x", "components": [text("x")]}, 50035, "content"),
    "V2 with embeds": ({"flags": V2, "embeds": [{"title": "x"}], "components": [text("x")]}, 50035, "embeds"),
    "41 components": ({"flags": V2, "components": [text("x")] * 41}, 50035, "components"),
    "4001 shown": ({"flags": V2, "components": [text("x" * 2001), text("x" * 2000)]}, 50035, "components"),
    "a dangling file in a gallery": (
        {"flags": V2, "components": [GALLERY]}, 50035, "components"
    ),
    "an ephemeral channel message": ({"content": "x", "flags": 64}, 50035, "flags"),
    "nonce of 26": ({"content": "x", "nonce": "n" * 26, "enforce_nonce": True}, 50035, "nonce"),
    "users both parsed and listed": (
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, 50035, "allowed_mentions"
    ),
    "an unreadable shape": ({"embeds": ["text"]}, 50035, ""),
}  # fmt: skip


class RawClient:
    """Sends any request to the REST API."""

    def __init__(self, local: LocalDiscord, session: aiohttp.ClientSession) -> None:
        self._local = local
        self._session = session
        self.channel = local.add_guild().add_channel("lounge")

    async def send(self, method: str, path: str, body: Any) -> tuple[int, Json]:
        headers = {"Authorization": f"Bot {self._local.token}"}
        async with self._session.request(
            method, f"{self._local.url}/api/v10{path}", json=body, headers=headers
        ) as reply:
            return reply.status, await reply.json() if reply.status != 204 else {}


@pytest.fixture
async def local() -> AsyncIterator[LocalDiscord]:
    async with LocalDiscord() as discord:
        yield discord


@pytest.fixture
async def raw(local: LocalDiscord) -> AsyncIterator[RawClient]:
    async with aiohttp.ClientSession() as session:
        yield RawClient(local, session)


def branch(errors: Json, path: str) -> Json:
    node = errors
    for key in path.split("."):
        node = node[key]
    return node


@pytest.mark.parametrize("what", BROKEN)
async def test_a_broken_rule_is_refused_by_name(raw: RawClient, local: LocalDiscord, what: str) -> None:
    body, code, path = BROKEN[what]
    status, answer = await raw.send("POST", f"/channels/{raw.channel.id}/messages", body)
    assert (status, answer["code"]) == (400, code)
    if path:
        assert branch(answer["errors"], path)["_errors"][0]["message"]
    assert [violation.code for violation in local.violations] == [code]
    assert raw.channel.messages == []


FITTING: dict[str, Json] = {
    "content of 2000": {"content": "x" * 2000},
    "6000 in all": {"embeds": [{"description": "x" * 3000}, {"description": "x" * 3000}]},
    "25 buttons": {"content": "x", "components": [row(*(button(f"{r}{n}") for n in range(5))) for r in range(5)]},
    "25 options": {"content": "x", "components": [row(select(25))]},
    "40 components": {"flags": V2, "components": [text("x" * 100)] * 40},
    "a container": {
        "flags": V2,
        "components": [
            {"type": 17, "components": [{"type": 9, "components": [text("x")], "accessory": button("a")}, {"type": 14}]}
        ],
    },
    "nonce of 25": {"content": "x", "nonce": "n" * 25, "enforce_nonce": True},
}


@pytest.mark.parametrize("what", FITTING)
async def test_a_message_at_the_limits_is_accepted(raw: RawClient, local: LocalDiscord, what: str) -> None:
    status, answer = await raw.send("POST", f"/channels/{raw.channel.id}/messages", FITTING[what])
    assert (status, local.violations) == (200, []), answer
    assert check_requests(local.requests) == []
    assert len(raw.channel.messages) == 1


async def test_v2_stays_v2(raw: RawClient, local: LocalDiscord) -> None:
    path = f"/channels/{raw.channel.id}/messages"
    _, made = await raw.send("POST", path, {"flags": V2, "components": [text("x")]})
    assert (await raw.send("PATCH", f"{path}/{made['id']}", {"flags": 0}))[1]["code"] == 50035
    assert (await raw.send("PATCH", f"{path}/{made['id']}", {"content": "x"}))[1]["code"] == 50035
    assert (await raw.send("PATCH", f"{path}/{made['id']}", {"components": [text("y")]}))[0] == 200
    assert len(local.violations) == 2


async def test_eleven_files_are_too_many(raw: RawClient, local: LocalDiscord) -> None:
    form = aiohttp.FormData()
    form.add_field("payload_json", json.dumps({"content": "files"}), content_type="application/json")
    for number in range(11):
        form.add_field(f"files[{number}]", b"x", filename=f"{number}.txt")
    headers = {"Authorization": f"Bot {local.token}"}
    url = f"{local.url}/api/v10/channels/{raw.channel.id}/messages"
    async with aiohttp.ClientSession() as session, session.post(url, data=form, headers=headers) as reply:
        assert (reply.status, (await reply.json())["code"]) == (400, 50035)


def command(**changes: Any) -> Json:
    return {"name": "draw", "description": "Draw", "type": 1} | changes


def option(**changes: Any) -> Json:
    return {"type": 3, "name": "prompt", "description": "What"} | changes


COMMANDS: dict[str, list[Json]] = {
    "upper case": [command(name="Draw")],
    "a blank": [command(name="draw it")],
    "33 characters": [command(name="x" * 33)],
    "no description": [command(description="")],
    "description of 101": [command(description="x" * 101)],
    "26 options": [command(options=[option(name=f"o{n}") for n in range(26)])],
    "26 choices": [command(options=[option(choices=[{"name": f"{n}", "value": f"{n}"} for n in range(26)])])],
    "choice of 101": [command(options=[option(choices=[{"name": "x" * 101, "value": "x"}])])],
    "required after optional": [command(options=[option(name="a"), option(name="b", required=True)])],
    "the same option twice": [command(options=[option(), option()])],
    "choices and autocomplete": [command(options=[option(autocomplete=True, choices=[{"name": "a", "value": "a"}])])],
    "the same command twice": [command(), command()],
    "101 commands": [command(name=f"c{n}") for n in range(101)],
    "16 message commands": [{"name": f"Menu {n}", "type": 3} for n in range(16)],
    "8001 characters": [
        command(
            options=[
                option(name=f"o{n}", choices=[{"name": "n" * 100, "value": "v" * 100 + str(c)[:0]} for c in range(5)])
                for n in range(9)
            ]
        )
    ],
}


@pytest.mark.parametrize("what", COMMANDS)
async def test_a_command_that_breaks_a_rule_is_not_registered(raw: RawClient, local: LocalDiscord, what: str) -> None:
    status, answer = await raw.send("PUT", f"/applications/{local.bot.id}/commands", COMMANDS[what])
    assert (status, answer["code"]) == (400, 50035)
    assert local.commands == []


@pytest.mark.parametrize(
    ("name", "valid"),
    [("draw", True), ("zeichne-größe", True), ("描画", True), ("o'clock", True), ("a b", False), ("", False)],
)
def test_names_of_commands_in_every_script(name: str, valid: bool) -> None:
    assert is_name(name) is valid


async def test_commands_keep_their_id_when_they_are_synchronised_again(raw: RawClient, local: LocalDiscord) -> None:
    path = f"/applications/{local.bot.id}/commands"
    await raw.send("PUT", path, [command()])
    before = local.commands[0].id
    await raw.send("PUT", path, [command(description="Draw better"), command(name="speak")])
    assert [entry.id == before for entry in local.commands] == [True, False]


async def test_an_unknown_route_is_a_violation(raw: RawClient, local: LocalDiscord) -> None:
    assert (await raw.send("GET", "/channels/1/nonsense", None))[0] == 404
    assert [violation.code for violation in local.violations] == [0]


async def test_a_webhook_of_somebody_else_carries_no_components(raw: RawClient, local: LocalDiscord) -> None:
    hook = raw.channel.add_webhook("Bridge", local.context.state.owner)
    body = {"content": "hello", "components": [row(button("a"))]}
    status, answer = await raw.send("POST", f"/webhooks/{hook.id}/{hook.token}?wait=true", body)
    assert (status, answer["components"], answer.get("application_id")) == (200, [], None)


@pytest.mark.parametrize("name", ["Clyde", "my discord bot", "x" * 81, ""])
async def test_invalid_webhook_names(raw: RawClient, name: str) -> None:
    status, answer = await raw.send("POST", f"/channels/{raw.channel.id}/webhooks", {"name": name})
    assert (status, answer["code"]) == (400, 50035)
    assert raw.channel.webhooks == []


async def test_webhooks_send_no_voice_messages_and_no_replies(raw: RawClient, local: LocalDiscord) -> None:
    hook = raw.channel.add_webhook("Nova", local.bot)
    for body in ({"content": "x", "flags": 8192}, {"content": "x", "message_reference": {"message_id": "1"}}):
        status, answer = await raw.send("POST", f"/webhooks/{hook.id}/{hook.token}", body)
        assert (status, answer["code"]) == (400, 50035)
