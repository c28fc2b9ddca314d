"""The real table of deliveries, with a way for tests to read all of it."""

from __future__ import annotations

from sqlalchemy import true

from bot.domain.deliveries import Delivery
from bot.storage.deliveries import DeliveryRepository


class Deliveries(DeliveryRepository):
    async def rows(self) -> dict[int, Delivery]:
        """Every row by its id."""
        return {row.id: row for row in await self._find(true())}
