"""What people wrote is in the database, never in the log of an error about it."""

import pytest
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bot.domain.jobs import GenerationRequest
from bot.storage.database import Database
from tests.storage.factories import make_job

SECRET = "my diary of last night"


async def test_a_failed_statement_does_not_tell_its_values(database: Database) -> None:
    insert = text("INSERT INTO message_alternatives VALUES ('none', 0, :words, NULL, '2026-01-01 00:00:00.000000')")
    with pytest.raises(IntegrityError) as caught:
        async with database.write() as connection:
            await connection.execute(insert, {"words": SECRET})
    assert SECRET not in str(caught.value)


def test_a_value_that_cannot_be_read_does_not_tell_its_words() -> None:
    stored = make_job(positive=SECRET).request.model_dump(mode="json") | {"invented_later": SECRET}
    with pytest.raises(ValidationError, match="invented_later") as caught:
        GenerationRequest.model_validate(stored)
    assert SECRET not in str(caught.value)
