"""Signatures of webhooks: a receiver's library accepts them, by one secret and by two, and nothing that was changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import InvalidWebhookSignatureError, OpenAI

from gateway.policy.standard_webhooks import PREFIX, make_secret, signature
from schema.account import Secret
from schema.endpoint import Endpoint, EndpointRecord

OLD, NEW = make_secret(lambda n: bytes(range(n))), make_secret(lambda n: bytes(range(100, 100 + n)))
ID, AT = "msg_01k2h3j4", 1_700_000_000
EVER = 10**12
"""Seconds of tolerance: when it was signed is not what is asked here."""


def accepted(secret: Secret, header: str, body: str, *, id: str = ID, at: int = AT) -> bool:
    headers = {"webhook-id": id, "webhook-timestamp": str(at), "webhook-signature": header}
    with OpenAI(api_key="none") as client:
        try:
            client.webhooks.verify_signature(body, headers, secret=secret.reveal(), tolerance=EVER)
        except InvalidWebhookSignatureError:
            return False
        return True


@given(st.text(max_size=200))
def test_a_receivers_library_accepts_whatever_was_signed(body: str) -> None:
    assert accepted(NEW, signature([NEW], ID, AT, body.encode()), body)


def test_while_a_secret_is_rotated_both_are_accepted_and_the_current_one_stands_first() -> None:
    header = signature([NEW, OLD], ID, AT, b"{}")

    assert [accepted(secret, header, "{}") for secret in (NEW, OLD)] == [True, True]
    assert header == f"{signature([NEW], ID, AT, b'{}')} {signature([OLD], ID, AT, b'{}')}"


def test_what_was_changed_is_refused() -> None:
    header = signature([NEW], ID, AT, b"{}")

    assert accepted(NEW, header, "{}")
    assert not accepted(NEW, header, "{ }"), "the body"
    assert not accepted(NEW, header, "{}", id="msg_other"), "the id"
    assert not accepted(NEW, header, "{}", at=AT + 1), "the time"
    assert not accepted(OLD, header, "{}"), "the secret"


def test_a_secret_is_thirty_two_bytes_of_entropy_that_every_library_reads() -> None:
    assert make_secret(bytes).reveal() == PREFIX + "A" * 43 + "="  # 32 bytes of nothing


@pytest.mark.parametrize(
    ("until", "versions"), [(None, [2]), (AT, [2]), (AT + 1, [2, 1])], ids=["never", "until-now", "until-later"]
)
def test_the_former_secret_signs_too_until_its_time_is_over(until: int | None, versions: list[int]) -> None:
    endpoint = Endpoint(id="whe_1", tenant="acme", url="https://x.example", secret_version=2, previous_until=until)
    record = EndpointRecord(endpoint=endpoint, secrets={1: OLD, 2: NEW})

    assert record.signing(AT) == tuple({1: OLD, 2: NEW}[version] for version in versions)
