from __future__ import annotations

import pytest

from bot.domain.job_updates import Progress, Waiting
from bot.domain.jobs import JobState
from cogs.ui.embeds import failed_embed, footer, progress_embed, result_embed
from cogs.ui.progress import bar, progress_card
from cogs.ui.text import EMBED_DESCRIPTION, EMBED_TITLE, EMBED_TOTAL, clip, plain, quote_prompt, seconds
from tests.cogs.factories import a_failed_job, a_job, a_picture, a_request

HOSTILE = [
    "x" * 4000,
    "*" * 4000,
    "😀" * 2000,
    "مرحبا " * 600,
    "@everyone <@123> <@&456> " * 150,
    "```\n" * 1000,
    "\n" * 3999 + "end",
    "__CHORUS_PROMPT__ {{PROMPT}} %prompt%",
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_every_embed_of_a_job_stays_within_discords_limits(text: str) -> None:
    request = a_request(positive=text)
    artifacts = tuple(a_picture(f"images/{n}.png", width=512 + n) for n in range(40))
    done = a_job(request, artifacts=artifacts, workflow_name="w" * 200, execution_seconds=12.3, note="n" * 5000)
    for embed in (
        progress_embed(done, "N" * 300, "s" * 5000, preview="preview.jpg"),
        result_embed(done, "N" * 300, notes=["m" * 3000, "k" * 3000]),
        failed_embed(done, a_failed_job().error),  # pyright: ignore[reportArgumentType]
    ):
        assert len(embed) <= EMBED_TOTAL
        assert len(embed.title or "") <= EMBED_TITLE
        assert len(embed.description or "") <= EMBED_DESCRIPTION
        assert all(field.name and field.value and len(field.value) <= 1024 for field in embed.fields)
        assert len(plain(embed)) <= 2000


def test_a_result_names_prompt_workflow_seed_size_and_time() -> None:
    job = a_job(
        state=JobState.GENERATED,
        artifacts=(a_picture("a.png"), a_picture("b.png")),
        execution_seconds=3.21,
        seed=18446744073709551615,
    )
    embed = result_embed(job, "Nova", notes=["Posted as WebP."])
    fields = {field.name: field.value for field in embed.fields}
    assert embed.title == "Nova"
    assert "a lighthouse at dusk" in (embed.description or "")
    assert "Posted as WebP." in (embed.description or "")
    assert fields == {"Workflow": "default", "Seed": "18446744073709551615", "Size": "2 of 512 x 768", "Time": "3.2 s"}
    assert embed.footer.text == footer(job)


def test_mentions_and_markdown_of_the_prompt_are_harmless() -> None:
    shown = quote_prompt("@everyone **bold** <@123456789012345678> ||spoiler||")
    assert "@everyone" not in shown
    assert "<@123456789012345678>" not in shown
    assert "**bold**" not in shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (125, "2 min 5 s"), (3600, "1 h"), (3780, "1 h 3 min")],
)
def test_seconds_are_read_at_a_glance(value: float, shown: str) -> None:
    assert seconds(value) == shown


def test_a_clipped_text_is_never_longer_than_its_limit() -> None:
    assert clip("abc", 3) == "abc"
    assert len(clip("a" * 100, 10)) == 10
    assert clip("a" * 100, 10).endswith("…")


@pytest.mark.parametrize(
    ("fraction", "percent"), [(-1.0, "0 %"), (0.0, "0 %"), (0.429, "42 %"), (1.0, "100 %"), (7.0, "100 %")]
)
def test_the_bar_holds_any_fraction(fraction: float, percent: str) -> None:
    assert bar(fraction).endswith(f" {percent}")
    assert len(bar(fraction)) == len(bar(0.5)) + len(percent) - len("50 %")


def test_the_clock_alone_is_no_change_but_everything_else_is() -> None:
    job = a_job()

    def key(**changes: object) -> tuple[object, ...]:
        given: dict[str, object] = {"fraction": 0.5, "node_title": "KSampler", "elapsed_seconds": 3.0}
        return progress_card(job, "Nova", Progress.model_validate(given | changes)).key

    assert key() == key(elapsed_seconds=9.0)
    assert key() != key(fraction=0.6)
    assert key() != key(node_title="VAE Decode")
    assert key() != key(preview=b"\xff\xd8one")
    assert key(preview=b"\xff\xd8one") != key(preview=b"\xff\xd8two")


def test_waiting_tells_place_time_and_reason() -> None:
    card = progress_card(a_job(), "Nova", Waiting(position=3, expected_seconds=125, reason="ComfyUI is away"))
    text = card.embed.description or ""
    assert "Place 3 in the queue" in text
    assert "about 2 min 5 s" in text
    assert "ComfyUI is away" in text


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"\x89PNG\r\n", "preview.png"), (b"RIFF0000WEBP", "preview.webp"), (b"\xff\xd8\xff", "preview.jpg")],
)
def test_a_preview_is_shown_inside_and_never_mistaken_for_a_result(data: bytes, name: str) -> None:
    job = a_job()
    card = progress_card(job, "Nova", Progress(fraction=None, node_title=None, elapsed_seconds=1, preview=data))
    assert card.preview == (name, data)
    assert card.embed.image.url == f"attachment://{name}"
    assert job.digest not in name
