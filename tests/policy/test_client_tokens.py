"""Client tokens: what we sign is read again, and nothing else is."""

from base64 import urlsafe_b64decode
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.policy.client_tokens import (
    AUDIENCE,
    ISSUER,
    LEEWAY_SECONDS,
    TYPE,
    Claims,
    NotGenuine,
    claims_of,
    could_be_ours,
    granted,
    own_key,
    signed,
    verified,
)
from gateway.services.callers import MAX_KEY
from schema.client_token import LONGEST_SECONDS, ClientToken
from schema.tenant import Grant, Scope
from schema.video import Order, RoutingWish, VideoSpec
from tests.policy.forging import by_hand, forgeries, signer_of

NOW = 1_764_000_000_000
SIGNER, OTHER = signer_of(bytes(range(32))), signer_of(bytes(range(1, 33)))
KEYS = {SIGNER.header: SIGNER.public, OTHER.header: OTHER.public}
TOKEN = ClientToken(
    id="ctk_" + "0" * 26,
    tenant="acme",
    api_key="key_" + "0" * 26,
    scopes=frozenset({Scope.VIDEOS_READ, Scope.VIDEOS_WRITE}),
    end_user="user-42",
    allowance=1_500_000,
    created_at=NOW,
    expires_at=NOW + 600_000,
)
CLAIMS = claims_of(TOKEN, ISSUER)
GENUINE = signed(CLAIMS, SIGNER)
FORGED = forgeries(CLAIMS, SIGNER)


def read(text: str, now: int = NOW) -> Claims:
    return verified(text, KEYS, issuer=ISSUER, now=now)


def test_what_was_signed_is_read_again():
    claims = read(GENUINE)

    assert claims == CLAIMS
    assert (claims.sub, claims.scopes, claims.grant) == ("acme", TOKEN.scopes, TOKEN.grant)


def test_a_jwt_library_reads_it_too():
    claims = jwt.decode(
        GENUINE, SIGNER.public, ["EdDSA"], audience=AUDIENCE, issuer=ISSUER, options={"verify_exp": False}
    )

    assert claims["jti"] == TOKEN.id
    assert jwt.get_unverified_header(GENUINE) == {"alg": "EdDSA", "kid": SIGNER.kid, "typ": TYPE}


@pytest.mark.parametrize("text", FORGED.values(), ids=FORGED)
def test_a_forgery_is_refused(text):
    with pytest.raises(NotGenuine):
        read(text)


def test_every_forgery_is_another_text():
    assert len({*FORGED.values(), GENUINE}) == len(FORGED) + 1


def test_a_flood_of_unknown_keys_is_refused_one_by_one():
    for number in range(200):
        stranger = signer_of(number.to_bytes(32, "big"))
        with pytest.raises(NotGenuine, match="header"):
            read(signed(CLAIMS, stranger))


def test_a_key_of_ours_does_not_sign_for_another_of_ours():
    header, payload, _ = GENUINE.split(".")
    swapped = signed(CLAIMS, OTHER).split(".")[2]

    with pytest.raises(NotGenuine, match="signature"):
        read(f"{header}.{payload}.{swapped}")


def test_every_key_that_is_kept_verifies():
    assert read(signed(CLAIMS, OTHER)) == CLAIMS


@pytest.mark.parametrize(("now", "works"), [(NOW + 599_999, True), (NOW + 600_000, False), (NOW + 600_001, False)])
def test_it_ends_at_its_very_millisecond(now, works):
    if works:
        assert read(GENUINE, now) == CLAIMS
    else:
        with pytest.raises(NotGenuine, match="expired"):
            read(GENUINE, now)


@pytest.mark.parametrize(("early", "works"), [(LEEWAY_SECONDS, True), (LEEWAY_SECONDS + 1, False)])
def test_a_clock_may_be_late_by_a_minute_and_no_more(early, works):
    if works:
        assert read(GENUINE, NOW - early * 1000) == CLAIMS
    else:
        with pytest.raises(NotGenuine, match="not come"):
            read(GENUINE, NOW - early * 1000)


def test_an_hour_is_the_longest_life():
    hour = replace(CLAIMS, exp=CLAIMS.iat + LONGEST_SECONDS)

    assert read(signed(hour, SIGNER)) == hour


def test_the_shortest_token_is_longer_than_any_api_key():
    bare = replace(TOKEN, tenant="a", api_key="", scopes=frozenset({Scope.VIDEOS_READ}), end_user=None, allowance=None)
    short = replace(bare, created_at=0, expires_at=1000)

    assert len(signed(claims_of(short, ""), SIGNER)) > MAX_KEY


def test_only_what_could_be_ours_is_worth_a_look_at_the_database():
    stranger = signer_of(bytes(32))

    assert could_be_ours(signed(CLAIMS, stranger))
    for name in ("jku in the header", "no kid", "endless", "e30.e30.", "RS256"):
        assert not could_be_ours(FORGED[name])


@given(st.binary(max_size=400))
def test_no_payload_but_ours_is_read_however_well_it_is_signed(body):
    header = urlsafe_b64decode(SIGNER.header + "=" * (-len(SIGNER.header) % 4)).decode()

    with pytest.raises(NotGenuine):
        read(by_hand(header, body.decode("latin-1"), SIGNER))


@given(st.data())
def test_no_single_character_can_be_changed(data):
    place = data.draw(st.integers(0, len(GENUINE) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda one: one != GENUINE[place]))

    with pytest.raises(NotGenuine):
        read(GENUINE[:place] + other + GENUINE[place + 1 :])


users = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
texts = st.none() | users
numbers = st.none() | st.integers(1, 2**53 - 1)


@given(end_user=texts, allowance=numbers, creates=numbers, seconds=st.integers(1, LONGEST_SECONDS))
def test_whatever_is_granted_is_read_again(end_user, allowance, creates, seconds):
    token = replace(TOKEN, end_user=end_user, allowance=allowance, creates=creates, expires_at=NOW + seconds * 1000)

    assert read(signed(claims_of(token, ISSUER), SIGNER)).grant == token.grant


# whose wishes are equal


def order(**changes: Any) -> Order:
    plain = Order(
        tenant="acme",
        spec=VideoSpec(prompt="a fox"),
        routing=RoutingWish(),
        metadata={},
        key="key-1",
        fingerprint="f" * 64,
    )
    return replace(plain, **changes)


def grant(**bounds: Any) -> Grant:
    return Grant(token=bounds.pop("token", TOKEN.id), expires_at=NOW, **bounds)


def test_a_key_is_its_holders_alone():
    ann, bob = grant(end_user="ann"), grant(end_user="bob")
    again = grant(end_user="ann", token="ctk_" + "1" * 26)
    made = [granted(order(), one) for one in (None, ann, bob, grant(), grant(token="ctk_" + "1" * 26))]

    assert len({one.key for one in made}) == len({one.fingerprint for one in made}) == 5
    assert granted(order(), ann).key == granted(order(), again).key
    assert granted(order(), ann).fingerprint == granted(order(), again).fingerprint
    assert granted(order(key=None), ann).key is None
    assert (made[1].end_user, made[1].client_token) == ("ann", TOKEN.id)


@given(users, users, users, users)
def test_no_user_and_key_spell_another_users(one, key, other, another):
    if (one, key) != (other, another):
        assert own_key(key, grant(end_user=one)) != own_key(another, grant(end_user=other))
    assert own_key(key, grant(end_user=one)) != own_key(key, grant()) != own_key(key, None)
