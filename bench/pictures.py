"""The bot's event loop while pictures of 4K are checked, made to fit and posted."""

from __future__ import annotations

from bench._house import Graph, node, open_system, picture, shows_result
from bench.report import Report

TITLE = "Pictures of 4K that are too large for the guild"
JOBS = 4
LIMIT = 2 * 1024 * 1024


async def run(report: Report) -> None:
    """Each is verified, thumbnailed and re-encoded in steps until it fits."""
    async with open_system({"default": _large()}, previews=False) as system:
        guild = system.discord.add_guild(attachment_limit=LIMIT)
        room, ada = guild.add_channel("studio"), guild.add_member("ada")
        async with system.bot() as bot:
            answers = [await ada.slash(room, "imagine", prompt=f"boat {n}") for n in range(JOBS)]
            for answer in answers:
                await room.wait_for_edit(answer.message, shows_result, timeout=280)
        sizes = [file.size for answer in answers for file in answer.message.attachments]
    report.measured(
        "event-loop stall p99.9 above control", bot.stalls.p999_above_control, "ms", at_most=20, note=bot.stalls.note
    )
    note = f"{JOBS} pictures, limit {LIMIT / 1e6:.1f} MB"
    report.measured("largest file posted", max(sizes) / 1e6, "MB", at_most=LIMIT / 1e6, note=note)


def _large() -> Graph:
    graph = picture(side=512)
    graph["8"] = node("ImageScale", image=["6", 0], upscale_method="lanczos", width=3840, height=2160, crop="disabled")
    graph["7"]["inputs"]["images"] = ["8", 0]
    return graph
