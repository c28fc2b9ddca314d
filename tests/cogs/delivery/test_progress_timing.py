from __future__ import annotations

import pytest

from bot.domain.job_updates import JobUpdate, Progress, Waiting
from cogs.delivery.progress_editor import ends_within
from tests.cogs.delivery.test_progress import RecordingMessage, progress_editor


def running(fraction: float | None, *, elapsed: float, left: float | None = None) -> Progress:
    return Progress(fraction=fraction, node_title="KSampler", elapsed_seconds=elapsed, remaining_seconds=left)


@pytest.mark.parametrize(
    ("update", "age", "over"),
    [
        (running(0.5, elapsed=10), 0, False),
        (running(0.9, elapsed=9), 0, True),
        (running(1.0, elapsed=9), 0, True),
        (running(None, elapsed=9), 0, False),
        # History and speed know better than the nodes that are done.
        (running(0.3, elapsed=9.5, left=0.5), 0, True),
        (running(0.9, elapsed=1, left=9), 0, False),
        (running(0.9, elapsed=1, left=9), 8, True),
        # What was known a while ago is nearer now.
        (running(0.5, elapsed=2), 1, True),
        (Waiting(position=1, expected_seconds=1), 0, True),
        (Waiting(position=1, expected_seconds=9), 0, False),
        (Waiting(position=2, expected_seconds=1), 0, False),
        (Waiting(position=1), 0, False),
        # It does not go on, and people should know.
        (running(0.9, elapsed=9).model_copy(update={"reason": "ComfyUI is away"}), 0, False),
    ],
)
def test_what_is_over_soon_is_not_worth_an_edit(update: JobUpdate, age: float, over: bool) -> None:
    assert ends_within(update, 1.5, age) is over


async def test_a_job_that_takes_longer_than_history_says_is_shown() -> None:
    message = RecordingMessage()
    async with progress_editor(message) as editor:
        editor.put(running(0.3, elapsed=90))
        await message.tried(1)
    assert "30 %" in message.shown[0]
