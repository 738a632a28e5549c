"""Walks of the state machine: what the gateway promises holds after every step, and at rest."""

import hypothesis
import pytest
import structlog
from hypothesis import HealthCheck, Phase
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.stateful import run_state_machine_as_test

from gateway.store.tasks import TaskKind
from tests.promises.machine import Walk
from tests.promises.tally import Tally
from tests.promises.upstream import Answer
from tests.promises.world import FAULTS, POINTS, PROBES, Listening

STEPS = 50

ENOUGH = 100
"""A shorter run need not have seen everything."""

SOMETIMES = (
    *(f"answer: {answer}" for answer in Answer),
    *(f"killed: {point}" for point in (*PROBES, *POINTS)),
    *(f"database: {fault}" for fault in FAULTS),
    *(f"task: {kind}" for kind in TaskKind),
    *(f"kept waiting: {where}" for where in ("before a write", "after a write", "answer due", "under way")),
    *(f"crash: {where}" for where in ("before a write", "after a write", "answer due")),
    *(f"cancel: {state}" for state in ("queued resting", "in_progress running", "in_progress outcome_unknown")),
    *(f"create: {code}" for code in ("402 insufficient_funds", "503 quarantined", "replayed", "key reused")),
    *(f"hook: while {state}" for state in ("submitting", "running", "unknown", "succeeded", "failed")),
    *("hook: forged", "hook: an old one", "poll: unreachable", "poll: not found", "file: unreachable", "file: gone"),
    *("restore", "release: fail", "release: resume", "operator: bind", "operator: void", "top up", "quoted"),
    *("correct: booked", "correct: too_much"),
    *("upstream knew the key", "cost above the range", "late success", "video: canceled and charged"),
    *(f"video: failed {code}" for code in ("content_rejected", "deadline_exceeded", "generation_failed")),
    "video: failed submission_outcome_unknown",
)
"""A run in which one of these never happened has proved little."""


@pytest.fixture
def walk(monkeypatch):
    """The machine with a tally of its own, and everything that is logged meanwhile."""
    # numbers found in the modules that happen to be loaded would make a seed another walk in another run
    monkeypatch.setattr(HypothesisProvider, "_maybe_draw_constant", lambda *args, **named: None)
    listening = Listening(Tally())
    structlog.configure(processors=[listening])
    yield type("Walk", (Walk,), {"tally": listening.tally, "listening": listening})
    structlog.reset_defaults()


@pytest.mark.timeout(3600)
def test_no_walk_breaks_a_promise(walk, some_seeds, record_property):
    for seed in some_seeds:
        _take(seed, walk)
    record_property("happened", walk.tally.counts())

    missing = walk.tally.missing(SOMETIMES)
    assert len(some_seeds) < ENOUGH or not missing, f"never happened: {missing}"


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
