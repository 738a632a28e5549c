"""Doitong's adapter: the contract, and what is peculiar to it."""

import base64
import hashlib
import hmac

import msgspec
import pytest

from providers.base import Hook, Replay, Submission
from providers.doitong import DOITONG
from providers.doitong.adapter import Options, build
from providers.doitong.wire import GENERATE, STATUS_QUERY
from schema.account import Limits, Secret
from schema.errors import FailureKind, ProviderFailure
from schema.money import CreditRange
from schema.video import AspectRatio, Quality, VideoSpec
from tests.providers.contract import ProviderContract
from tests.providers.play import answer, asked, play

LAKE = VideoSpec(prompt="A serene lake")
SUBMISSION = Submission(key="att_01key", callback_url="https://gateway.example/hooks/t0ken")
REST = Options(transport="rest")


class TestDoitong(ProviderContract):
    kind = DOITONG
    accepted = answer({"data": {"generatevideo": {"id": "abc123xyz", "status": "processing"}}})
    wishes = (
        LAKE,
        VideoSpec(prompt="p", aspect_ratio=AspectRatio.AUTO),
        VideoSpec(prompt="p", aspect_ratio=AspectRatio.SQUARE, seconds=5),
        VideoSpec(prompt="p", aspect_ratio=AspectRatio.TALL, seconds=10, quality=Quality.STANDARD),
    )
    beyond = (
        VideoSpec(prompt="p", seconds=4),
        VideoSpec(prompt="p", seconds=11),
        VideoSpec(prompt="p", image_url="https://img.example/a.png"),
    )
    ref = "abc123xyz"
    signing_header = "x-doitong-signature"

    @classmethod
    def setups(cls):
        return [
            ("graphql", build(None)),
            ("graphql-input", build(Options(webhook_in="input", version="veo-3"))),
            ("graphql-no-hooks", build(Options(webhook_in="none"))),
            ("graphql-rest-polls", build(Options(status_query="", status_path="/v1/videos/{ref}"))),
            ("graphql-no-polls", build(Options(status_query=""))),
            ("rest", build(REST)),
            ("rest-no-polls", build(Options(transport="rest", status_query=""))),
        ]


def request_of(spec: VideoSpec, options: Options | None = None, submission: Submission = SUBMISSION):
    return asked(build(options).adapter.submit(spec, submission))


def body_of(spec: VideoSpec, options: Options | None = None, submission: Submission = SUBMISSION):
    return msgspec.json.decode(request_of(spec, options, submission).body)


def input_of(spec: VideoSpec, options: Options | None = None, submission: Submission = SUBMISSION):
    return body_of(spec, options, submission)["variables"]["input"]


# submits


@pytest.mark.parametrize(
    ("options", "path"),
    [
        pytest.param(Options(), "/graphql", id="graphql"),
        pytest.param(REST, "/v1/text_to_video", id="rest"),
    ],
)
def test_a_submit_may_be_replayed_under_its_key_through_either_door(options, path):
    request = request_of(LAKE, options)

    assert (request.method, request.path, request.replay) == ("POST", path, Replay.KEYED)
    assert request.headers["idempotency-key"] == "att_01key"


def test_graphql_sends_the_documented_mutation_with_everything_in_one_variable():
    assert body_of(
        VideoSpec(prompt="A serene lake", aspect_ratio=AspectRatio.WIDE, seconds=7, quality=Quality.HIGH)
    ) == {
        "query": GENERATE,
        "variables": {
            "input": {
                "type": "VIDEO",
                "provider": "veo3",
                "input": {"text": "A serene lake"},
                "options": {
                    "duration": 7,
                    "aspectRatio": "16:9",
                    "quality": "high",
                    "webhookUrl": "https://gateway.example/hooks/t0ken",
                },
            }
        },
    }


def test_rest_sends_the_flat_parameters():
    assert body_of(VideoSpec(prompt="A serene lake", aspect_ratio=AspectRatio.SQUARE), REST) == {
        "service": "veo3",
        "prompt": "A serene lake",
        "duration": 5,
        "aspectRatio": "1:1",
        "webhookUrl": "https://gateway.example/hooks/t0ken",
    }


def test_a_duration_is_always_said_because_the_quote_counts_on_it():
    assert input_of(LAKE)["options"]["duration"] == 5
    assert body_of(LAKE, REST)["duration"] == 5


@pytest.mark.parametrize("ratio", [None, AspectRatio.AUTO], ids=["nothing", "auto"])
def test_a_ratio_left_to_the_provider_is_left_out(ratio):
    spec = VideoSpec(prompt="p", aspect_ratio=ratio)

    assert "aspectRatio" not in input_of(spec)["options"]
    assert "aspectRatio" not in body_of(spec, REST)


@pytest.mark.parametrize(
    ("options", "top", "inner"),
    [
        pytest.param(Options(webhook_in="options"), False, True, id="options"),
        pytest.param(Options(webhook_in="input"), True, False, id="input"),
        pytest.param(Options(webhook_in="none"), False, False, id="none"),
    ],
)
def test_the_callback_stands_where_the_account_says(options, top, inner):
    wish = input_of(LAKE, options)

    assert ("webhookUrl" in wish, "webhookUrl" in wish["options"]) == (top, inner)


def test_a_submission_without_a_callback_sends_none():
    assert b"webhookUrl" not in request_of(LAKE, submission=Submission(key="k")).body
    assert b"webhookUrl" not in request_of(LAKE, REST, Submission(key="k")).body
    assert b"webhookUrl" not in request_of(LAKE, Options(transport="rest", webhook_in="none")).body


def test_a_version_is_sent_only_when_the_account_names_one():
    assert "version" not in input_of(LAKE)["options"]
    assert input_of(LAKE, Options(version="veo-3"))["options"]["version"] == "veo-3"
    assert body_of(LAKE, Options(transport="rest", version="veo-3"))["version"] == "veo-3"


def test_standard_quality_is_said_by_silence():
    assert "quality" not in input_of(VideoSpec(prompt="p", quality=Quality.STANDARD))["options"]


@pytest.mark.parametrize(
    ("options", "qualities"),
    [
        pytest.param(Options(), (Quality.HIGH,), id="offered"),
        pytest.param(Options(high_quality=False), (), id="switched-off"),
        pytest.param(REST, (), id="rest-has-no-word-for-it"),
    ],
)
def test_high_quality_is_offered_where_it_can_be_said(options, qualities):
    assert build(options).capabilities.qualities == qualities


def test_each_door_takes_the_credential_in_its_own_header():
    graphql, rest = build(None), build(REST)

    assert graphql.adapter.authorize(request_of(LAKE), Secret("k")).headers["authorization"] == "Bearer k"
    assert rest.adapter.authorize(request_of(LAKE, REST), Secret("k")).headers["x-api-key"] == "k"


# polls


def polls_of(options: Options | None = None):
    polls = build(options).polls
    assert polls is not None
    return polls


@pytest.mark.parametrize("transport", ["graphql", "rest"])
def test_the_assumed_query_asks_beside_either_door(transport):
    request = asked(polls_of(Options(transport=transport)).poll("abc"))

    assert (request.method, request.path, request.replay) == ("POST", "/graphql", Replay.SAFE)
    assert msgspec.json.decode(request.body) == {"query": STATUS_QUERY, "variables": {"id": "abc"}}


def test_a_query_of_the_accounts_own_names_its_variable():
    query = "query Status($jobId: String!) { job(jobId: $jobId) { id status url } }"

    request = asked(polls_of(Options(status_query=query)).poll("abc"))

    assert msgspec.json.decode(request.body) == {"query": query, "variables": {"jobId": "abc"}}


def test_its_answer_is_read_whatever_its_field_is_called():
    polls = polls_of(Options(status_query="query($id: ID!) { job(id: $id) { id status url } }"))

    _, update = play(polls.poll("abc"), answer({"data": {"job": {"id": "abc", "status": "processing"}}}))

    assert update.ref == "abc"


def test_a_rest_path_is_asked_when_there_is_no_query():
    options = Options(status_query="", status_path="/v1/videos/{ref}")

    request = asked(polls_of(options).poll("a/b"))

    assert (request.method, request.path) == ("GET", "/v1/videos/a%2Fb")
    assert build(options).adapter.authorize(request, Secret("k")).headers["x-api-key"] == "k"


def test_the_query_counts_more_than_the_path():
    assert asked(polls_of(Options(status_path="/v1/videos/{ref}")).poll("abc")).path == "/graphql"


@pytest.mark.parametrize("transport", ["graphql", "rest"])
def test_without_query_and_path_it_can_not_be_asked(transport):
    assert build(Options(transport=transport, status_query="")).polls is None


@pytest.mark.parametrize(
    ("options", "named"),
    [
        pytest.param(Options(status_path="v1/videos/{ref}"), "status_path", id="path-without-slash"),
        pytest.param(Options(status_path="/v1/videos"), "status_path", id="path-without-ref"),
        pytest.param(Options(status_path="/v1/{ref}/{ref}"), "status_path", id="path-with-two-refs"),
        pytest.param(Options(status_query="{ generation { id } }"), "status_query", id="query-without-variable"),
        pytest.param(
            Options(status_query="mutation($id: ID!) { generate(id: $id) { id } }"), "status_query", id="mutation"
        ),
        pytest.param(Options(webhook_in="none", status_query=""), "webhook_in", id="no-way-to-learn-the-end"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(options, named):
    with pytest.raises(ValueError, match=f"^{named}: "):
        build(options)


def test_without_a_field_for_the_callback_no_hooks_are_expected():
    assert build(Options(webhook_in="none")).webhooks is None


# money and plans


@pytest.mark.parametrize(
    ("seconds", "quality", "quote", "estimate"),
    [
        pytest.param(None, None, CreditRange(100, 200), 100, id="plain"),
        pytest.param(5, Quality.STANDARD, CreditRange(100, 200), 100, id="5s"),
        pytest.param(7, None, CreditRange(100, 200), 140, id="7s"),
        pytest.param(10, None, CreditRange(100, 200), 200, id="10s"),
        pytest.param(None, Quality.HIGH, CreditRange(300, 500), 300, id="high"),
        pytest.param(6, Quality.HIGH, CreditRange(300, 500), 340, id="high-6s"),
        pytest.param(10, Quality.HIGH, CreditRange(300, 500), 500, id="high-10s"),
        pytest.param(60, None, CreditRange(100, 200), 200, id="beyond-its-longest"),
        pytest.param(1, None, CreditRange(100, 200), 100, id="below-its-shortest"),
    ],
)
def test_a_video_costs_by_length_and_quality(seconds, quality, quote, estimate):
    rates = build(None).rates
    spec = VideoSpec(prompt="p", seconds=seconds, quality=quality)

    assert rates.quote(spec) == quote
    assert rates.estimate(spec) == estimate


def test_its_plans_are_its_published_ones_and_the_smallest_is_the_default():
    assert DOITONG.default_plan == "free"
    assert dict(DOITONG.plans) == {
        "free": Limits(per_minute=10, concurrent=1, per_day=100),
        "starter": Limits(per_minute=30, concurrent=3, per_day=1000),
        "pro": Limits(per_minute=60, concurrent=10, per_day=10_000),
        "enterprise": Limits(),
    }


# hooks

SECRET = Secret("hook-secret")
OLD = Secret("old-hook-secret")
BODY = b'{"id": "abc123xyz", "status": "completed"}'


def digest(secret: Secret = SECRET, body: bytes = BODY) -> bytes:
    return hmac.new(secret.reveal().encode(), body, hashlib.sha256).digest()


HEX = digest().hex()
BASE64 = base64.b64encode(digest()).decode()
SIGNED = f"sha256={HEX}"


def verify(*values: str, secrets=(SECRET,), body=BODY, more=(), options=None):
    hooks = build(options).webhooks
    assert hooks is not None
    headers = (*[("x-doitong-signature", value) for value in values], *more)
    hooks.verify(Hook(headers=headers, body=body), secrets)


@pytest.mark.parametrize(
    ("header", "secrets"),
    [
        pytest.param(SIGNED, (SECRET,), id="hex"),
        pytest.param(f"sha256={HEX.upper()}", (SECRET,), id="hex-in-capitals"),
        pytest.param(f"sha256={BASE64}", (SECRET,), id="base64"),
        pytest.param(f" {SIGNED} ", (SECRET,), id="spaces-around"),
        pytest.param(SIGNED, (OLD, SECRET), id="second-secret"),
        pytest.param(f"sha256={digest(OLD).hex()}", (SECRET, OLD), id="previous-secret"),
        pytest.param(f"sha256={'0' * 64},{SIGNED}", (SECRET,), id="two-signatures-comma"),
        pytest.param(f"{SIGNED} sha256={'0' * 64}", (SECRET,), id="two-signatures-space"),
        pytest.param(f"sha256={'0' * 64}, {SIGNED}", (SECRET,), id="two-signatures-both"),
    ],
)
def test_a_hook_signed_with_one_of_the_secrets_is_believed(header, secrets):
    verify(header, secrets=secrets)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("", id="empty"),
        pytest.param(HEX, id="no-prefix"),
        pytest.param(f"SHA256={HEX}", id="prefix-in-capitals"),
        pytest.param(f"sha1={HEX}", id="other-hash"),
        pytest.param(f"sha256={HEX[:-1]}", id="63-digits"),
        pytest.param(f"sha256={HEX}0", id="65-digits"),
        pytest.param(f"sha256= {HEX}", id="space-after-prefix"),
        pytest.param(f"sha256={HEX[:32]} {HEX[32:]}", id="space-within"),
        pytest.param(f"sha256={HEX[:-1]}٣", id="digit-of-another-script"),
        pytest.param(f"sha256={HEX}\x00", id="nul"),
        pytest.param(f"sha256={BASE64[:-1]}", id="base64-without-padding"),
        pytest.param(f"{SIGNED}, v0=abc", id="something-else-beside"),
        pytest.param(",".join([SIGNED] * 9), id="too-many"),
        pytest.param(f"sha256={'0' * 64}", id="wrong"),
        pytest.param("sha256=", id="nothing-signed"),
    ],
)
def test_a_hook_with_any_other_signature_is_refused_in_the_same_words(header):
    with pytest.raises(ProviderFailure) as refused:
        verify(header)
    with pytest.raises(ProviderFailure) as missing:
        verify()

    assert refused.value.kind is FailureKind.UNAUTHORIZED
    assert str(refused.value) == str(missing.value)


def test_two_signature_headers_are_refused_even_if_both_are_right():
    with pytest.raises(ProviderFailure):
        verify(SIGNED, SIGNED)


@pytest.mark.parametrize(
    "body", [BODY + b" ", BODY.replace(b": ", b":"), b""], ids=["longer", "re-serialised", "empty"]
)
def test_a_signature_is_of_the_raw_bytes(body):
    with pytest.raises(ProviderFailure):
        verify(SIGNED, body=body)


def test_an_encoded_hook_is_refused_even_if_signed():
    with pytest.raises(ProviderFailure):
        verify(SIGNED, more=(("content-encoding", "gzip"),))


@pytest.mark.parametrize("secrets", [(), (Secret(""),)], ids=["none", "empty"])
def test_without_a_secret_nothing_is_believed(secrets):
    signature = f"sha256={digest(Secret('')).hex()}"

    with pytest.raises(ProviderFailure):
        verify(signature, secrets=secrets)


def test_unsigned_hooks_are_believed_only_where_the_account_says_so_and_has_no_secret():
    lax = Options(allow_unsigned=True)

    verify(secrets=(), options=lax)
    with pytest.raises(ProviderFailure):
        verify(secrets=(SECRET,), options=lax)
    with pytest.raises(ProviderFailure):
        verify(secrets=(Secret(""),), options=lax)
    with pytest.raises(ProviderFailure):
        verify(secrets=(), options=lax, more=(("content-encoding", "gzip"),))


def test_a_refusal_tells_neither_the_secret_nor_the_signature_it_wanted():
    with pytest.raises(ProviderFailure) as refused:
        verify(f"sha256={'0' * 64}")

    assert SECRET.reveal() not in str(refused.value)
    assert HEX not in str(refused.value)
