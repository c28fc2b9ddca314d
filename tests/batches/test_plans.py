"""Plans: what people type becomes the same requests every time, and what cannot be made is said before."""

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.batches.expansion import execution_order, expand, requests_of, total_of
from bot.batches.layout import layout_of
from bot.batches.planning import BatchOptions, make_plan
from bot.batches.prompts import expand_alternatives, split_prompts
from bot.batches.sweeps import parse_sweep
from bot.domain.batches import BatchPlan, SeedMode, Sweep
from bot.domain.jobs import GenerationRequest, JobKind
from bot.domain.seeds import LARGEST_SEED
from bot.errors import InputInvalid

BASE = GenerationRequest(kind=JobKind.IMAGE, character_id="nova", requester_id=1, positive="x")


def plan(**options: Any) -> BatchPlan:
    given: dict[str, Any] = {"prompt": "a door"} | options
    return make_plan(BatchOptions(**given), max_count=20)


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("cfg=4..8 step 1", "cfg", (4, 5, 6, 7, 8)),
        ("cfg=4..8", "cfg", (4, 5, 6, 7, 8)),
        ("CFG = 1..2 step 0.25", "cfg", (1.0, 1.25, 1.5, 1.75, 2.0)),
        ("denoise=0.1..0.3 step 0.1", "denoise", (0.1, 0.2, 0.3)),
        ("shift=-1..1", "shift", (-1, 0, 1)),
        ("steps=10..25 step 10", "steps", (10, 20)),
        ("sampler=euler,dpmpp_2m", "sampler", ("euler", "dpmpp_2m")),
        ("sampler=euler, euler , ddim", "sampler", ("euler", "ddim")),
        ("size=512x512,16:9", "size", ("512x512", "16:9")),
        ("steps=10,20", "steps", (10, 20)),
        ("cfg=4,4.5", "cfg", (4, 4.5)),
        ("tiling=true,false", "tiling", (True, False)),
        ("5.cfg=1,2", "5.cfg", (1, 2)),
        ("lora=one:0.5,one:0.8", "lora", ("one:0.5", "one:0.8")),
    ],
)
def test_a_sweep_is_read(text: str, name: str, values: tuple[object, ...]) -> None:
    sweep = parse_sweep(text, max_count=20)
    assert (sweep.name, sweep.values) == (name, values)
    assert [type(value) for value in sweep.values] == [type(value) for value in values]
    assert Sweep.model_validate_json(sweep.model_dump_json()) == sweep


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cfg=1..10000 step 1", "10,000 values"),
        ("cfg=0..999999999999 step 0.000001", "at most 20"),
        ("cfg=8..4", "runs downwards"),
        ("cfg=4..8 step 0", "must be above 0"),
        ("cfg=4..8 step -1", "must be above 0"),
        ("cfg=4..4", "one value only"),
        ("sampler=euler", "one value only"),
        ("sampler=euler,", "empty value"),
        ("cfg=4..x", "cannot be read"),
        ("cfg", "cannot be read"),
        ("=4..8", "cannot be read"),
        ("", "cannot be read"),
        ("seed=1,2", "cannot be swept"),
        ("prompt=a,b", "cannot be swept"),
        ("Text=a,b", "cannot be swept"),
        ("noise_seed=1,2", "cannot be swept"),
        ("a=" + ",".join(map(str, range(21))), "21 values"),
    ],
)
def test_a_sweep_that_cannot_be_made_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputInvalid, match=said) as refused:
        parse_sweep(text, max_count=20)
    assert refused.value.advice


@given(st.text(max_size=60))
def test_any_text_is_a_sweep_or_refused(text: str) -> None:
    try:
        sweep = parse_sweep(text, max_count=20)
    except InputInvalid:
        return
    assert 2 <= len(sweep.values) <= 20


def test_prompts_are_lines_bars_and_alternatives() -> None:
    assert split_prompts("a cat\n\n a dog | a {red|blue} door") == ["a cat", "a dog", "a {red|blue} door"]
    found = expand_alternatives(["a {red|green} {door|gate}", "{one}", "a {red|green} door"], max_count=20)
    assert found == ("a red door", "a red gate", "a green door", "a green gate", "{one}")
    assert expand_alternatives(["a {big |}door"], max_count=2) == ("a big door", "a door")


def test_too_many_alternatives_are_counted_without_being_made() -> None:
    with pytest.raises(InputInvalid, match="far too many"):
        expand_alternatives(["{a|b}" * 800], max_count=20)


@given(st.lists(st.text(max_size=40), max_size=3))
def test_any_prompts_are_expanded_or_refused(prompts: list[str]) -> None:
    try:
        found = expand_alternatives(prompts, max_count=20)
    except InputInvalid:
        return
    assert len(found) == len(set(found)) <= 20
    assert all(found)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prompt": "  "}, "prompt is empty"),
        ({"count": 21}, "21 pictures; at most 20"),
        ({"sweeps": ("cfg=1..5", "steps=1..5")}, "25 pictures"),
        ({"sweeps": ("cfg=1..3", "CFG=4..5")}, "same parameter"),
        ({"workflows": "default"}, "two different workflows"),
        ({"workflows": "default, default"}, "two different workflows"),
        ({"workflows": " , "}, "two different workflows"),
        ({"workflows": "a,b", "workflow": "c"}, "Both"),
        ({"seeds": SeedMode.FIXED, "count": 2}, "the same picture"),
        ({"seeds": SeedMode.INCREMENT, "seed": LARGEST_SEED, "count": 2}, "too large"),
        ({"count": 0}, "1 or more"),
    ],
)
def test_a_plan_that_cannot_be_made_is_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(InputInvalid, match=said):
        plan(**options)


def test_two_sweeps_make_a_grid_with_one_seed() -> None:
    grid = plan(sweeps=("cfg=4..6", "sampler=euler,ddim"))
    items = expand(grid)
    assert [item.values for item in items[:4]] == [
        {"cfg": 4, "sampler": "euler"},
        {"cfg": 5, "sampler": "euler"},
        {"cfg": 6, "sampler": "euler"},
        {"cfg": 4, "sampler": "ddim"},
    ]
    assert {item.seed for item in items} == {grid.first_seed}
    layout = layout_of(grid)
    assert layout.columns == ("cfg 4", "cfg 5", "cfg 6")
    assert layout.rows == ("sampler euler", "sampler ddim")


def test_a_comparison_has_pairs_of_the_same_prompt_and_seed() -> None:
    compared = plan(workflows="portrait, landscape", count=2, prompts="a gate")
    requests = requests_of(uuid.uuid4(), BASE, compared)
    assert [request.workflow_name for request in requests] == ["portrait", "landscape"] * 4
    pairs = [(request.positive, request.seed) for request in requests]
    assert pairs[::2] == pairs[1::2]
    assert len(set(pairs)) == 4
    assert layout_of(compared).columns == ("A: portrait", "B: landscape")
    ordered = execution_order(requests)
    assert [request.workflow_name for request in ordered] == ["portrait"] * 4 + ["landscape"] * 4


@pytest.mark.parametrize(
    ("mode", "expected"), [(SeedMode.INCREMENT, [7, 8, 9]), (SeedMode.RANDOM, None), (SeedMode.FIXED, [7])]
)
def test_seeds_are_chosen_beforehand(mode: SeedMode, expected: list[int] | None) -> None:
    seeded = plan(seeds=mode, seed=7, count=1 if mode is SeedMode.FIXED else 3)
    found = [item.seed for item in expand(seeded)]
    assert found == [item.seed for item in expand(BatchPlan.model_validate_json(seeded.model_dump_json()))]
    assert found[0] == 7
    assert len(set(found)) == len(found)
    if expected is not None:
        assert found == expected


def test_a_wish_of_which_nothing_varies_is_drawn_four_times() -> None:
    assert total_of(plan()) == 4
    assert total_of(plan(count=1)) == 1
    assert total_of(plan(sweeps=("cfg=1..3",))) == 3


@given(
    prompts=st.integers(1, 3),
    workflows=st.integers(1, 3),
    sweeps=st.lists(st.integers(2, 3), max_size=2),
    count=st.integers(1, 3),
    mode=st.sampled_from([SeedMode.RANDOM, SeedMode.INCREMENT]),
)
def test_every_plan_has_each_combination_once(
    prompts: int, workflows: int, sweeps: list[int], count: int, mode: SeedMode
) -> None:
    made = BatchPlan(
        prompts=tuple(f"p{n}" for n in range(prompts)),
        workflows=tuple(f"w{n}" for n in range(workflows)),
        sweeps=tuple(Sweep(name=f"s{n}", values=tuple(range(size))) for n, size in enumerate(sweeps)),
        count=count,
        seeds=mode,
        first_seed=5,
    )
    batch_id = uuid.uuid4()
    requests = requests_of(batch_id, BASE, made)
    assert requests == requests_of(batch_id, BASE, made)
    keys = {(r.positive, r.workflow_name, tuple(r.overrides.items()), r.seed) for r in requests}
    assert len(keys) == len(requests) == total_of(made)
    assert [request.batch_index for request in requests] == list(range(total_of(made)))
    assert sorted(execution_order(requests), key=lambda request: request.batch_index or 0) == requests
    layout = layout_of(made)
    if layout.column_count:
        assert total_of(made) % layout.column_count == 0
        assert not layout.rows or len(layout.rows) == total_of(made) // layout.column_count
        for row in range(0, total_of(made), layout.column_count):
            assert len({request.seed for request in requests[row : row + layout.column_count]}) == 1
