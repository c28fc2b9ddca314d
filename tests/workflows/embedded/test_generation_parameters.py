from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.workflows.embedded import GenerationParameters, parse_generation_parameters

TEXT = """a cat, (sharp:1.2)
second line: Size
Negative prompt: blurry,
worse
Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 18446744073709551615, Size: 512x768, \
Model hash: 0123abcd, Model: dream/shaper v8, Lora hashes: "a: 1, b: \\"2\\"", Version: v1.10"""


def test_all_of_it() -> None:
    found = parse_generation_parameters(TEXT)
    assert found is not None
    assert found == GenerationParameters(
        prompt="a cat, (sharp:1.2)\nsecond line: Size",
        negative="blurry,\nworse",
        seed=18446744073709551615,
        steps=20,
        sampler="DPM++ 2M",
        scheduler="Karras",
        cfg=7.5,
        width=512,
        height=768,
        model="dream/shaper v8",
        other=found.other,
    )
    assert found.other["Lora hashes"] == 'a: 1, b: "2"'
    assert found.other["Version"] == "v1.10"


def test_what_the_text_does_not_say_is_none() -> None:
    found = parse_generation_parameters("Steps: many, CFG scale: nan, Size: big, Seed: -1\r\n")
    assert found is not None
    assert (found.prompt, found.negative, found.steps, found.cfg, found.width) == ("", None, None, None, None)
    assert found.seed == -1


def test_a_text_without_steps_is_none() -> None:
    assert parse_generation_parameters("a cat\nNegative prompt: dog") is None
    assert parse_generation_parameters("") is None


@given(st.text() | st.text(alphabet='Steps: ,"\\\nx1').map(lambda text: "Steps: 1" + text))
def test_any_text(text: str) -> None:
    found = parse_generation_parameters(text)
    assert (found is None) == all(not line.startswith("Steps: ") for line in text.strip().split("\n"))
