"""Which socket types ComfyUI's editor lets people connect, and which input a bypassed node passes on."""

from __future__ import annotations

from collections.abc import Sequence

_ANY = frozenset({"", "*"})


def types_fit(left: str, right: str) -> bool:
    """Whether an output of one type may be connected to an input of the other. `A,B` is a union, `*` any type."""
    if left in _ANY or right in _ANY or left == right:
        return True
    others = {name.strip() for name in right.lower().split(",")}
    names = {name.strip() for name in left.lower().split(",")}
    return bool(names & others) or bool((names | others) & _ANY)


def bypass_input(input_types: Sequence[str], output_slot: int, output_type: str, consumer: str) -> int | None:
    """Return the index of the input that stands for an output of a bypassed node; None where there is none.

    Args:
        input_types: The types of the node's inputs, in the editor's order.
        output_slot: The index of the output.
        output_type: Its type.
        consumer: The type of the input that takes the output.

    """
    if not input_types:
        return None
    if consumer in _ANY:
        return output_slot if output_slot < len(input_types) else 0

    def fits(found: str) -> bool:
        return types_fit(found, output_type) and types_fit(found, consumer)

    if output_slot < len(input_types) and fits(input_types[output_slot]):
        return output_slot
    exact = next((index for index, found in enumerate(input_types) if found == consumer), None)
    if exact is not None:
        return exact
    return next((index for index, found in enumerate(input_types) if fits(found)), None)
