"""How many walks, ``make seeds`` or ``pytest tests/promises --seeds 2000``, and what happened in them."""

import pytest

from tests.promises.tally import Tally

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How often each rule and each fault really happened, all processes of the run together."""
    calls = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    tallies = [dict(report.user_properties).get("happened") for report in calls if report.when == "call"]
    found = [tally for tally in tallies if isinstance(tally, dict)]
    total = Tally()
    for tally in found:
        for what, count in tally.items():
            total.note(str(what), int(count))
    if found:
        terminalreporter.write_line(total.report())
