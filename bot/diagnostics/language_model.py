"""Checks of `chorus doctor`: the language model's server."""

from __future__ import annotations

import difflib
from collections.abc import AsyncGenerator, Callable
from typing import Any, cast

import aiohttp

from bot.comfyui.transport import without_login
from bot.diagnostics.check_result import CheckResult, broken, note, ok
from bot.language_model.model_names import model_name
from bot.settings import Settings

AREA = "Language model"
TIMEOUT_SECONDS = 15


async def check_model(settings: Settings, *, is_for_owner: bool = True) -> AsyncGenerator[CheckResult]:
    """Check that the server answers `GET /models` and has the configured model.

    Args:
        settings: The configuration.
        is_for_owner: Models are named as the server names them. Some servers name them by their file's path on the
            host, of which others read the last part only.

    """
    llm, shown_url = settings.llm, without_login(settings.llm.url)
    headers = {"Authorization": f"Bearer {settings.llm_api_key.get_secret_value()}"} if settings.llm_api_key else {}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout, trust_env=True) as session,
            session.get(f"{llm.url}/models", raise_for_status=True) as response,
        ):
            body: Any = await response.json(content_type=None)
    except aiohttp.ClientResponseError as error:
        advice = (
            "Set LLM_API_KEY in .env." if error.status in {401, 403} else "Check `llm.base_url` and `llm.provider`."
        )
        yield broken(AREA, f"{shown_url} answers with HTTP {error.status}", advice)
        return
    except (aiohttp.ClientError, TimeoutError, ValueError):
        # Not broken: pictures and speech need no language model.
        advice = f"Characters draw and speak, but cannot talk: start {llm.provider}, or correct `llm.base_url`."
        yield note(AREA, f"{shown_url} cannot be reached", advice)
        return
    yield _check_model_name(settings, _model_names(body), (lambda name: name) if is_for_owner else model_name)


def _model_names(body: object) -> list[str]:
    data = cast("dict[str, Any]", body).get("data") if isinstance(body, dict) else None
    entries = cast("list[Any]", data) if isinstance(data, list) else []
    return [str(cast("dict[str, Any]", entry).get("id")) for entry in entries if isinstance(entry, dict)]


def _check_model_name(settings: Settings, names: list[str], shown: Callable[[str], str]) -> CheckResult:
    wanted = settings.llm.model
    where = f"{settings.llm.provider} at {without_login(settings.llm.url)}"
    if not names:
        return broken(AREA, f"{where} has no model", "Download or load one there.")
    if wanted is None:
        return note(AREA, f"{where}: {shown(names[0])} is used, the first of {len(names)}", "Name one in `llm.model`.")
    # Ollama lists `name:latest` for what people call `name`.
    if wanted in names or f"{wanted}:latest" in names:
        return ok(AREA, f"{where} has {shown(wanted)}")
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.3) or names[:3]
    known = ", ".join(map(shown, near))
    return broken(AREA, f"{where} has no {shown(wanted)}", f"Set `llm.model` to one it has: {known}.")
