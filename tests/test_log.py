from __future__ import annotations

import io
import logging
import warnings
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from bot.errors import ConfigError
from bot.language_model.client import LanguageModel
from bot.log import REDACTED, make_redactor, open_log
from bot.settings import Settings, default_settings

# Of a token's form, made up for this test.
TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAw" + ".GaBcDe." + "x" * 38


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def settings_in(folder: Path, **logging_keys: object) -> Settings:
    settings = default_settings(folder, {"logging": logging_keys})
    return settings.model_copy(
        update={"discord_token": SecretStr("not-a-token-form"), "llm_api_key": SecretStr("k3y!")}
    )


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_secrets_reach_neither_terminal_nor_file(tmp_path: Path, stream: type[io.StringIO]) -> None:
    output = stream()
    log = logging.getLogger("bot.test")
    with open_log(settings_in(tmp_path), stream=output):
        log.info("token %s and %s", "not-a-token-form", TOKEN)
        try:
            {}["key k3y! in a traceback"]
        except KeyError:
            log.exception("failed")
        log.info("POST /webhooks/123456789012345678/%s?wait=true", "A" * 68)
    written = (tmp_path / "data" / "logs" / "chorus.log").read_text("utf-8")
    for text in (output.getvalue(), written):
        assert "failed" in text
        assert "hidden" in text
        for secret in ("not-a-token-form", "k3y!", TOKEN, "A" * 68):
            assert secret not in text
    assert "webhooks/123456789012345678/" + REDACTED in written


def test_what_is_not_text_is_logged_with_a_question_mark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = set(logging.getLogger().handlers)
    with open_log(settings_in(tmp_path), stream=io.StringIO()):
        # Without pytest's own handlers, whose records cannot leave a worker process with such a text.
        for handler in set(logging.getLogger().handlers) - before:
            handler.handle(logging.LogRecord("bot", logging.INFO, "", 1, "cannot read %s", ("bo\udcffat.json",), None))
    assert "cannot read bo?at.json" in (tmp_path / "data" / "logs" / "chorus.log").read_text("utf-8")
    assert capsys.readouterr().err == ""


def test_everything_is_put_back(tmp_path: Path) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logging.getLogger("discord").level)
    with open_log(settings_in(tmp_path), stream=io.StringIO()):
        assert root.handlers != before[1]
    assert (root.level, list(root.handlers), logging.getLogger("discord").level) == before


@pytest.mark.setting("logging.level")
def test_less_important_lines_are_not_logged(tmp_path: Path) -> None:
    output = io.StringIO()
    with open_log(settings_in(tmp_path, level="WARNING"), stream=output):
        logging.getLogger("bot.x").info("a job was done")
        logging.getLogger("bot.x").warning("the disk is full")
    for text in (output.getvalue(), (tmp_path / "data" / "logs" / "chorus.log").read_text("utf-8")):
        assert "the disk is full" in text
        assert "a job was done" not in text


def test_discord_stays_tame_when_we_debug(tmp_path: Path) -> None:
    output = io.StringIO()
    with open_log(settings_in(tmp_path), debug=True, to_file=False, stream=output):
        logging.getLogger("bot.x").debug("ours")
        logging.getLogger("discord.gateway").debug("a heartbeat")
        logging.getLogger("discord.http").debug("a payload")
        logging.getLogger("discord.gateway").warning("a reconnect")
    assert "ours" in output.getvalue()
    assert "a reconnect" in output.getvalue()
    assert "a heartbeat" not in output.getvalue()
    assert "a payload" not in output.getvalue()
    assert not (tmp_path / "data").exists()


async def test_requests_to_the_language_model_are_not_logged(tmp_path: Path) -> None:
    async def models(_: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": []})

    app = web.Application()
    app.router.add_get("/v1/models", models)
    output = io.StringIO()
    with open_log(settings_in(tmp_path), to_file=False, stream=output):
        async with TestServer(app) as server, LanguageModel(str(server.make_url("/v1"))) as model:
            assert await model.list_models() == []
            logging.getLogger("bot.x").info("asked")
    written = output.getvalue()
    assert "asked" in written
    assert "HTTP Request" not in written


@pytest.mark.setting("logging.max_bytes", "logging.backups")
def test_the_file_rotates(tmp_path: Path) -> None:
    with open_log(settings_in(tmp_path, max_bytes=2000, backups=2), stream=io.StringIO()):
        for n in range(200):
            logging.getLogger("bot.x").info("line %d %s", n, "x" * 50)
    files = sorted(path.name for path in (tmp_path / "data" / "logs").iterdir())
    assert files == ["chorus.log", "chorus.log.1", "chorus.log.2"]


def test_warnings_are_logged(tmp_path: Path) -> None:
    output = io.StringIO()
    with warnings.catch_warnings(), open_log(settings_in(tmp_path), to_file=False, stream=output):
        warnings.simplefilter("always")
        warnings.warn("look out", UserWarning, stacklevel=1)
    assert "look out" in output.getvalue()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(ConfigError, match="log folder"), open_log(settings_in(tmp_path), stream=io.StringIO()):
        pass


def test_short_secrets_do_not_eat_words() -> None:
    assert make_redactor(["a", ""])("banana") == "banana"
    assert make_redactor(["abcd", "abcdef"])("xabcdefx") == f"x{REDACTED}x"
