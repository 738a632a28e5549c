"""What a refusal means for the account and for the video, and who may pay twice: only who said so, and only once."""

import pytest

from gateway.policy.failover import MAX_UNKNOWN, REFUSED, AccountStep, Consequence, VideoStep, after_unknown
from gateway.policy.verdict import REFUSALS
from schema.errors import FailureKind
from schema.video import OnUnknown

TABLE = {
    "invalid_request": ("nothing", "fail"),
    "content_rejected": ("nothing", "fail"),
    "unsupported": ("nothing", "elsewhere"),
    "callback_refused": ("no_callback", "reroute"),
    "out_of_credits": ("dry", "reroute"),
    "unauthorized": ("distrust", "reroute"),
    "rate_limited": ("rest", "reroute"),
    "busy": ("rest", "reroute"),
    "unreachable": ("count", "reroute"),
}


@pytest.mark.parametrize(("kind", "steps"), TABLE.items(), ids=TABLE)
def test_every_refusal_has_its_consequence(kind, steps):
    account, video = steps

    assert REFUSED[FailureKind(kind)] == Consequence(AccountStep(account), VideoStep(video))


def test_every_refusal_and_nothing_sent_has_a_consequence_and_nothing_else_has():
    assert set(REFUSED) == REFUSALS | {FailureKind.UNREACHABLE}
    assert {kind.value for kind in REFUSED} == set(TABLE)


def test_only_infrastructure_failures_count_towards_the_breaker():
    counting = {kind for kind, consequence in REFUSED.items() if consequence.account is AccountStep.COUNT}

    assert counting == {FailureKind.UNREACHABLE}


def test_what_is_wrong_with_the_wish_is_never_shopped_around():
    failing = {kind for kind, consequence in REFUSED.items() if consequence.video is VideoStep.FAIL}

    assert failing == {FailureKind.INVALID_REQUEST, FailureKind.CONTENT_REJECTED}


@pytest.mark.parametrize("policy", OnUnknown)
@pytest.mark.parametrize("unknown_so_far", [1, 2, 3])
def test_a_provider_that_knows_our_key_is_sent_the_same_again(policy, unknown_so_far):
    assert after_unknown(policy, keyed=True, unknown_so_far=unknown_so_far) is VideoStep.REPLAY


@pytest.mark.parametrize(
    ("policy", "unknown_so_far", "step"),
    [
        pytest.param("fail", 1, "fail", id="without-consent-it-fails"),
        pytest.param("fail", 2, "fail", id="without-consent-it-fails-again"),
        pytest.param("wait", 1, "wait", id="who-waits-pays-once"),
        pytest.param("wait", 5, "wait", id="who-waits-waits-on"),
        pytest.param("retry", 1, "reroute", id="consent-buys-one-more-anywhere"),
        pytest.param("retry", 2, "fail", id="never-a-third"),
        pytest.param("failover", 1, "elsewhere", id="consent-buys-one-more-elsewhere"),
        pytest.param("failover", 2, "fail", id="never-a-third-elsewhere"),
        pytest.param("failover", 9, "fail", id="however-many-there-are"),
    ],
)
def test_without_a_key_the_tenant_s_consent_decides(policy, unknown_so_far, step):
    assert after_unknown(OnUnknown(policy), keyed=False, unknown_so_far=unknown_so_far) is VideoStep(step)


@pytest.mark.parametrize("policy", OnUnknown)
def test_no_policy_ever_allows_a_third_submit(policy):
    more = [n for n in range(1, 10) if after_unknown(policy, keyed=False, unknown_so_far=n) not in _ENDS]

    assert len(more) < MAX_UNKNOWN


_ENDS = {VideoStep.FAIL, VideoStep.WAIT}
