"""Nobody waits much longer than others who want as much, and nothing starves."""

import itertools
import statistics
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.jobs import Job, JobKind
from bot.errors import QueueFull
from bot.generation.queue import JobQueue, QueueLimits
from tests.generation.test_queue import make_job


@given(
    guilds=st.integers(1, 3),
    people=st.integers(1, 12),
    wishes=st.integers(2, 8),
    models=st.integers(1, 3),
    data=st.data(),
)
def test_with_equal_demand_the_slowest_person_waits_at_most_half_as_long_again_as_the_median(
    guilds: int, people: int, wishes: int, models: int, data: st.DataObject
) -> None:
    everybody = [(guild, guild * 100 + person) for guild in range(guilds) for person in range(people)]
    arrivals = data.draw(st.permutations([one for one in everybody for _ in range(wishes)]))
    queue = JobQueue()
    for guild, person in arrivals:
        queue.push(make_job(guild=guild, requester=person, model=data.draw(st.integers(0, models - 1))))
    waits: dict[int, list[int]] = {person: [] for _, person in everybody}
    for place in range(1, len(arrivals) + 1):
        job = queue.take("a")
        assert job is not None
        waits[job.request.requester_id].append(place)
    mean = [statistics.mean(places) for places in waits.values()]
    # An exchange for the sake of a model may shorten the median alone; nobody is served later than last in each round.
    last_in_each_round = len(everybody) * (wishes + 1) / 2
    assert max(mean) <= max(1.5 * statistics.median(mean), last_in_each_round)


def test_discord_servers_take_turns_however_many_people_they_have() -> None:
    queue = JobQueue()
    for person in range(1, 7):
        queue.push(make_job(guild=1, requester=person))
    for _ in range(3):
        queue.push(make_job(guild=2, requester=9))
    assert [job.request.origin.guild_id for job in queue.order()] == [1, 2, 1, 2, 1, 2, 1, 1, 1]


@given(st.lists(st.tuples(st.sampled_from(["live", "turn", "single", "batch"]), st.integers(1, 4)), min_size=1))
def test_nothing_starves_whatever_keeps_coming(arrivals: list[tuple[str, int]]) -> None:
    queue = JobQueue()
    batches = {person: uuid.uuid4() for person in range(1, 5)}
    lowest = make_job(requester=99, batch=uuid.uuid4())
    queue.push(lowest)
    taken: Job | None = None
    coming = itertools.cycle(arrivals)
    # At most 4 others with a turn of 4 jobs each go before it in its line, and 10 jobs of other lines before each.
    for _ in range(4 * 4 * 11 + 11):
        for kind, person in (next(coming), next(coming)):
            batch = batches[person] if kind == "batch" else None
            turn = "turn" if kind == "turn" else None
            queue.push(make_job(live=kind == "live", requester=person, batch=batch, turn=turn))
        taken = queue.take("a")
        if taken is lowest:
            return
    pytest.fail("the job of the lowest priority was never served")


def test_what_is_served_first() -> None:
    queue = JobQueue()
    batch, single = make_job(batch=uuid.uuid4()), make_job(requester=2)
    turn, live = make_job(requester=3, turn="t"), make_job(requester=4, live=True)
    for job in (batch, single, turn, live):
        queue.push(job)
    assert list(queue.order()) == [live, turn, single, batch]


def test_within_a_round_the_model_that_is_loaded_goes_on() -> None:
    queue = JobQueue()
    for person in range(1, 7):
        for _ in range(2):
            queue.push(make_job(requester=person, model=person % 2))
    served = [queue.take("a") for _ in range(12)]
    people = [job.request.requester_id for job in served if job is not None]
    assert sorted(people[:6]) == sorted(people[6:]) == [1, 2, 3, 4, 5, 6], "everybody once in each round"
    models = [person % 2 for person in people]
    changes = sum(before != after for before, after in itertools.pairwise(models))
    assert changes == 4, models


def test_what_is_prepared_stays_the_next_of_its_line() -> None:
    """Otherwise each job that comes to the front has another one prepared, whose attempts a crash leaves open."""
    queue = JobQueue()
    first = make_job(requester=1)
    queue.push(first)
    queue.claim(first.id, "a")
    queue.push_front(make_job(requester=2))
    assert queue.next_for("a") is first
    live = make_job(requester=3, live=True)
    queue.push(live)
    assert queue.next_for("a") is live


def test_limits_of_a_discord_server_and_of_a_kind() -> None:
    queue = JobQueue(limits=QueueLimits(total=10, per_user=10, per_guild=2, by_kind={JobKind.AUDIO: 1}))
    for person in (1, 2):
        queue.push(make_job(guild=5, requester=person))
    with pytest.raises(QueueFull, match=r"full for this server: 2 of its jobs wait. A place should be free in about 7"):
        queue.require_space(make_job(guild=5, requester=3).request, free_in_seconds=7)
    queue.require_space(make_job(guild=6, requester=3).request)
    queue.push(make_job(guild=6, requester=3, live=True))
    with pytest.raises(QueueFull, match=r"queue for voices is full \(1\)"):
        queue.require_space(make_job(guild=6, requester=4, live=True).request)
    for _ in range(3):
        queue.take("a")
    queue.require_space(make_job(guild=5, requester=3).request)
