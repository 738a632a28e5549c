"""One running pair for each file of tests: starting one is what takes time here."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.running import Running, Setup, running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(Setup(folder=tmp_path_factory.mktemp("pair"))) as both:
        yield both
