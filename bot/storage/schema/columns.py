"""What the tables share: the metadata, and kinds of columns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Dialect, Integer, MetaData, String, TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python, naive UTC in the database (SQLite forgets offsets)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102
        return None if value is None else value.replace(tzinfo=UTC)


# SQLite gives a rowid only to plain INTEGER primary keys.
RowId = BigInteger().with_variant(Integer, "sqlite")


def id_column() -> Column[str]:
    """A primary key that holds one of our UUIDs as text."""
    return Column("id", String(36), primary_key=True)


def time_column(name: str, *, nullable: bool = True) -> Column[Any]:
    """A column of aware UTC times."""
    return Column(name, UtcDateTime, nullable=nullable)
