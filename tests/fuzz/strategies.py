"""Random JSON, mutated files, and values that break careless code."""

from __future__ import annotations

import json
from typing import Any, cast

from hypothesis import strategies as st

AWKWARD = st.sampled_from(
    ["", " ", "\0", "\ud800", "../../etc/passwd", "C:\\x", "💥" * 40, "9" * 400, "-0", "NaN", "__proto__", "a" * 5000]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 70)
    | st.integers()
    | st.floats()
    | st.sampled_from([10**310, -(10**400), 1e308, float("nan"), float("inf")])
    | AWKWARD
    | st.text(max_size=9)
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(AWKWARD | st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def mutated(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """One of the files with bytes changed, cut out, doubled, or those of another file in their place."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 6))):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        length = draw(st.integers(1, 40))
        match draw(st.integers(0, 4)):
            case 0:
                data[at] = draw(st.integers(0, 255))
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length]
            case 3:
                data[at : at + 4] = draw(st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"]))
            case _:
                other = draw(st.sampled_from(seeds))
                data[at : at + length] = other[at : at + length]
    return bytes(data)


@st.composite
def replaced(draw: st.DrawFn, seeds: tuple[Any, ...]) -> Any:
    """One of the JSON values with some values in it replaced or left out."""
    value = json.loads(json.dumps(draw(st.sampled_from(seeds))))
    for _ in range(draw(st.integers(1, 4))):
        holder, key = _somewhere(draw, value)
        if holder is None:
            return draw(JSON)
        if draw(st.integers(0, 3)) == 0:
            del holder[key]
        else:
            holder[key] = draw(JSON)
    return value


def _somewhere(draw: st.DrawFn, value: Any) -> tuple[Any, Any]:
    """A container inside the value, and a key or index in it."""
    holder: Any = None
    key: Any = None
    inner: Any = value
    while isinstance(inner, dict | list) and inner:
        holder = cast("Any", inner)
        keys: list[Any] = list(holder) if isinstance(inner, dict) else list(range(len(holder)))
        key = draw(st.sampled_from(keys))
        inner = holder[key]
        if draw(st.integers(0, 3)) == 0:
            break
    return holder, key


def objects(seeds: tuple[dict[str, Any], ...]) -> st.SearchStrategy[dict[str, Any]]:
    """As `replaced`, and always an object: the client refuses anything else before it is parsed."""

    def as_object(value: Any) -> dict[str, Any]:
        return cast("dict[str, Any]", value) if isinstance(value, dict) else {"value": value}

    return replaced(seeds).map(as_object)
