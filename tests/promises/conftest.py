"""How many walks: ``pytest tests/promises --seeds 2000``; ``--first-seed`` begins elsewhere."""

import pytest

SEEDS = 200


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, help=f"walks of the state machine (default: {SEEDS})")
    parser.addoption("--first-seed", type=int, help="begin with another seed than the usual one (default: 0)")


@pytest.fixture(scope="session")
def seeds(pytestconfig: pytest.Config) -> int:
    """The options are unknown when this folder was not named on the command line."""
    chosen = pytestconfig.getoption("--seeds", default=None)
    return SEEDS if chosen is None else int(chosen)


@pytest.fixture(scope="session")
def first_seed(pytestconfig: pytest.Config) -> int:
    chosen = pytestconfig.getoption("--first-seed", default=None)
    return 0 if chosen is None else int(chosen)
