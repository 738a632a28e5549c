"""One gateway for each file of tests: starting one is what takes time here."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.running import Running, Setup, running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gw(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    async with running(Setup(folder=folder)) as gateway:
        yield gateway
