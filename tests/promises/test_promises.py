"""Walks of the state machine: what the gateway promises holds after every step, and at rest."""

import sys
import time

import hypothesis
import pytest
import structlog
from hypothesis import HealthCheck, Phase
from hypothesis.stateful import run_state_machine_as_test

from tests.promises.machine import Walk
from tests.promises.tally import Tally
from tests.promises.world import Listening

PARTS = 2
"""Parts of a run, so that two processors share it."""

STEPS = 50


@pytest.fixture
def walk():
    """The machine with a tally of its own, and everything that is logged meanwhile."""
    tally = Tally()
    machine = type("Walk", (Walk,), {"tally": tally, "listening": Listening(tally)})
    structlog.configure(processors=[machine.listening])
    yield machine
    structlog.reset_defaults()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_walk_breaks_a_promise(walk, seeds, first_seed, part):
    began = time.perf_counter()
    try:
        for seed in range(first_seed + part, first_seed + seeds, PARTS):
            _take(seed, walk)
    finally:
        sys.stdout.write(f"\n{time.perf_counter() - began:.1f} s, {walk.tally.report()}\n")


def _take(seed, walk):
    """One walk for each seed: in a run of many, Hypothesis would vary what it has seen instead of trying new things."""
    settings = hypothesis.settings(
        max_examples=1,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(hypothesis.seed(seed)(walk), settings=settings)
    except BaseException as broken:
        broken.add_note(f"again: pytest tests/promises --first-seed {seed} --seeds 1")
        raise
