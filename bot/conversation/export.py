"""A conversation as a Markdown file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.conversation.sanitizing import speaker_name
from bot.domain.conversations import ChatRole, Conversation, Message


def as_markdown(conversation: Conversation, history: Sequence[Message], names: Mapping[str, str]) -> str:
    """Return the title, then each message with its author and time (UTC).

    Of a turn with several alternatives only the shown one is written.

    Args:
        conversation: The conversation.
        history: Its messages, oldest first.
        names: Character id -> name.
    """
    lines = [f"# {conversation.title}", "", f"Begun {conversation.created_at:%Y-%m-%d %H:%M} UTC.", ""]
    for message in history:
        if not message.text.strip():
            continue
        if message.role is ChatRole.ASSISTANT:
            author = names.get(message.character_id or "", message.character_id or "Character")
        else:
            author = speaker_name(message.author_name)
        lines += [f"**{author}** ({message.created_at:%Y-%m-%d %H:%M})", "", message.text.strip(), ""]
    return "\n".join(lines)


@dataclass(frozen=True)
class ExportFile:
    """An export as it is sent.

    Attributes:
        name: With its suffix, `.md` or `.zip`.
        data: The file.
        note: A sentence for the person about what was changed; None: nothing.

    """

    name: str
    data: bytes
    note: str | None = None


def export_file(text: str, name: str, limit: int) -> ExportFile:
    """Return an export in at most `limit` bytes. Blocking: packing takes about 0.1 s for each 10 MB.

    A text that is larger is packed as a ZIP file. Where that is still too large, the oldest part is left out.
    """
    data = text.encode()
    if len(data) <= limit:
        return ExportFile(f"{name}.md", data)
    packed = _packed(f"{name}.md", data)
    note = "Packed, because it is too large to be sent as it is."
    while len(packed) > limit:
        # By the ratio that was reached; a little less, because the ratio of the rest may be worse.
        data = data[-max(1, int(len(data) * limit / len(packed) * 0.9)) :]
        data = data.decode(errors="ignore").partition("\n")[2].encode()
        packed = _packed(f"{name}.md", data)
        note = "Packed and without its oldest messages, because it is too large to be sent whole."
    return ExportFile(f"{name}.zip", packed, note)


def _packed(name: str, data: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return target.getvalue()
