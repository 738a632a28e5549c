"""How long the crash runs are: ``pytest tests/flows --rounds 20`` for the long ones."""

import pytest

ROUNDS = 2


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, help=f"kills for each point and provider (default: {ROUNDS})")


@pytest.fixture(scope="session")
def rounds(pytestconfig: pytest.Config) -> int:
    """How often each crash is repeated; the option is unknown when this folder was not named on the command line."""
    chosen = pytestconfig.getoption("--rounds", default=None)
    return ROUNDS if chosen is None else int(chosen)
