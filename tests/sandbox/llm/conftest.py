from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sandbox.llm import StandInLanguageModel, StandInModelOptions


@pytest.fixture
async def llm() -> AsyncIterator[StandInLanguageModel]:
    async with StandInLanguageModel(options=StandInModelOptions(token_seconds=0)) as server:
        yield server
