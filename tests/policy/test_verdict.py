"""The classifier's table: what became of a paid request, from the evidence and nothing else.

A row that is wrong here either pays twice (NOT_SENT or REJECTED for a video that is being made) or strands a tenant
(UNKNOWN for a plain refusal), so every row is written out.
"""

import pytest

from gateway.policy.verdict import REFUSALS, Evidence, Outcome, classify
from gateway.upstream import read
from providers.base import Accepted, Provider, Submission, WireResponse
from providers.doitong.adapter import Options as DoitongOptions
from providers.doitong.adapter import build as doitong
from providers.veo3o1.adapter import build as veo3o1
from schema.attempt import Reason, Verdict
from schema.errors import FailureKind, ProviderFailure
from schema.video import VideoSpec
from tests.providers.play import answer

UUID = "0b9f3e1c-5b7c-4a53-9df7-2f2c8f6c0a11"
HTML = b"<html><body>Please wait</body></html>"

# what the transport can tell when no whole answer came


@pytest.mark.parametrize(
    ("started", "trouble", "verdict", "kind"),
    [
        pytest.param(False, "ConnectError: no such host", Verdict.NOT_SENT, "unreachable", id="dns"),
        pytest.param(False, "ConnectError: connection refused", Verdict.NOT_SENT, "unreachable", id="port-closed"),
        pytest.param(False, "ConnectError: certificate expired", Verdict.NOT_SENT, "unreachable", id="tls"),
        pytest.param(False, "ConnectTimeout", Verdict.NOT_SENT, "unreachable", id="connect-timeout"),
        pytest.param(False, "PoolTimeout", Verdict.NOT_SENT, "unreachable", id="pool-timeout"),
        pytest.param(False, "InvalidURL: no host", Verdict.NOT_SENT, "unreachable", id="refused-here"),
        pytest.param(False, "ReadError", Verdict.NOT_SENT, "unreachable", id="any-error-before-the-first-byte"),
        pytest.param(False, "TimeoutError", Verdict.NOT_SENT, "unreachable", id="deadline-before-the-first-byte"),
        pytest.param(True, "ReadError", Verdict.UNKNOWN, "lost", id="reset-on-accept"),
        pytest.param(True, "WriteError", Verdict.UNKNOWN, "lost", id="reset-half-way-through-the-body"),
        pytest.param(True, "ReadError", Verdict.UNKNOWN, "lost", id="reset-after-the-whole-request"),
        pytest.param(True, "RemoteProtocolError", Verdict.UNKNOWN, "lost", id="closed-after-the-whole-request"),
        pytest.param(True, "ReadTimeout", Verdict.UNKNOWN, "lost", id="silence"),
        pytest.param(True, "RemoteProtocolError: incomplete body", Verdict.UNKNOWN, "lost", id="short-body"),
        pytest.param(True, "TimeoutError", Verdict.UNKNOWN, "lost", id="dripped-past-the-deadline"),
        pytest.param(True, "ConnectTimeout", Verdict.UNKNOWN, "lost", id="the-trace-counts-and-not-the-class"),
        pytest.param(True, "", Verdict.UNKNOWN, "lost", id="without-a-word"),
    ],
)
def test_only_a_request_whose_first_byte_never_left_was_not_sent(started, trouble, verdict, kind):
    outcome = classify(Evidence(started=started, reading=None, trouble=trouble))

    assert outcome == Outcome(verdict=verdict, reason=Reason(FailureKind(kind), trouble))


# what an adapter's reading of a whole answer means


@pytest.mark.parametrize("kind", FailureKind)
def test_a_named_refusal_is_rejected_and_every_other_kind_is_unknown(kind):
    outcome = classify(Evidence(started=True, reading=ProviderFailure(kind, "why")))

    assert outcome.verdict is (Verdict.REJECTED if kind in REFUSALS else Verdict.UNKNOWN)
    assert outcome.reason == Reason(kind, "why")
    assert outcome.accepted is None


def test_the_refusals_are_these_and_no_others():
    assert {kind.value for kind in REFUSALS} == {
        *("invalid_request", "content_rejected", "unsupported", "callback_refused"),
        *("out_of_credits", "unauthorized", "rate_limited", "busy"),
    }


def test_a_ref_is_accepted():
    accepted = Accepted(ref="abc", credits=120)

    assert classify(Evidence(started=True, reading=accepted)) == Outcome(verdict=Verdict.ACCEPTED, accepted=accepted)


def test_a_refusal_keeps_how_long_to_stay_away_and_the_balance_it_told():
    failure = ProviderFailure(FailureKind.OUT_OF_CREDITS, "", retry_after=7.5, credits_required=2, credits_available=1)

    outcome = classify(Evidence(started=True, reading=failure))

    assert (outcome.retry_after, outcome.credits_available) == (7.5, 1)


# whole answers, as the providers give them

VEO3O1 = veo3o1(None)
GRAPHQL = doitong(None)
REST = doitong(DoitongOptions(transport="rest"))
ALL = [
    pytest.param(VEO3O1, id="veo3o1"),
    pytest.param(GRAPHQL, id="doitong-graphql"),
    pytest.param(REST, id="doitong-rest"),
]
every_provider = pytest.mark.parametrize("provider", ALL)


def verdict_on(provider: Provider, response: WireResponse) -> tuple[str, str]:
    """The verdict, and the kind of refusal or the ref."""
    flow = provider.adapter.submit(VideoSpec(prompt="a fox"), Submission(key="att_1"))
    next(flow)
    outcome = classify(Evidence(started=True, reading=read(flow, response)))
    if outcome.accepted is not None:
        return outcome.verdict.value, outcome.accepted.ref
    assert outcome.reason is not None
    return outcome.verdict.value, outcome.reason.code.value


@every_provider
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        pytest.param(400, "invalid_request", id="400"),
        pytest.param(401, "unauthorized", id="401"),
        pytest.param(402, "out_of_credits", id="402"),
        pytest.param(404, "unsupported", id="404"),
        pytest.param(405, "unsupported", id="405"),
        pytest.param(413, "invalid_request", id="413"),
        pytest.param(415, "invalid_request", id="415"),
        pytest.param(422, "invalid_request", id="422"),
        pytest.param(429, "rate_limited", id="429"),
    ],
)
@pytest.mark.parametrize("body", [b"", b"{}", HTML, b'{"data": null}'], ids=["empty", "object", "html", "no-data"])
def test_a_refusing_status_is_rejected_with_or_without_a_body(provider, status, kind, body):
    assert verdict_on(provider, answer(body, status)) == ("rejected", kind)


@every_provider
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param({}, "unauthorized", id="the-upstream-itself"),
        pytest.param(HTML, "busy", id="a-guard-in-front-of-it"),
        pytest.param(b"", "busy", id="nobody-in-particular"),
    ],
)
def test_a_forbidden_is_rejected_and_blames_the_credential_only_when_the_upstream_speaks(provider, body, kind):
    assert verdict_on(provider, answer(body, 403)) == ("rejected", kind)


@every_provider
@pytest.mark.parametrize(
    "status",
    [*(408, 409, 425, 499), *(500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 529), *(300, 301, 302, 303, 307, 308)],
)
@pytest.mark.parametrize("body", [b"", HTML], ids=["empty", "html"])
def test_a_status_that_leaves_it_open_is_unknown(provider, status, body):
    verdict, _ = verdict_on(provider, answer(body, status))

    assert verdict == "unknown"


@every_provider
@pytest.mark.parametrize(
    "response",
    [
        pytest.param(answer(b""), id="empty"),
        pytest.param(answer(b"", 204), id="no-content"),
        pytest.param(answer(HTML), id="html"),
        pytest.param(answer(b'{"code": 0, "data": {"uu'), id="cut-short"),
        pytest.param(answer([]), id="a-list"),
        pytest.param(answer({}), id="an-empty-object"),
        pytest.param(answer({"code": 0, "msg": "Success", "data": {}}), id="success-without-an-id"),
        pytest.param(answer({"code": 7, "msg": "?", "data": {}}), id="an-unknown-code"),
        pytest.param(answer({"data": {"generate": None}}), id="data-is-null"),
        pytest.param(answer({"errors": [{"message": "?", "extensions": {"code": "NEW_WORD"}}]}), id="an-unknown-word"),
        pytest.param(answer({"errors": [{"message": "Something failed"}]}), id="an-error-without-a-code"),
    ],
)
def test_a_2xx_that_names_no_video_and_no_reviewed_refusal_is_unknown(provider, response):
    assert verdict_on(provider, response)[0] == "unknown"


@pytest.mark.parametrize("status", [200, 202, 400, 409, 500, 503])
@pytest.mark.parametrize(
    ("code", "kind"),
    [(1000, "invalid_request"), (1001, "out_of_credits"), (1002, "unauthorized"), (1003, "rate_limited")],
)
@pytest.mark.parametrize("data", [{}, None, {"uuid": UUID}], ids=["no-data", "null", "an-id-beside-it"])
def test_a_refusing_envelope_is_rejected_under_any_status(status, code, kind, data):
    response = answer({"code": code, "msg": "no", "data": data}, status)

    assert verdict_on(VEO3O1, response) == ("rejected", kind)


@pytest.mark.parametrize("status", [200, 400, 500, 503])
def test_a_server_error_in_an_envelope_is_unknown_under_any_status(status):
    assert verdict_on(VEO3O1, answer({"code": 5000, "msg": "busy", "data": {}}, status)) == ("unknown", "unavailable")


@pytest.mark.parametrize("code", [0, "0", 5000, 7, None])
@pytest.mark.parametrize("status", [200, 201, 409, 500])
def test_an_id_in_an_envelope_is_accepted_whatever_stands_beside_it(code, status):
    response = answer({"code": code, "msg": "?", "data": {"uuid": UUID, "status": "pending"}}, status)

    assert verdict_on(VEO3O1, response) == ("accepted", UUID)


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("INSUFFICIENT_CREDITS", ("rejected", "out_of_credits")),
        ("UNAUTHENTICATED", ("rejected", "unauthorized")),
        ("FORBIDDEN", ("rejected", "unauthorized")),
        ("BAD_USER_INPUT", ("rejected", "invalid_request")),
        ("GRAPHQL_VALIDATION_FAILED", ("rejected", "invalid_request")),
        ("CONTENT_POLICY_VIOLATION", ("rejected", "content_rejected")),
        ("RATE_LIMIT_EXCEEDED", ("rejected", "rate_limited")),
        ("CONCURRENT_LIMIT_EXCEEDED", ("rejected", "busy")),
        ("INTERNAL_SERVER_ERROR", ("unknown", "unavailable")),
        ("SERVICE_UNAVAILABLE", ("unknown", "unavailable")),
    ],
)
def test_a_reviewed_graphql_code_decides_under_any_status(status, code, verdict):
    body = {"errors": [{"message": "no", "extensions": {"code": code}}], "data": {"generate": None}}

    assert verdict_on(GRAPHQL, answer(body, status)) == verdict


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("code", ["INTERNAL_SERVER_ERROR", "INSUFFICIENT_CREDITS", None])
def test_an_id_beside_graphql_errors_is_accepted(status, code):
    body = {"data": {"generate": {"id": "abc123", "status": "processing"}}, "errors": [{"extensions": {"code": code}}]}

    assert verdict_on(GRAPHQL, answer(body, status)) == ("accepted", "abc123")


@pytest.mark.parametrize(
    "ref",
    [
        pytest.param("", id="empty"),
        pytest.param("a" * 129, id="129-characters"),
        pytest.param("../etc", id="a-path"),
        pytest.param("a b", id="a-space"),
        pytest.param("a\nb", id="a-line-end"),
        pytest.param("a/b", id="a-slash"),
        pytest.param("é", id="not-ascii"),
        pytest.param(None, id="null"),
        pytest.param(True, id="true"),
        pytest.param(-1, id="negative"),
        pytest.param(["a"], id="a-list"),
    ],
)
def test_an_id_that_is_not_safe_to_keep_is_not_an_id(ref):
    assert verdict_on(VEO3O1, answer({"code": 0, "msg": "Success", "data": {"uuid": ref}}))[0] == "unknown"
    assert verdict_on(GRAPHQL, answer({"data": {"generate": {"id": ref, "status": "processing"}}}))[0] == "unknown"


@pytest.mark.parametrize("ref", ["a", "a" * 128, UUID, "gen:12~3.x", 42])
def test_an_id_of_the_safe_alphabet_is_kept_as_it_is(ref):
    assert verdict_on(VEO3O1, answer({"code": 0, "data": {"uuid": ref}})) == ("accepted", str(ref))
    assert verdict_on(GRAPHQL, answer({"data": {"generate": {"id": ref}}})) == ("accepted", str(ref))
