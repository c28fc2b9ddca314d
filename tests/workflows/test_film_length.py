"""Seconds become frames that the model can make."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InputInvalid
from bot.workflows.film_length import film_length
from bot.workflows.workflow import Workflow, parse_workflow
from tests.workflows.graphs import node, txt2img


def info(name: str, low: int, step: int, high: int = 16384) -> dict[str, Any]:
    length = ["INT", {"default": low, "min": low, "max": high, "step": step}]
    return {name: {"input": {"required": {"length": length}}}}


def film(latent: str, fps: float | None, **inputs: Any) -> Workflow:
    graph = txt2img(**{"5": node(latent, width=832, height=480, batch_size=1, **inputs)})
    saved = {} if fps is None else {"fps": fps}
    graph["9"] = node("SaveWEBM", images=["8", 0], filename_prefix="x", codec="vp9", crf=32.0, **saved)
    return parse_workflow(json.dumps(graph))


@pytest.mark.parametrize(
    ("latent", "low", "step", "fps", "seconds", "frames"),
    [
        ("EmptyHunyuanLatentVideo", 1, 4, 16.0, 5.0, 81),
        ("EmptyHunyuanLatentVideo", 1, 4, 24.0, 3.0, 73),
        ("EmptyLTXVLatentVideo", 1, 8, 25.0, 4.0, 97),
        ("EmptyMochiLatentVideo", 7, 6, 24.0, 1.0, 25),
        ("EmptyLTXVLatentVideo", 9, 8, 25.0, 0.1, 9),
    ],
)
def test_lengths_of_known_models(latent: str, low: int, step: int, fps: float, seconds: float, frames: int) -> None:  # noqa: PLR0917
    found = film_length(film(latent, fps, length=97), seconds, info(latent, low, step))
    assert (found.name, found.value) == ("length", frames)
    assert (found.note is None) == (abs(frames / fps - seconds) < 0.05)


@given(st.floats(0.1, 120), st.integers(1, 9), st.integers(1, 8), st.integers(20, 400))
def test_every_length_is_one_that_the_node_makes(seconds: float, low: int, step: int, high: int) -> None:
    latent = "EmptyHunyuanLatentVideo"
    found = film_length(film(latent, 16.0, length=33), seconds, info(latent, low, step, high))
    assert isinstance(found.value, int)
    assert low <= found.value <= high
    assert (found.value - low) % step == 0


def test_frames_in_a_batch_of_pictures() -> None:
    found = film_length(film("EmptyLatentImage", 8.0), 2.0)
    assert (found.name, found.value) == ("batch", 16)


def test_without_a_length_or_a_rate_it_is_refused() -> None:
    with pytest.raises(InputInvalid, match="does not tell its frames"):
        film_length(film("EmptyHunyuanLatentVideo", None, length=33), 2.0)
    upscale = {
        "1": node("LoadImage", image="a.png"),
        "2": node("SaveAnimatedWEBP", images=["1", 0], filename_prefix="x", fps=6.0),
    }
    with pytest.raises(InputInvalid, match="cannot be chosen"):
        film_length(parse_workflow(json.dumps(upscale)), 2.0)
