from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.comfyui import json_decoding
from bot.comfyui.json_decoding import decode_json_object

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON, max_size=6), st.sampled_from([None, 1, "\t"]))
async def test_entry_by_entry_is_the_same_as_in_one_go(value: dict[str, Any], indent: int | str | None) -> None:
    text = f" {json.dumps(value, indent=indent)}\n".ljust(json_decoding.SMALL_BYTES + 1).encode()
    assert await decode_json_object(text) == value


@pytest.mark.parametrize("text", ['{"a": 1', '{"a" 1}', '{"a": 1 "b": 2}', '{"a": 1,}', "{1: 2}", '{"a": 1} x', "{,}"])
async def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        await decode_json_object(text.ljust(json_decoding.SMALL_BYTES + 1).encode())
    with pytest.raises(ValueError, match=r"."):
        await decode_json_object(text.encode())
