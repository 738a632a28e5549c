"""What speaks against an account now, and what it teaches us when it refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.failover import AccountStep
from gateway.policy.metering import Full
from gateway.policy.standing import Lesson, learned, standing
from schema.account import Account, AccountState, Circuit, CredentialState, Limits, Secret
from schema.errors import FailureKind
from schema.quote import PASSING, Exclusion, ReasonCode

NOW = 1_000_000
FRESH = AccountState(id="a")


def account(concurrent: int | None = None, credential_version: int = 1) -> Account:
    return Account(
        id="a",
        provider="p",
        base_url="https://api.example.com",
        credential=Secret("s"),
        credential_version=credential_version,
        limits=Limits(concurrent=concurrent),
    )


def against(state: AccountState = FRESH, *, of: Account | None = None, load: int = 0) -> tuple[Exclusion, ...]:
    return standing(of or account(), state, load=load, now=NOW)


def test_nothing_speaks_against_a_fresh_account():
    assert against() == ()


@pytest.mark.parametrize(
    ("refused", "configured", "speaks"),
    [
        pytest.param(1, 1, True, id="the-credential-it-refused"),
        pytest.param(2, 1, True, id="an-older-one-than-it-refused"),
        pytest.param(1, 2, False, id="a-newer-one-is-untried"),
    ],
)
def test_a_refused_credential_speaks_until_it_changes(refused, configured, speaks):
    state = AccountState(id="a", credential=CredentialState.REFUSED, credential_version=refused)

    found = against(state, of=account(credential_version=configured))

    assert found == ((Exclusion(ReasonCode.UNAUTHORIZED),) if speaks else ())


@pytest.mark.parametrize(
    ("why", "code"),
    [
        pytest.param("rate_limited", ReasonCode.RATE_LIMITED, id="rate-limited"),
        pytest.param("busy", ReasonCode.BUSY, id="busy"),
        pytest.param("out_of_credits", ReasonCode.OUT_OF_CREDITS, id="out-of-credits"),
        pytest.param("a_word_of_a_newer_version", ReasonCode.BUSY, id="a-word-we-do-not-know"),
        pytest.param(None, ReasonCode.BUSY, id="no-word"),
    ],
)
def test_a_resting_account_says_why_and_until_when(why, code):
    state = AccountState(id="a", resting_until=NOW + 1, resting_reason=why)

    assert against(state) == (Exclusion(code, until=NOW + 1),)


@pytest.mark.parametrize("until", [NOW, NOW - 1, 0])
def test_a_rest_that_is_over_does_not_speak(until):
    assert against(AccountState(id="a", resting_until=until, resting_reason="busy")) == ()


@pytest.mark.parametrize("until", [NOW + 1, NOW, NOW - 1], ids=["later", "now", "past"])
def test_an_open_circuit_says_until_when_and_stays_open_until_it_was_probed(until):
    state = AccountState(id="a", circuit=Circuit.OPEN, circuit_until=until, failures=5, poll_failures=2)

    assert against(state) == (
        Exclusion(ReasonCode.CIRCUIT_OPEN, {"failures": 5}, until=until if until > NOW else None),
    )


@pytest.mark.parametrize(
    ("until", "able"),
    [
        pytest.param(None, True, id="nobody-on-trial"),
        pytest.param(NOW, True, id="a-trial-that-lapsed"),
        pytest.param(NOW + 1, False, id="a-trial-under-way"),
    ],
)
def test_a_half_open_circuit_takes_one_video_at_a_time(until, able):
    state = AccountState(id="a", circuit=Circuit.HALF_OPEN, trial="att_1", trial_until=until)

    found = against(state, of=account(concurrent=10), load=3)

    assert found == (() if able else (Exclusion(ReasonCode.CIRCUIT_OPEN, until=until),))


def test_a_paused_account_tells_callers_neither_who_paused_it_nor_why():
    state = AccountState(id="a", paused_at=NOW, paused_by="house …hijk", pause_note="maintenance")

    assert against(state) == (Exclusion(ReasonCode.PAUSED),)


@pytest.mark.parametrize(
    ("concurrent", "load", "able"),
    [
        pytest.param(3, 2, True, id="room-for-one"),
        pytest.param(3, 3, False, id="full"),
        pytest.param(3, 4, False, id="over"),
        pytest.param(None, 10_000, True, id="no-limit"),
    ],
)
def test_an_account_takes_as_many_videos_at_once_as_its_limit(concurrent, load, able):
    found = against(of=account(concurrent=concurrent), load=load)

    assert found == (() if able else (Exclusion(ReasonCode.AT_CAPACITY, {"running": load, "limit": concurrent}),))


def test_a_minute_of_which_an_answer_only_said_that_nothing_is_left_tells_no_limit():
    said = standing(account(), AccountState(id="a"), load=0, now=NOW, minute=Full(limit=0, used=0, until=NOW + 9))

    assert said == (Exclusion(ReasonCode.MINUTE_QUOTA_EXHAUSTED, until=NOW + 9),)


def test_every_reason_speaks_at_once():
    state = AccountState(
        id="a",
        circuit=Circuit.OPEN,
        paused_at=NOW,
        resting_until=NOW + 1,
        resting_reason="out_of_credits",
        credential=CredentialState.REFUSED,
        credential_version=1,
    )

    codes = [reason.code for reason in against(state, of=account(concurrent=2), load=2)]

    assert codes == [
        ReasonCode.PAUSED,
        ReasonCode.UNAUTHORIZED,
        ReasonCode.OUT_OF_CREDITS,
        ReasonCode.CIRCUIT_OPEN,
        ReasonCode.AT_CAPACITY,
    ]


@given(
    st.builds(
        AccountState,
        id=st.just("a"),
        failures=st.integers(0, 20),
        circuit=st.sampled_from(Circuit),
        circuit_until=st.none() | st.integers(0, 2 * NOW),
        trial_until=st.none() | st.integers(0, 2 * NOW),
        paused_at=st.none() | st.just(NOW),
        resting_until=st.none() | st.integers(0, 2 * NOW),
        resting_reason=st.none() | st.sampled_from([kind.value for kind in FailureKind]),
        credential=st.sampled_from(CredentialState),
        credential_version=st.integers(0, 2),
    ),
    st.integers(0, 5),
)
def test_whatever_its_state_all_that_speaks_against_an_account_may_pass(state, load):
    found = against(state, of=account(concurrent=2), load=load)

    assert {reason.code for reason in found} <= PASSING
    assert all(reason.until is None or reason.until > NOW for reason in found)


# lessons


def after(step: AccountStep, kind: FailureKind, state: AccountState = FRESH, **facts) -> AccountState:
    return learned(state, Lesson(step=step, kind=kind, **facts), credential_version=3, now=NOW)


def test_nothing_to_learn_changes_nothing():
    assert after(AccountStep.NOTHING, FailureKind.INVALID_REQUEST) == FRESH


@pytest.mark.parametrize(
    ("step", "kind", "retry_after", "rest"),
    [
        pytest.param("rest", "rate_limited", None, 10_000, id="too-fast-without-a-time"),
        pytest.param("rest", "busy", 7.5, 7_500, id="until-the-time-it-named"),
        pytest.param("rest", "busy", 0, 1_000, id="at-least-a-second"),
        pytest.param("rest", "busy", -5, 1_000, id="a-time-in-the-past"),
        pytest.param("rest", "rate_limited", 1e9, 3_600_000, id="at-most-an-hour"),
        pytest.param("dry", "out_of_credits", None, 600_000, id="no-credits"),
        pytest.param("dry", "out_of_credits", 60, 60_000, id="no-credits-until-the-time-it-named"),
    ],
)
def test_an_account_rests_until_the_time_it_named_or_a_while(step, kind, retry_after, rest):
    state = after(AccountStep(step), FailureKind(kind), retry_after=retry_after)

    assert state == AccountState(id="a", resting_until=NOW + rest, resting_reason=kind, rests=int(step == "rest"))
    (reason,) = against(state)
    assert (reason.code, reason.until) == (ReasonCode(kind), NOW + rest)


@pytest.mark.parametrize(
    ("rests", "luck", "rest"),
    [
        pytest.param(0, 0.5, 10_000, id="first"),
        pytest.param(1, 0.5, 20_000, id="twice-as-long"),
        pytest.param(2, 0.5, 40_000, id="and-again"),
        pytest.param(3, 0.5, 60_000, id="a-minute-at-most"),
        pytest.param(10_000, 0.5, 60_000, id="however-often"),
        pytest.param(0, 0.0, 8_000, id="a-fifth-less-by-luck"),
        pytest.param(0, 1.0, 12_000, id="a-fifth-more-by-luck"),
    ],
)
def test_an_account_that_names_no_time_rests_longer_with_each_refusal_in_a_row(rests, luck, rest):
    lesson = Lesson(step=AccountStep.REST, kind=FailureKind.RATE_LIMITED, luck=luck)
    state = learned(AccountState(id="a", rests=rests), lesson, credential_version=1, now=NOW)

    assert (state.resting_until, state.rests) == (NOW + rest, rests + 1)


def test_an_account_without_room_in_its_minute_or_day_says_so_and_until_when():
    minute, day = Full(limit=10, used=10, until=NOW + 5), Full(limit=100, used=100, until=NOW + 9)
    account = Account(id="a", provider="p", base_url="http://127.0.0.1", credential=Secret("s"))
    found = standing(account, FRESH, load=0, now=NOW, minute=minute, day=day)

    assert found == (
        Exclusion(ReasonCode.MINUTE_QUOTA_EXHAUSTED, {"limit": 10, "used": 10}, until=NOW + 5),
        Exclusion(ReasonCode.DAILY_QUOTA_EXHAUSTED, {"limit": 100, "used": 100}, until=NOW + 9),
    )


def test_a_refused_credential_is_remembered_with_its_version():
    state = after(AccountStep.DISTRUST, FailureKind.UNAUTHORIZED)

    assert (state.credential, state.credential_version) == (CredentialState.REFUSED, 3)
    assert against(state, of=account(credential_version=3))
    assert not against(state, of=account(credential_version=4))


def test_a_refused_callback_is_remembered():
    assert after(AccountStep.NO_CALLBACK, FailureKind.CALLBACK_REFUSED) == AccountState(id="a", callbacks_refused=True)


@pytest.mark.parametrize("step", AccountStep)
def test_without_a_balance_the_last_one_stays(step):
    known = AccountState(id="a", credits=40, credits_at=5)

    state = after(step, FailureKind.BUSY, known)

    assert (state.credits, state.credits_at) == (40, 5)
