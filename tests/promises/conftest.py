"""How many walks, ``make seeds`` or ``pytest tests/promises --seeds 2000``, and what happened in them."""

import pytest

from tests.promises.tally import Tally

SEEDS = 100
PARTS = 2
"""Parts of a longer run, so that two processors share it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, help=f"walks of the state machine (default: {SEEDS})")
    parser.addoption("--first-seed", type=int, help="begin with another seed than the usual one (default: 0)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "some_seeds" in metafunc.fixturenames:
        first, count = _chosen(metafunc.config, "--first-seed", 0), _chosen(metafunc.config, "--seeds", SEEDS)
        parts = PARTS if count > SEEDS else 1
        shares = [range(first + part, first + count, parts) for part in range(parts)]
        metafunc.parametrize("some_seeds", shares, ids=map(str, range(parts)))


def _chosen(config: pytest.Config, option: str, usual: int) -> int:
    """The options are unknown when this folder was not named on the command line."""
    chosen = config.getoption(option, default=None)
    return usual if chosen is None else int(chosen)


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
