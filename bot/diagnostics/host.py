"""`chorus doctor`: this machine (data folder, encoders, voice) and the language model's server."""

from __future__ import annotations

import difflib
import importlib.util
import shutil
import tempfile
from collections.abc import AsyncGenerator, Iterator
from typing import Any, cast

import aiohttp

from bot.diagnostics.findings import Finding, broken, note, ok
from bot.errors import ChorusError
from bot.services.ffmpeg import configured_ffmpeg
from bot.settings import Settings

DATA, ENCODERS, MODEL, VOICE = "Data", "Encoders", "Language model", "Voice"
LITTLE_SPACE = 2 * 10**9
NEEDED_ENCODERS = {"libopus": "voice messages", "libmp3lame": "MP3 attachments"}


def check_data(settings: Settings) -> Iterator[Finding]:
    """Whether files can be written there, and how much room is left. Blocking."""
    folder = settings.storage.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"chorus")
        free = shutil.disk_usage(folder).free
    except OSError as error:
        reason = (error.strerror or "error").lower()
        yield broken(
            DATA, f"{folder} cannot be written to ({reason})", "Correct its permissions or `storage.data_dir`."
        )
        return
    if free < LITTLE_SPACE:
        yield note(DATA, f"{folder}: only {free / 1e9:.1f} GB free", "Make room; pictures and speech are kept there.")
    else:
        yield ok(DATA, f"{folder}: writable, {free / 1e9:.0f} GB free")


async def check_encoders(settings: Settings) -> AsyncGenerator[Finding]:
    """Runs ffmpeg once and looks through its encoders."""
    listed: list[bytes] = []
    try:
        await configured_ffmpeg(settings).run(["-hide_banner", "-encoders"], on_output=listed.append)
    except (ChorusError, OSError):
        yield broken(ENCODERS, "ffmpeg does not run", "Run `make setup` again, or set `voice.ffmpeg` to one that does.")
        return
    names = {
        line.split()[1] for line in b"".join(listed).decode(errors="replace").splitlines() if len(line.split()) > 1
    }
    missing = {name: use for name, use in NEEDED_ENCODERS.items() if name not in names}
    for name, use in missing.items():
        yield broken(
            ENCODERS, f"ffmpeg has no {name}, which {use} need", "Leave `voice.ffmpeg` out to use the one we bring."
        )
    if not missing:
        yield ok(ENCODERS, f"ffmpeg runs, with {' and '.join(NEEDED_ENCODERS)}")


def check_voice() -> Iterator[Finding]:
    """The extra that gives the demo's stand-in its voice."""
    if importlib.util.find_spec("espeakng_loader") is None:
        yield note(
            VOICE, "the demo's stand-in voice is not installed", 'Only for `chorus demo`: install the extra "sandbox".'
        )
    else:
        yield ok(VOICE, "the demo's stand-in voice is installed")


async def check_model(settings: Settings) -> AsyncGenerator[Finding]:
    """Whether the server answers `GET /models` and has the configured model."""
    llm = settings.llm
    headers = {"Authorization": f"Bearer {settings.llm_api_key.get_secret_value()}"} if settings.llm_api_key else {}
    timeout = aiohttp.ClientTimeout(total=15)
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
        yield broken(MODEL, f"{llm.url} answers with HTTP {error.status}", advice)
        return
    except (aiohttp.ClientError, TimeoutError, ValueError):
        # Not broken: pictures and speech need no language model.
        advice = f"Characters draw and speak, but cannot talk: start {llm.provider}, or correct `llm.base_url`."
        yield note(MODEL, f"{llm.url} cannot be reached", advice)
        return
    yield _has_model(settings, _model_names(body))


def _model_names(body: object) -> list[str]:
    data = cast("dict[str, Any]", body).get("data") if isinstance(body, dict) else None
    entries = cast("list[Any]", data) if isinstance(data, list) else []
    return [str(cast("dict[str, Any]", entry).get("id")) for entry in entries if isinstance(entry, dict)]


def _has_model(settings: Settings, names: list[str]) -> Finding:
    wanted = settings.llm.model
    where = f"{settings.llm.provider} at {settings.llm.url}"
    if not names:
        return broken(MODEL, f"{where} has no model", "Download or load one there.")
    if wanted is None:
        return note(MODEL, f"{where}: {names[0]} is used, the first of {len(names)}", "Name one in `llm.model`.")
    # Ollama lists `name:latest` for what people call `name`.
    if wanted in names or f"{wanted}:latest" in names:
        return ok(MODEL, f"{where} has {wanted}")
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.3) or names[:3]
    return broken(MODEL, f"{where} has no {wanted}", f"Set `llm.model` to one it has: {', '.join(near)}.")
