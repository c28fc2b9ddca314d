"""The queue against a model: nobody starves, nobody is lost, nobody overtakes without right."""

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.domain.jobs import GenerationRequest, Job, JobKind, JobState, Origin
from bot.errors import QueueFull
from bot.generation.queue import JobQueue, QueueLimits
from bot.generation.queue_lines import BATCH_IN_A_ROW, MAX_SINGLE_IN_A_ROW


def make_job(
    *,
    live: bool = False,
    requester: int = 1,
    guild: int | None = None,
    batch: uuid.UUID | None = None,
    model: int = 0,
    turn: str | None = None,
) -> Job:
    request = GenerationRequest(
        kind=JobKind.AUDIO if live else JobKind.IMAGE,
        character_id="nova",
        requester_id=requester,
        origin=Origin(guild_id=guild),
        live=live,
        batch_id=batch,
        message_id=turn,
    )
    return Job(
        id=uuid.uuid4(),
        request=request,
        state=JobState.QUEUED,
        workflow_name="default",
        workflow_hash=str(model) * 64,
        character_version="1",
        seed=1,
        created_at=datetime.now(UTC),
    )


MOST = 3


class QueueMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.queue = JobQueue(MOST)
        self.live: list[Job] = []
        self.others: list[Job] = []
        self.in_a_row = 0

    @rule(live=st.booleans(), requester=st.integers(1, 3))
    def accept(self, live: bool, requester: int) -> None:
        job = make_job(live=live, requester=requester)
        (self.live if live else self.others).append(job)
        self.queue.push(job)

    @rule(live=st.booleans())
    def goes_on(self, live: bool) -> None:
        job = make_job(live=live)
        (self.live if live else self.others).insert(0, job)
        self.queue.push_front(job)

    @precondition(lambda self: self.live or self.others)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from([*self.live, *self.others]))
        assert self.queue.remove(job.id)
        assert not self.queue.remove(job.id)
        (self.live if job in self.live else self.others).remove(job)
        if not self.others:  # a picture that comes later begins to wait then
            self.in_a_row = 0

    @rule()
    def serve(self) -> None:
        expected = self.queue.next_for("a")
        order = list(self.queue.order())
        job = self.queue.take("a")
        assert job is expected
        assert (order[0] if order else None) is job
        if job is None:
            assert not self.live
            assert not self.others
            return
        line = self.live if job.request.live else self.others
        own = [one for one in line if one.request.requester_id == job.request.requester_id]
        assert own[0] is job, "of one person, in the order of acceptance"
        line.remove(job)
        if job.request.live:
            self.in_a_row = self.in_a_row + 1 if self.others else 0
            assert self.in_a_row <= MOST, "live speech starves a waiting picture"
        else:
            assert not self.live or self.in_a_row == MOST, "a picture went before live speech"
            self.in_a_row = 0

    @invariant()
    def nobody_is_lost(self) -> None:
        assert len(self.queue) == len(self.live) + len(self.others)
        assert {job.id for job in self.queue.order()} == {job.id for job in (*self.live, *self.others)}
        assert all(job.id in self.queue for job in self.live)

    @invariant()
    def first_picture_has_its_turn_in_time(self) -> None:
        if self.others:
            assert [job.request.live for job in self.queue.order()].index(False) <= MOST


TestQueue = QueueMachine.TestCase


def test_a_claimed_job_is_offered_to_its_server_only() -> None:
    queue = JobQueue()
    first, second = make_job(), make_job()
    queue.push(first)
    queue.push(second)
    queue.claim(first.id, "a")
    assert queue.next_for("b") is second
    assert queue.take("a") is first
    assert queue.take("a") is second
    assert queue.take("a") is None


def test_a_persons_jobs_are_counted_without_live_speech_and_continuations() -> None:
    queue = JobQueue()
    for live in (False, False, True):
        queue.push(make_job(live=live, requester=7))
    queue.push(make_job(requester=8))
    queue.push_front(make_job(requester=7))
    assert queue.waiting(7) == 2
    assert queue.waiting(8) == 1
    assert queue.waiting() == 4
    assert not queue.remove(uuid.uuid4())


# -- batches


def push_batch(queue: JobQueue, size: int, requester: int = 1) -> list[Job]:
    batch = uuid.uuid4()
    made = [make_job(requester=requester, batch=batch) for _ in range(size)]
    for job in made:
        queue.push(job)
    return made


def test_a_batch_counts_as_one_until_all_of_it_was_served() -> None:
    queue = JobQueue(limits=QueueLimits(total=2, per_user=2))
    push_batch(queue, 20, requester=7)
    assert len(queue) == 20
    assert queue.waiting() == queue.waiting(7) == 1
    queue.require_space(make_job(requester=7).request)
    push_batch(queue, 20, requester=7)
    with pytest.raises(QueueFull):
        queue.require_space(make_job(requester=7).request)
    for _ in range(40):
        queue.take("a")
    assert queue.waiting() == 0


def test_single_wishes_run_between_the_pictures_of_a_batch() -> None:
    queue = JobQueue()
    batch = push_batch(queue, 5)
    assert queue.take("a") is batch[0]
    single = make_job(requester=2)
    queue.push(single)
    assert list(queue.order()) == [single, *batch[1:]]
    assert queue.take("a") is single
    assert queue.take("a") is batch[1]


def test_a_batch_is_served_although_single_wishes_never_end() -> None:
    queue = JobQueue()
    batch = push_batch(queue, 2)
    served: list[Job | None] = []
    for _ in range(2 * MAX_SINGLE_IN_A_ROW + 2):
        queue.push(make_job())
        served.append(queue.take("a"))
    assert [served.index(job) for job in batch] == [MAX_SINGLE_IN_A_ROW, 2 * MAX_SINGLE_IN_A_ROW + 1]


def test_batches_take_turns() -> None:
    queue = JobQueue()
    first, second = push_batch(queue, 6), push_batch(queue, 6, requester=2)
    turns = [*first[:BATCH_IN_A_ROW], *second[:BATCH_IN_A_ROW], *first[BATCH_IN_A_ROW:], *second[BATCH_IN_A_ROW:]]
    assert list(queue.order()) == turns
    assert [queue.take("a") for _ in turns] == turns


def test_a_cancelled_batch_leaves_no_gap() -> None:
    queue = JobQueue()
    first, second = push_batch(queue, 3), push_batch(queue, 1)
    assert queue.take("a") is first[0]
    for job in first[1:]:
        assert queue.remove(job.id)
    assert queue.take("a") is second[0]
    assert queue.take("a") is None
    continued = make_job(batch=uuid.uuid4())
    queue.push_front(continued)
    assert queue.take("a") is continued


@given(st.lists(st.sampled_from(["single", "live", "batch", "other batch", "serve", "serve elsewhere"]), max_size=60))
def test_the_order_that_is_shown_is_the_order_of_serving(acts: list[str]) -> None:
    queue = JobQueue(MOST)
    groups = {"batch": uuid.uuid4(), "other batch": uuid.uuid4()}
    waiting = set[uuid.UUID]()
    for act in acts:
        if act.startswith("serve"):
            shown = next(queue.order(), None)
            taken = queue.take("a" if act == "serve" else "b")
            assert taken is shown
            waiting -= {taken.id} if taken else set()
            continue
        job = make_job(live=act == "live", batch=groups.get(act))
        queue.push(job)
        waiting.add(job.id)
    order = list(queue.order())
    assert {job.id for job in order} == waiting
    assert len(order) == len(queue) == len(waiting)
    assert [queue.take("a") for _ in order] == order
