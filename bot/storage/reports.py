"""Reports of people about what the bot posted."""

from __future__ import annotations

from sqlalchemy import RowMapping, and_, insert, select

from bot.domain.reports import Report
from bot.storage.database import Database
from bot.storage.reading import read_mappings
from bot.storage.retrying import retrying
from bot.storage.schema import reports


@retrying
class ReportRepository:
    """Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, report: Report) -> bool:
        """Commit a report; False: the person has reported that message before."""
        same = and_(reports.c.message_id == report.message_id, reports.c.reporter_id == report.reporter_id)
        async with self._database.write() as connection:
            if (await connection.execute(select(reports.c.id).where(same))).first() is not None:
                return False
            await connection.execute(insert(reports).values(report.model_dump()))
        return True

    async def recent(self, guild_id: int, limit: int) -> list[Report]:
        """The newest ones of a server, newest first."""
        query = select(reports).where(reports.c.guild_id == guild_id).order_by(reports.c.id.desc()).limit(limit)
        async with self._database.read() as connection:
            return read_mappings(await connection.execute(query), _value, "reports")


def _value(row: RowMapping) -> Report:
    return Report.model_validate({key: value for key, value in row.items() if key != "id"})
