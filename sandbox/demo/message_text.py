"""What the demo reads from the bot's messages: progress, results and error codes."""

from __future__ import annotations

import re

from bot.errors import ERRORS_BY_CODE
from sandbox.discord import Message

_ERROR_CODE = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b|\bCANCELLED\b")


JOB_DIGEST = re.compile(r"\bjob ([0-9a-f]{12})\b")


def without_markdown(text: str) -> str:
    """The text without the Markdown of subtext, quotes, code and bold type, for the terminal."""
    lines = [re.sub(r"^(?:-# |> )", "", line).replace("`", "").replace("**", "") for line in text.splitlines()]
    return "\n".join(line for line in lines if line.strip())


def status_line(message: Message) -> str:
    """The progress that a message shows, in one line; empty if it shows none."""
    for embed in message.embeds:
        _, separator, status = str(embed.get("description", "")).partition("\n\n")
        if separator:
            preview = any(file.filename.startswith("preview") for file in message.attachments)
            line = " · ".join(without_markdown(status).splitlines())
            return f"{line} · with ComfyUI's preview picture" if preview else line
    return ""


def result_file_names(message: Message) -> list[str]:
    """The names of a message's result files, which contain the digest of its job; previews do not."""
    digest = JOB_DIGEST.search(message.text())
    return [file.filename for file in message.attachments if digest and digest.group(1) in file.filename]


def result_line(message: Message) -> str:
    """The number of files and the embed fields of a result, in one line."""
    fields = [f"{entry['name']}: {entry['value']}" for embed in message.embeds for entry in embed.get("fields", [])]
    count = len(message.attachments)
    return " · ".join([f"{count} file" if count == 1 else f"{count} files", *fields])


def error_code(message: Message) -> str | None:
    """The error code that a message shows, or None."""
    return next((code for code in _ERROR_CODE.findall(message.text()) if code in ERRORS_BY_CODE), None)
