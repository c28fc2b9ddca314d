"""Reads rows as values. A row that cannot be read is left out and logged, so that it harms nothing but itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import CursorResult, MappingResult, Row, RowMapping

log = logging.getLogger(__name__)

T = TypeVar("T")
Rows = CursorResult[*tuple[Any, ...]]


def read_rows(result: Rows, value: Callable[[Any], T], table: str) -> list[T]:
    """Return the values of all rows that can be read.

    A newer version of Chorus may have written a key, a state or a time that this one does not know.

    Args:
        result: As executed; no row of it was fetched.
        value: Makes a value of a row. It raises ValueError, TypeError or LookupError where it cannot.
        table: The name of the table, for the log.

    """
    return [each for each in read_each_row(result, value, table) if each is not None]


def read_first_row(result: Rows, value: Callable[[Any], T], table: str) -> T | None:
    """Return the value of the first row that can be read; None: there is none."""
    return next(iter(read_rows(result, value, table)), None)


def read_mappings(result: Rows, value: Callable[[Any], T], table: str) -> list[T]:
    """As `read_rows`, for a `value` that takes the columns of a row by name."""
    return [each for each in read_each_row(result.mappings(), value, table) if each is not None]


def read_each_row(result: Rows | MappingResult, value: Callable[[Any], T], table: str) -> list[T | None]:
    """Return the value of each row, None in the place of one that cannot be read."""
    values: list[T | None] = []
    while True:
        row = None
        try:
            # One by one: the types of columns (JSON, times) raise while a row is made, and the next one can be fetched.
            row = result.fetchone()
            if row is None:
                return values
            values.append(value(row))
        except (ValueError, TypeError, LookupError) as error:
            values.append(None)
            # Without the traceback, which is that of pydantic or of SQLAlchemy.
            reason = f"{type(error).__name__}: {error}"
            log.error("row %s of %s cannot be read and is left out: %s", _key(row), table, reason)  # noqa: TRY400


def _key(row: Row[*tuple[Any, ...]] | RowMapping | None) -> str:
    """The first column of a row, which is its id in most tables."""
    if row is None:
        return "(unknown)"
    return str(next(iter(row.values())) if isinstance(row, RowMapping) else row[0])
