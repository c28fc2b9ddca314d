"""How many requests the language model gets at the same time, shared fairly between people."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(eq=False, slots=True)
class _Waiter:
    person_id: int | None
    admitted: asyncio.Future[None]


class RequestSlots:
    """Admits requests: at most `max_parallel` at once, and half of them (at least one) for one person.

    A free slot goes to the person with the fewest requests under way, of several to the one who was admitted least
    recently. So somebody who writes in thirty threads at once delays nobody by more than one answer.

    Args:
        max_parallel: `llm.max_parallel`.
    """

    def __init__(self, max_parallel: int) -> None:
        self._free = max_parallel
        self._max_per_person = max(1, max_parallel // 2)
        self._under_way: Counter[int | None] = Counter()
        self._waiting: list[_Waiter] = []
        self._admissions = 0
        self._admitted_last: dict[int | None, int] = {}
        """Person -> number of the last admission, as long as the person waits or has a request under way."""

    @asynccontextmanager
    async def slot(self, person_id: int | None) -> AsyncGenerator[None]:
        """Hold a slot for the block; wait for one first.

        Args:
            person_id: Discord id of who asked; None: unknown, all of whom count as one person.
        """
        waiter = _Waiter(person_id, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._admit()
        try:
            await waiter.admitted
            yield
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            else:  # admitted, also if the wait was cancelled at the same moment
                self._free += 1
                self._under_way[person_id] -= 1
                self._under_way += Counter()  # removes the people with none
            self._admit()
            if not self._under_way[person_id] and all(each.person_id != person_id for each in self._waiting):
                self._admitted_last.pop(person_id, None)

    def _admit(self) -> None:
        while self._free:
            may_go = [each for each in self._waiting if self._under_way[each.person_id] < self._max_per_person]
            if not may_go:
                return
            # Of one person's requests `min` takes the first, which has waited longest.
            chosen = min(may_go, key=self._precedence)
            self._waiting.remove(chosen)
            self._admissions += 1
            self._admitted_last[chosen.person_id] = self._admissions
            self._free -= 1
            self._under_way[chosen.person_id] += 1
            if not chosen.admitted.done():
                chosen.admitted.set_result(None)

    def _precedence(self, waiter: _Waiter) -> tuple[int, int]:
        return self._under_way[waiter.person_id], self._admitted_last.get(waiter.person_id, 0)
