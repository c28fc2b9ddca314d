"""The lock of a server and the grouped hand-over of VRAM."""

import asyncio

import pytest

from bot.gpu_lock import GpuLock, SwapLimits

URL = "http://127.0.0.1:9"


class Diary:
    """A hand-over that writes down what happened."""

    def __init__(self, *, failing: bool = False) -> None:
        self.entries: list[str] = []
        self.failing = failing

    async def before_generation(self) -> None:
        await asyncio.sleep(0)
        self.entries.append("unload model")
        if self.failing:
            raise ConnectionError

    async def before_conversation(self) -> None:
        await asyncio.sleep(0)
        self.entries.append("free comfy")


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
async def gpu(diary: Diary) -> GpuLock:
    return GpuLock(handover=diary)


async def turns_of_the_loop(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_without_hand_over_a_turn_never_waits() -> None:
    gpu = GpuLock()
    async with gpu.generation(), gpu.conversation():
        assert gpu.generating
    assert not gpu.generating
    assert gpu.swaps.count == 0


async def test_prompts_take_turns() -> None:
    gpu = GpuLock()
    inside = 0

    async def use() -> None:
        nonlocal inside
        async with gpu.generation():
            inside += 1
            assert inside == 1
            await turns_of_the_loop(3)
            inside -= 1

    await asyncio.gather(*(use() for _ in range(5)))


async def test_turns_speak_together_and_pictures_wait_for_all_of_them(gpu: GpuLock, diary: Diary) -> None:
    release = asyncio.Event()

    async def speak(name: str) -> None:
        async with gpu.conversation():
            diary.entries.append(f"begin {name}")
            await release.wait()
            diary.entries.append(f"end {name}")

    async def draw() -> None:
        async with gpu.generation():
            assert not gpu.conversing
            diary.entries.append("draw")

    tasks = [asyncio.create_task(speak(name)) for name in "ab"]
    await turns_of_the_loop()
    assert gpu.conversing
    tasks.append(asyncio.create_task(draw()))
    await turns_of_the_loop()
    tasks.append(asyncio.create_task(speak("c")))
    await turns_of_the_loop()
    release.set()
    await asyncio.gather(*tasks)
    first_draw = diary.entries.index("draw")
    assert diary.entries[0] == "free comfy"
    assert all(diary.entries.index(f"end {name}") < first_draw for name in "abc"), "the group of turns is whole"
    assert diary.entries.count("unload model") == 1
    assert gpu.swaps.count == 2


async def test_pictures_are_drawn_in_a_group_before_a_waiting_turn(gpu: GpuLock, diary: Diary) -> None:
    left = 3
    gpu.next_job_is_prepared = lambda: left > 0
    started = asyncio.Event()

    async def dispatch() -> None:
        nonlocal left
        while left:
            async with gpu.generation():
                left -= 1
                started.set()
                await turns_of_the_loop()
                diary.entries.append("draw")

    async def speak() -> None:
        async with gpu.conversation():
            diary.entries.append("speak")

    dispatcher = asyncio.create_task(dispatch())
    await started.wait()
    talker = asyncio.create_task(speak())
    await asyncio.gather(dispatcher, talker)
    assert diary.entries == ["unload model", "draw", "draw", "draw", "free comfy", "speak"]


async def test_waiting_is_bounded_on_both_sides(diary: Diary) -> None:
    """With a bound of nothing each side gets its turn at the first change of hands."""
    gpu = GpuLock(handover=diary, limits=SwapLimits(0, 0))
    left = 2
    gpu.next_job_is_prepared = lambda: left > 0
    started, finish = asyncio.Event(), asyncio.Event()

    async def dispatch() -> None:
        nonlocal left
        while left:
            async with gpu.generation():
                left -= 1
                started.set()
                await finish.wait()
                diary.entries.append("draw")

    async def speak(name: str) -> None:
        async with gpu.conversation():
            diary.entries.append(name)

    dispatcher = asyncio.create_task(dispatch())
    await started.wait()
    talker = asyncio.create_task(speak("first"))
    await turns_of_the_loop()
    finish.set()
    await asyncio.gather(dispatcher, talker)
    assert diary.entries.index("first") < len(diary.entries) - 1, "the turn did not wait for the whole group"
    assert diary.entries.count("draw") == 2


async def test_a_turn_goes_on_when_the_announced_picture_never_comes(gpu: GpuLock, diary: Diary) -> None:
    gpu.next_job_is_prepared = lambda: True
    async with gpu.generation():
        talker = asyncio.create_task(_speak(gpu))
        await turns_of_the_loop()
    async with asyncio.timeout(60):
        await talker
    assert diary.entries == ["unload model", "free comfy"]


async def test_cancelled_waiters_leave_the_lock_usable(gpu: GpuLock) -> None:
    async with gpu.generation():
        waiting = [asyncio.create_task(_speak(gpu)) for _ in range(3)]
        await turns_of_the_loop()
        for task in waiting:
            task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    async with asyncio.timeout(60), gpu.generation():
        assert not gpu.conversing
    async with asyncio.timeout(60), gpu.conversation():
        assert gpu.conversing


async def test_cancelled_at_the_moment_of_admission(gpu: GpuLock) -> None:
    async with gpu.generation():
        talker = asyncio.create_task(_speak(gpu))
        await turns_of_the_loop()
    talker.cancel()
    await asyncio.gather(talker, return_exceptions=True)
    async with asyncio.timeout(60), gpu.generation():
        assert not gpu.conversing


async def test_a_hand_over_that_fails_stops_nobody() -> None:
    gpu = GpuLock(handover=Diary(failing=True))
    async with gpu.generation():
        assert gpu.generating
    assert gpu.swaps.count == 1
    assert gpu.swaps.seconds >= 0


async def _speak(gpu: GpuLock) -> None:
    async with gpu.conversation():
        await asyncio.sleep(0)
