"""What every provider must satisfy. A test file subclasses ProviderContract and names its provider."""

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.base import (
    Flow,
    Hook,
    Polls,
    Provider,
    ProviderKind,
    Replay,
    Submission,
    Webhooks,
    WireRequest,
    WireResponse,
)
from schema.account import Secret
from schema.errors import FailureKind, ProviderFailure
from schema.image import Image, ImageType
from schema.video import AspectRatio, Quality, VideoSpec
from tests.providers.play import Sample, answer, asked, play, samples

CREDENTIAL = Secret("s3cret-credential")
SUBMISSION = Submission(key="att_01key", callback_url="https://gateway.example/hooks/t0ken")

REFUSALS = {
    FailureKind.INVALID_REQUEST,
    FailureKind.CONTENT_REJECTED,
    FailureKind.UNSUPPORTED,
    FailureKind.CALLBACK_REFUSED,
    FailureKind.OUT_OF_CREDITS,
    FailureKind.UNAUTHORIZED,
    FailureKind.RATE_LIMITED,
    FailureKind.BUSY,
}
MAYBE_BILLED = {FailureKind.UNAVAILABLE, FailureKind.PROTOCOL}

PICTURE = Image(
    id="img_01m8g04ak0smy46tw2eyd3fcwk",
    tenant="acme",
    sha256="5" * 64,
    size=20,
    media_type=ImageType.PNG,
    width=2,
    height=2,
    created_at=0,
    expires_at=1,
)
"""What its owner calls it is private and wrong; its bytes are a PNG's."""

WORDS = st.sampled_from(
    [
        *("code", "msg", "data", "uuid", "id", "status", "videoUrl", "url", "progress", "estimatedTime", "error"),
        *("generate", "generatevideo", "errors", "message", "extensions", "creditCost", "metadata", "imageUrl"),
    ]
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=20),
        st.sampled_from(
            ["0", 0, 1000, 5000, "completed", "failed", "v-1", "RATE_LIMITED", "https://cdn.example/v.mp4"]
        ),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=5)),
    max_leaves=12,
)
BODIES = st.one_of(st.binary(max_size=200), VALUES.map(lambda value: answer(value).body))
ANSWERS = st.builds(
    WireResponse,
    status=st.sampled_from([100, 200, 201, 204, 302, 400, 401, 402, 404, 409, 418, 429, 451, 500, 503, 522]),
    headers=st.dictionaries(
        st.sampled_from(["retry-after", "date", "x-ratelimit-reset", "content-type"]), st.text(max_size=40), max_size=3
    ),
    body=BODIES,
)


class ProviderContract:
    """Subclass it and set these.

    Attributes:
        accepted: an answer by which a submit succeeds.
        wishes: specs it can be told, one for each thing it can be told.
        beyond: specs it can not be told.
        ref: the id its wire samples speak of.
        signing_header: where its hooks carry a signature, if it calls us back.
    """

    kind: ClassVar[ProviderKind]
    accepted: ClassVar[WireResponse]
    wishes: ClassVar[tuple[VideoSpec, ...]]
    beyond: ClassVar[tuple[VideoSpec, ...]]
    ref: ClassVar[str]
    signing_header: ClassVar[str] = "none"

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        setups = self.setups()
        cases: dict[str, list[tuple[str, Any]]] = {
            "sample": list(samples(self.kind.name)),
            "wish": [(spec_name(spec), spec) for spec in self.wishes],
            "too_much": [(spec_name(spec), spec) for spec in self.beyond],
            "setup": list(setups),
            "polls": [(how, provider.polls) for how, provider in setups if provider.polls is not None],
            "hooks": [(how, provider.webhooks) for how, provider in setups if provider.webhooks is not None],
        }
        for name, values in cases.items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, [pytest.param(value, id=id) for id, value in values])

    @classmethod
    def setups(cls) -> list[tuple[str, Provider]]:
        """The ways to set it up that change what it sends."""
        return [("defaults", cls.kind.build(None))]

    # what is sent

    def test_submit_sends_exactly_one_request(self, setup: Provider, wish: VideoSpec) -> None:
        requests, accepted = play(setup.adapter.submit(wish, SUBMISSION), self.accepted)

        assert len(requests) == 1
        assert accepted.ref

    def test_a_paid_request_is_never_called_safe_and_carries_its_key_if_keyed(
        self, setup: Provider, wish: VideoSpec
    ) -> None:
        request = asked(setup.adapter.submit(wish, SUBMISSION))

        assert request.replay in (Replay.NEVER, Replay.KEYED)
        if request.replay is Replay.KEYED:
            assert SUBMISSION.key in request.headers.values()

    def test_no_request_holds_a_host_or_a_secret_until_it_is_authorized(self, setup: Provider, wish: VideoSpec) -> None:
        for request in every_request(setup, wish):
            sent = setup.adapter.authorize(request, CREDENTIAL)

            assert request.path.startswith("/")
            assert "host" not in request.headers
            assert CREDENTIAL.reveal() not in repr(request)
            assert [CREDENTIAL.reveal() in value for value in sent.headers.values()].count(True) == 1
            assert (sent.method, sent.path, sent.body, sent.replay) == (
                request.method,
                request.path,
                request.body,
                request.replay,
            )

    def test_header_names_are_in_lower_case(self, setup: Provider, wish: VideoSpec) -> None:
        for request in every_request(setup, wish):
            for name in setup.adapter.authorize(request, CREDENTIAL).headers:
                assert name == name.lower()

    def test_the_same_wish_is_always_the_same_bytes(self, setup: Provider) -> None:
        @settings(max_examples=50, deadline=None)
        @given(spec=specs(setup))
        def check(spec: VideoSpec) -> None:
            copy = msgspec.json.decode(msgspec.json.encode(spec), type=VideoSpec)

            assert asked(setup.adapter.submit(spec, SUBMISSION)) == asked(setup.adapter.submit(copy, SUBMISSION))

        check()

    def test_asking_is_safe_and_says_whom_it_asks_about(self, polls: Polls) -> None:
        request = asked(polls.poll("v-1"))

        assert request.replay is Replay.SAFE
        assert "v-1" in request.path or b"v-1" in request.body

    def test_a_wish_it_can_not_be_told_is_refused_before_anything_is_sent(
        self, setup: Provider, too_much: VideoSpec
    ) -> None:
        with pytest.raises(ProviderFailure) as refused:
            asked(setup.adapter.submit(too_much, SUBMISSION))

        assert refused.value.kind is FailureKind.UNSUPPORTED

    # what an answer means

    def test_an_answer_means_what_its_sample_says(self, sample: Sample) -> None:
        provider = self.kind.build(msgspec.convert(sample.options, self.kind.options))

        try:
            told = msgspec.to_builtins(READERS[sample.to](provider, sample, self.ref))
        except ProviderFailure as failure:
            told = refusal(failure)

        assert {name: told.get(name, "absent") for name in sample.means} == sample.means

    @pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 413, 415, 422, 429])
    @pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"{}"], ids=["empty", "page", "object"])
    def test_a_refusing_status_refuses_with_or_without_a_body(self, status: int, body: bytes) -> None:
        for how, setup in self.setups():
            failure = refused(setup.adapter.submit(self.wishes[0], SUBMISSION), answer(body, status))

            assert failure.kind in REFUSALS, how

    @pytest.mark.parametrize(
        "status", [200, 201, 202, 204, 301, 302, 307, 308, 408, 409, 425, 499, 418, 500, 502, 503, 522]
    )
    @pytest.mark.parametrize(
        "body", [b"", b"<html>?</html>", b"{}", b'{"data":'], ids=["empty", "page", "object", "cut"]
    )
    def test_any_other_answer_without_an_id_may_have_been_billed(self, status: int, body: bytes) -> None:
        for how, setup in self.setups():
            failure = refused(setup.adapter.submit(self.wishes[0], SUBMISSION), answer(body, status))

            assert failure.kind in MAYBE_BILLED, how

    def test_garbage_raises_nothing_but_provider_failures(self, setup: Provider) -> None:
        @settings(max_examples=150, deadline=None)
        @given(garbage=ANSWERS)
        def check(garbage: WireResponse) -> None:
            for flow in every_flow(setup, self.wishes[0]):
                next(flow)
                with pytest.raises((StopIteration, ProviderFailure)):
                    flow.send(garbage)

        check()

    def test_nothing_read_from_garbage_breaks_a_log_or_a_table(self, setup: Provider) -> None:
        @settings(max_examples=150, deadline=None)
        @given(garbage=ANSWERS)
        def check(garbage: WireResponse) -> None:
            for flow in every_flow(setup, self.wishes[0]):
                for text in texts_of(outcome(flow, garbage)):
                    assert "\x00" not in text
                    assert len(text.encode()) <= 20_000

        check()

    # hooks

    def test_an_unsigned_hook_is_refused(self, hooks: Webhooks) -> None:
        with pytest.raises(ProviderFailure) as refused:
            hooks.verify(Hook(headers=(), body=b"{}"), (Secret("hook-secret"),))

        assert refused.value.kind is FailureKind.UNAUTHORIZED

    def test_a_hook_is_refused_when_no_secret_is_configured(self, hooks: Webhooks) -> None:
        with pytest.raises(ProviderFailure) as refused:
            hooks.verify(Hook(headers=(), body=b"{}"), ())

        assert refused.value.kind is FailureKind.UNAUTHORIZED

    def test_a_garbled_hook_raises_nothing_but_provider_failures(self, hooks: Webhooks) -> None:
        names = st.sampled_from([self.signing_header, "content-encoding", "content-type"])

        @settings(max_examples=200, deadline=None)
        @given(headers=st.lists(st.tuples(names, st.text(max_size=90)), max_size=4), body=BODIES)
        def check(headers: list[tuple[str, str]], body: bytes) -> None:
            hook = Hook(headers=tuple(headers), body=body)
            with pytest.raises(ProviderFailure):
                hooks.verify(hook, (Secret("hook-secret"),))
            with contextlib.suppress(ProviderFailure):
                assert hooks.updates(hook)

        check()

    # what it costs, what it may do

    def test_an_estimate_lies_within_its_quote(self, setup: Provider) -> None:
        @settings(max_examples=50, deadline=None)
        @given(spec=specs(setup))
        def check(spec: VideoSpec) -> None:
            quote = setup.rates.quote(spec)

            assert 0 <= quote.low <= setup.rates.estimate(spec) <= quote.high

        check()

    def test_its_defaults_are_things_it_can_be_told(self, setup: Provider) -> None:
        can = setup.capabilities

        assert can.default_aspect_ratio in (None, *can.aspect_ratios)
        assert can.default_seconds is None or (can.seconds and can.seconds[0] <= can.default_seconds <= can.seconds[1])
        assert any(model.startswith(f"{setup.name}/") for model in can.models)

    def test_every_option_has_a_default_and_a_misspelt_one_is_refused(self) -> None:
        assert self.kind.options() == msgspec.convert({}, self.kind.options)
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"transprot": "x"}, self.kind.options)

    def test_its_default_plan_is_one_of_its_plans(self) -> None:
        assert self.kind.default_plan in self.kind.plans

    def test_its_name_and_address_are_those_of_its_provider(self) -> None:
        assert self.kind.build(None).name == self.kind.name
        assert re.fullmatch(r"https://[^/]+(/.*[^/])?", self.kind.base_url)

    # its README

    def test_every_row_its_code_and_samples_cite_is_explained_in_its_readme(self) -> None:
        folder = Path(__file__).parents[2] / "providers" / self.kind.name
        readme = (folder / "README.md").read_text()
        code = "".join(file.read_text() for file in folder.glob("*.py"))
        cited = set(re.findall(r"\b[VD]\d+[a-z]?\b", code))
        cited |= {
            row for _, sample in samples(self.kind.name) for row in re.findall(r"\b[VD]\d+[a-z]?\b", sample.source)
        }

        assert cited - set(re.findall(r"^\| ([VD]\d+[a-z]?) \|", readme, re.MULTILINE)) == set()

    def test_its_readme_says_when_the_facts_were_read(self) -> None:
        readme = Path(__file__).parents[2] / "providers" / self.kind.name / "README.md"

        assert re.search(r"\b20\d\d-\d\d-\d\d\b", readme.read_text())


def spec_name(spec: VideoSpec) -> str:
    asked = {name: value for name, value in msgspec.to_builtins(spec).items() if name not in ("prompt", "image_url")}
    words = [f"{name}={value}" for name, value in asked.items()]
    words += ["image"] if spec.image_url else []
    return ",".join(words) or ("plain" if len(spec.prompt) < 1000 else "long-prompt")


def specs(provider: Provider) -> st.SearchStrategy[VideoSpec]:
    """Wishes the provider can be told."""
    can = provider.capabilities
    return st.builds(
        VideoSpec,
        prompt=st.text(min_size=1, max_size=60),
        aspect_ratio=st.sampled_from([None, *can.aspect_ratios]),
        seconds=st.none() if can.seconds is None else st.one_of(st.none(), st.integers(*can.seconds)),
        quality=st.sampled_from([None, Quality.STANDARD, *can.qualities]),
        image_url=st.sampled_from([None, "https://img.example/a.png"]) if can.image_input else st.none(),
    )


def every_flow(provider: Provider, wish: VideoSpec) -> list[Flow[Any]]:
    flows: list[Flow[Any]] = [provider.adapter.submit(wish, SUBMISSION)]
    if provider.polls is not None:
        flows.append(provider.polls.poll("v-1"))
    if provider.uploads is not None:
        flows.append(provider.uploads.upload(PICTURE))
    return flows


def every_request(provider: Provider, wish: VideoSpec) -> list[WireRequest]:
    return [asked(flow) for flow in every_flow(provider, wish)]


def refused(flow: Flow[Any], response: WireResponse) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as failure:
        play(flow, response)
    return failure.value


def outcome(flow: Flow[Any], response: WireResponse) -> Any:
    try:
        return msgspec.to_builtins(play(flow, response)[1])
    except ProviderFailure as failure:
        return refusal(failure)


def texts_of(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts_of(inner)]
    return [value] if isinstance(value, str) else []


def refusal(failure: ProviderFailure) -> dict[str, Any]:
    return {
        "refused": failure.kind.value,
        "detail": failure.detail,
        "retry_after": failure.retry_after,
        "required": failure.credits_required,
        "available": failure.credits_available,
    }


def _submitted(provider: Provider, sample: Sample, _: str) -> Any:
    spec = VideoSpec(prompt="A beautiful sunset", aspect_ratio=AspectRatio.WIDE)
    return play(provider.adapter.submit(spec, SUBMISSION), sample.response())[1]


def _polled(provider: Provider, sample: Sample, ref: str) -> Any:
    assert provider.polls is not None
    return play(provider.polls.poll(ref), sample.response())[1]


def _uploaded(provider: Provider, sample: Sample, _: str) -> Any:
    assert provider.uploads is not None
    return play(provider.uploads.upload(PICTURE), sample.response())[1]


def _hooked(provider: Provider, sample: Sample, _: str) -> Any:
    assert provider.webhooks is not None
    [update] = provider.webhooks.updates(Hook(headers=tuple(sample.headers.items()), body=sample.content()))
    return update


READERS: dict[str, Callable[[Provider, Sample, str], Any]] = {
    "submit": _submitted,
    "poll": _polled,
    "upload": _uploaded,
    "hook": _hooked,
}
