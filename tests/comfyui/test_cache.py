"""Breaking ComfyUI's cache."""

from __future__ import annotations

from bot.comfyui.cache import break_cache
from tests.comfyui.scripted_server import GRAPH


def test_only_the_last_nodes_run_again() -> None:
    broken = break_cache(GRAPH, "n1")
    assert broken["1"] is GRAPH["1"]
    assert broken["2"]["inputs"] == {**GRAPH["2"]["inputs"], "chorus_nonce": "n1"}
    assert "chorus_nonce" not in GRAPH["2"]["inputs"]
    assert break_cache(GRAPH, "n2")["2"] != broken["2"]
    assert break_cache(GRAPH, "n", ["1.0.0.3"])["1"]["inputs"]["chorus_nonce"] == "n"
