"""Bodies of POST /prompt that ComfyUI refuses, crashes at or accepts; a live test compares with a real ComfyUI."""

from __future__ import annotations

from typing import Any

from tests.sandbox.comfyui.graphs import node, solid_image, text_to_image


def _changed(node_id: str, **inputs: Any) -> dict[str, Any]:
    graph = text_to_image()
    graph[node_id]["inputs"] |= inputs
    return graph


def _without(node_id: str, name: str) -> dict[str, Any]:
    graph = text_to_image()
    del graph[node_id]["inputs"][name]
    return graph


def _video(**more: Any) -> dict[str, Any]:
    return {
        "1": node("EmptyImage", width=32, height=32, batch_size=2, color=0),
        "2": node("CreateVideo", images=["1", 0], fps=8),
        "3": node("SaveVideo", video=["2", 0], filename_prefix="v", **more),
    }


BAD: dict[str, Any] = {
    "unknown class": {"prompt": {"3": {**node("NoSuchNode"), "_meta": {"title": "My Node"}}}},
    "unknown class without title": {"prompt": {"3": node("NoSuchNode")}},
    "no class": {"prompt": {"3": {"inputs": {}}}},
    "no output node": {"prompt": {"1": solid_image()["1"]}},
    "empty graph": {"prompt": {}},
    "no such target": {"prompt": solid_image(), "partial_execution_targets": ["77"]},
    "no prompt": {"client_id": "x"},
    "prompt id in capitals": {"prompt": solid_image(), "prompt_id": "AAAAAAAA-7794-4294-A6F9-58A44D909C54"},
    "prompt id a word": {"prompt": solid_image(), "prompt_id": "abc"},
    "prompt id a number": {"prompt": solid_image(), "prompt_id": 5},
    "missing model": {"prompt": _changed("4", ckpt_name="nope.safetensors")},
    "not in a long list": {"prompt": _changed("3", sampler_name="nope")},
    "missing seed": {"prompt": _without("3", "seed")},
    "seed -1": {"prompt": _changed("3", seed=-1)},
    "seed 2^64": {"prompt": _changed("3", seed=2**64)},
    "two bad values": {"prompt": _changed("3", steps=0, cfg="abc")},
    "too large": {"prompt": solid_image(width=20000)},
    "wrong type": {"prompt": _changed("8", samples=["4", 0])},
    "bad link": {"prompt": _changed("8", samples=["3", 0, 1])},
    "cycle": {
        "prompt": {
            "1": node("ImageInvert", image=["2", 0]),
            "2": node("ImageInvert", image=["1", 0]),
            "3": node("SaveImage", images=["1", 0], filename_prefix="x"),
        }
    },
    "link to nowhere from an output": {"prompt": {"2": node("SaveImage", images=["99", 0], filename_prefix="x")}},
    "link to nowhere further up": {"prompt": _changed("8", samples=["99", 0])},
    "slot out of range": {"prompt": {**solid_image(), "2": node("SaveImage", images=["1", 5], filename_prefix="x")}},
    "integer id in a link": {"prompt": {**solid_image(), "2": node("SaveImage", images=[1, 0], filename_prefix="x")}},
    "no inputs": {"prompt": {"1": {"class_type": "EmptyImage"}, "2": solid_image()["2"]}},
    "no such image": {"prompt": {"1": node("LoadImage", image="nope.png"), "2": solid_image()["2"]}},
    "no such audio": {
        "prompt": {
            "1": node("LoadAudio", audio="nope.wav"),
            "2": node("SaveAudio", audio=["1", 0], filename_prefix="x"),
        }
    },
    "video without codec": {"prompt": _video(format="mp4")},
    "video without format": {"prompt": _video()},
}

CRASHES: dict[str, Any] = {
    "a list": {"prompt": [1, 2]},
    "UI format": {"prompt": {"nodes": [], "links": [], "version": 0.4}},
    "number a word": {"prompt": solid_image(), "number": "x"},
    "extra_data null": {"prompt": solid_image(), "extra_data": None, "client_id": "x"},
    "extra_data a list": {"prompt": solid_image(), "extra_data": [], "client_id": "x"},
}

GOOD: dict[str, Any] = {
    "numeric strings": {"prompt": solid_image(width="48")},
    "a float for an integer": {"prompt": solid_image(width=48.7)},
    "no multiple of the step": {"prompt": _changed("5", width=63)},
    "unknown inputs": {"prompt": solid_image(nobody="asked")},
    "no prefix": {"prompt": {**solid_image(), "2": node("SaveImage", images=["1", 0], filename_prefix=None)}},
    "a cancelled id": {"prompt": solid_image(), "prompt_id": None},
}
