"""Checks of `chorus doctor`: this machine (data folder, ffmpeg, the demo's voice)."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from collections.abc import AsyncGenerator, Iterator

from bot.diagnostics.check_result import CheckResult, broken, note, ok
from bot.errors import ChorusError
from bot.services.ffmpeg import configured_ffmpeg
from bot.settings import Settings

DATA, ENCODERS, VOICE = "Data", "Encoders", "Demo voice"
LITTLE_SPACE = 2 * 10**9
"""Bytes of free space below which a note is made."""
REQUIRED_ENCODERS = {"libopus": "voice messages", "libmp3lame": "MP3 attachments"}


def check_data(settings: Settings) -> Iterator[CheckResult]:
    """Check that files can be written to the data folder, and how much space is free. Blocking."""
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


async def check_encoders(settings: Settings) -> AsyncGenerator[CheckResult]:
    """Check that ffmpeg runs and has the encoders that are needed."""
    listed: list[bytes] = []
    try:
        await configured_ffmpeg(settings).run(["-hide_banner", "-encoders"], on_output=listed.append)
    except (ChorusError, OSError):
        yield broken(ENCODERS, "ffmpeg does not run", "Run `make setup` again, or set `voice.ffmpeg` to one that does.")
        return
    names = {
        line.split()[1] for line in b"".join(listed).decode(errors="replace").splitlines() if len(line.split()) > 1
    }
    missing = {name: use for name, use in REQUIRED_ENCODERS.items() if name not in names}
    for name, use in missing.items():
        yield broken(
            ENCODERS, f"ffmpeg has no {name}, which {use} need", "Leave `voice.ffmpeg` out to use the one we bring."
        )
    if not missing:
        yield ok(ENCODERS, f"ffmpeg runs, with {' and '.join(REQUIRED_ENCODERS)}")


def check_demo_voice() -> Iterator[CheckResult]:
    """Check that the extra is installed by which the demo's ComfyUI can speak."""
    if importlib.util.find_spec("espeakng_loader") is None:
        yield note(
            VOICE, "the demo's stand-in voice is not installed", 'Only for `chorus demo`: install the extra "sandbox".'
        )
    else:
        yield ok(VOICE, "the stand-in voice of `chorus demo` is installed")
