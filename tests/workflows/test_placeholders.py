from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InputInvalid, VoiceUnavailable
from bot.workflows import InputRole, InputValues, inject
from bot.workflows.placeholders import find_placeholders, substitute
from tests.workflows.graphs import node, parsed, txt2img

TOKENS = [
    "__CHORUS_PROMPT__",
    "__CHORUS_SEED__",
    "PROMPT_PLACEHOLDER",
    "{{PROMPT}}",
    "{{ prompt }}",
    "%prompt%",
    "PARAM_PROMPT",
    "%negative_prompt%",
    "@everyone",
    '"',
    "\\",
    "{",
    "}}",
    "\u202e",
    "\U0001f469\u200d\U0001f680",
    "\x00",
]
NASTY = st.lists(st.one_of(st.text(max_size=20), st.sampled_from(TOKENS)), max_size=12).map("".join)


@pytest.mark.parametrize(
    ("token", "role"),
    [
        ("__CHORUS_PROMPT__", InputRole.POSITIVE),
        ("__CHORUS_NEGATIVE__", InputRole.NEGATIVE),
        ("__CHORUS_SEED__", InputRole.SEED),
        ("__CHORUS_TEXT__", InputRole.TEXT),
        ("__CHORUS_VOICE_SAMPLE__", InputRole.VOICE_SAMPLE),
        ("__CHORUS_VOICE_TRANSCRIPT__", InputRole.VOICE_TRANSCRIPT),
        ("__CHORUS_REFERENCE_IMAGE__", InputRole.REFERENCE_IMAGE),
        ("__CHORUS_CHARACTER_NAME__", InputRole.CHARACTER_NAME),
        ("__CHORUS_WIDTH__", InputRole.WIDTH),
        ("__CHORUS_HEIGHT__", InputRole.HEIGHT),
        ("__CHORUS_STEPS__", InputRole.STEPS),
        ("__CHORUS_CFG__", InputRole.CFG),
        ("PROMPT_PLACEHOLDER", InputRole.POSITIVE),
        ("NEGATIVE_PROMPT_PLACEHOLDER", InputRole.NEGATIVE),
        ("SEED_PLACEHOLDER", InputRole.SEED),
        ("STEPS_PLACEHOLDER", InputRole.STEPS),
        ("CFG_PLACEHOLDER", InputRole.CFG),
        ("{{PROMPT}}", InputRole.POSITIVE),
        ("{{NEGATIVE}}", InputRole.NEGATIVE),
        ("{{seed}}", InputRole.SEED),
        ("%prompt%", InputRole.POSITIVE),
        ("%negative_prompt%", InputRole.NEGATIVE),
        ("%seed%", InputRole.SEED),
        ("%PROMPT%", InputRole.POSITIVE),
        ("%NEGATIVE%", InputRole.NEGATIVE),
        ("%steps%", InputRole.STEPS),
        ("%scale%", InputRole.CFG),
        ("%width%", InputRole.WIDTH),
        ("%height%", InputRole.HEIGHT),
        ("PARAM_PROMPT", InputRole.POSITIVE),
        ("PARAM_INT_SEED", InputRole.SEED),
        ("PARAM_FLOAT_CFG", InputRole.CFG),
    ],
)
def test_every_dialect(token: str, role: InputRole) -> None:
    assert [found.role for found in find_placeholders(token)] == [role]
    assert [found.role for found in find_placeholders(f"before {token}, after")] == [role]


@pytest.mark.parametrize(
    "text",
    ["%date%", "%date:yyyy-MM-dd%", "%year%", "%KSampler.seed%", "100% prompt%", "PARAM_LYRICS", "{prompt}", "prompt",
     "MY_PROMPT_PLACEHOLDERS", "__CHORUS_NOTHING__", "{{char}}", "__chorus_prompt__"],
)  # fmt: skip
def test_what_is_no_placeholder(text: str) -> None:
    assert find_placeholders(text) == []
    assert substitute(text, lambda role: "never") == text


def test_size_in_a_file_name_is_comfyuis_own() -> None:
    graph = txt2img()
    graph["9"]["inputs"]["filename_prefix"] = "out/%width%x%height%_%date%_%seed%"
    assert inject(parsed(graph), InputValues(positive="x", seed=1, width=64))["9"] == graph["9"]


@given(NASTY, NASTY, st.integers(0, 2**32 - 1))
def test_any_text_goes_in_and_valid_json_comes_out(positive: str, negative: str, seed: int) -> None:
    graph = txt2img("__CHORUS_PROMPT__", "no {{NEGATIVE}}, %seed%")
    graph["3"]["inputs"]["seed"] = "SEED_PLACEHOLDER"
    filled = inject(parsed(graph), InputValues(positive=positive, negative=negative, seed=seed))
    again = json.loads(json.dumps(filled))
    assert again == filled
    assert filled["6"]["inputs"]["text"] == positive
    assert filled["7"]["inputs"]["text"] == f"no {negative}, {seed}"
    assert filled["3"]["inputs"]["seed"] == seed
    assert type(filled["3"]["inputs"]["seed"]) is int
    assert {key: value for key, value in filled.items() if key not in "367"} == {
        key: value for key, value in graph.items() if key not in "367"
    }


@given(NASTY)
def test_what_was_injected_is_never_scanned_again(text: str) -> None:
    graph = txt2img("{{PROMPT}} and %negative_prompt% and __CHORUS_CHARACTER_NAME__")
    filled = inject(parsed(graph), InputValues(positive=text, negative="N", character_name="{{NEGATIVE}}", seed=1))
    assert filled["6"]["inputs"]["text"] == f"{text} and N and {{{{NEGATIVE}}}}"


@given(NASTY)
def test_a_graph_without_placeholders_takes_any_text(text: str) -> None:
    workflow = parsed(txt2img())
    assert inject(workflow, InputValues(positive=text, seed=1))["6"]["inputs"]["text"] == text
    assert workflow.graph["6"]["inputs"]["text"] == "a cat"


def test_whole_values_keep_their_own_type() -> None:
    graph = txt2img("%prompt%")
    graph["3"]["inputs"] |= {"seed": "%seed%", "steps": "%steps%", "cfg": "%scale%"}
    graph["5"]["inputs"] |= {"width": " %width% ", "height": "{{HEIGHT}}"}
    filled = inject(parsed(graph), InputValues(positive="x", seed=7, steps=12, cfg=4.5, width=640, height=832))
    sampler, size = filled["3"]["inputs"], filled["5"]["inputs"]
    assert (sampler["seed"], sampler["steps"], sampler["cfg"]) == (7, 12, 4.5)
    assert (size["width"], size["height"]) == (640, 832)
    assert [type(value) for value in (sampler["seed"], sampler["cfg"], size["width"])] == [int, float, int]


def test_placeholders_nobody_filled_take_defaults() -> None:
    graph = txt2img("%prompt%", "%negative_prompt%")
    graph["3"]["inputs"] |= {"steps": "%steps%", "cfg": "%scale%"}
    graph["5"]["inputs"] |= {"width": "%width%", "height": "%height%"}
    info = {"KSampler": {"input": {"required": {"steps": ["INT", {"default": 33}]}}}}
    said = "defaults: {width: 832, negative: ugly}"
    filled = inject(parsed(graph, said), InputValues(positive="x"), info)
    assert filled["5"]["inputs"]["width"] == 832
    assert filled["5"]["inputs"]["height"] == 1024
    assert filled["3"]["inputs"]["steps"] == 33
    assert filled["3"]["inputs"]["cfg"] == 7.0
    assert filled["7"]["inputs"]["text"] == "ugly"
    assert inject(parsed(graph), InputValues(positive="x"))["7"]["inputs"]["text"] == ""


def test_nested_values_are_filled_without_touching_the_original() -> None:
    lora: dict[str, Any] = {"on": True, "lora": "x", "deep": [{"text": "of {{PROMPT}}"}, "%prompt%"]}
    graph = txt2img("__CHORUS_PROMPT__", **{"4": node("Power Lora Loader (rgthree)", lora_1=lora)})
    workflow = parsed(graph)
    filled = inject(workflow, InputValues(positive="P", seed=1))
    assert filled["4"]["inputs"]["lora_1"] == {"on": True, "lora": "x", "deep": [{"text": "of P"}, "P"]}
    assert workflow.graph["4"]["inputs"]["lora_1"] == lora


def test_a_pixelle_title_names_the_input() -> None:
    titled = node("PrimitiveStringMultiline", title="$prompt.value!:What to draw", value="")
    other = node("CLIPTextEncode", title="$negative.text", text="", clip=["4", 1])
    workflow = parsed(txt2img(["12", 0], **{"12": titled, "7": other}))
    filled = inject(workflow, InputValues(positive="P", negative="N", seed=1))
    assert filled["12"]["inputs"]["value"] == "P"
    assert filled["7"]["inputs"]["text"] == "N"


def test_a_placeholder_that_no_output_uses_does_not_hide_the_real_prompt() -> None:
    workflow = parsed(txt2img("a cat", **{"50": node("CLIPTextEncode", text="%prompt%", clip=["4", 1])}))
    filled = inject(workflow, InputValues(positive="P", seed=1))
    assert filled["6"]["inputs"]["text"] == "P"
    assert filled["50"]["inputs"]["text"] == "P"


def test_a_text_with_only_the_name_is_still_the_prompt() -> None:
    workflow = parsed(txt2img("portrait of __CHORUS_CHARACTER_NAME__"))
    filled = inject(workflow, InputValues(positive="P __CHORUS_CHARACTER_NAME__", character_name="Nova", seed=1))
    assert filled["6"]["inputs"]["text"] == "P __CHORUS_CHARACTER_NAME__"


def test_a_missing_picture_or_voice_is_said() -> None:
    picture = txt2img(**{"10": node("LoadImage", image="__CHORUS_REFERENCE_IMAGE__")})
    with pytest.raises(InputInvalid, match="picture"):
        inject(parsed(picture), InputValues(positive="x", seed=1))
    assert (
        inject(parsed(picture), InputValues(positive="x", reference_image="c/a.png"))["10"]["inputs"]["image"]
        == "c/a.png"
    )
    voice = {
        "1": node("LoadAudio", audio="__CHORUS_VOICE_SAMPLE__"),
        "2": node("ChatterboxTTS", text="__CHORUS_TEXT__", seed=0, audio_prompt=["1", 0]),
        "3": node("SaveAudio", audio=["2", 0], filename_prefix="a"),
    }
    with pytest.raises(VoiceUnavailable):
        inject(parsed(voice), InputValues(text="hello"))
    filled = inject(parsed(voice), InputValues(text="hello", voice_sample="chorus/n.wav", seed=3))
    assert filled["1"]["inputs"]["audio"] == "chorus/n.wav"
    assert filled["2"]["inputs"]["text"] == "hello"
