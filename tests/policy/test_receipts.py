"""Receipts' signatures: one spelling of the signed bytes, and nothing but the genuine receipt verifies."""

import hashlib
import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gateway.policy.receipts import (
    TYPE,
    KeySet,
    NotCanonical,
    Signer,
    Unverified,
    canonical,
    known_keys,
    signing_key,
    thumbprint,
    verify,
)
from schema.account import Secret

SECRET = Secret("a secret key for tests, which is long enough")
SIGNER = Signer(SECRET)
FOREIGN = Signer(Secret("another secret key, which is long enough"))
(KEY,) = SIGNER.keys.keys
RECEIPT: dict[str, Any] = {
    "version": 1,
    "video": "video_01kbzzzzzzzzzzzzzzzzzzzzzz",
    "asked": {"prompt": 'ein Fuchs, 3 "Bäume" \u2028 🦊\n', "seconds": 8, "only": ["b", "a1"], "image_url": None},
    "money": {"charged_micros": 160_000, "held_micros": 200_000, "adjusted": -40_000},
    "file": {"sha256": "9f" * 32, "size": 87_962},
    "able": True,
}
DOCUMENT = SIGNER.signed(RECEIPT)
SIGNATURE: str = json.loads(DOCUMENT)["signature"]
HEADER = {"alg": "EdDSA", "b64": False, "crit": ["b64"], "kid": KEY.kid, "typ": TYPE}

names = st.text(max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=12),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(names, inside, max_size=4),
    max_leaves=12,
)
receipts = st.dictionaries(names.filter(lambda name: name != "signature"), values, min_size=1, max_size=5)


def base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def bytes_of(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def with_signature(signature: Any, receipt: dict[str, Any] = RECEIPT) -> bytes:
    return json.dumps({**receipt, "signature": signature}).encode()


def signed_by_hand(header: dict[str, Any], key: Ed25519PrivateKey | None = None) -> bytes:
    """The receipt with a signature whose header says something else, made with the genuine key unless said."""
    protected = base64(json.dumps(header).encode())
    signature = (key or signing_key(SECRET)).sign(protected.encode() + b"." + canonical(RECEIPT))
    return with_signature(f"{protected}..{base64(signature)}")


# canonical JSON


def test_names_are_ordered_as_rfc_8785_orders_them():
    sample = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}

    ordered = '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}'
    assert canonical(sample) == ordered.encode()


def test_texts_are_escaped_as_rfc_8785_escapes_them():
    sample = '\u20ac$\x0f\nA\'B"\\\\"/\x7f\u2028\b\t\f\r'

    assert canonical([sample]) == '["\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\x7f\u2028\\b\\t\\f\\r"]'.encode()


def test_literals_numbers_and_emptiness():
    assert canonical([None, True, False, 0, -1, 2**53 - 1, "", [], {}, ()]) == (
        b'[null,true,false,0,-1,9007199254740991,"",[],{},[]]'
    )


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(1.0, id="a-fraction"),
        pytest.param(float("nan"), id="not-a-number"),
        pytest.param(2**53, id="a-number-javascript-rounds"),
        pytest.param(-(2**53), id="a-negative-one"),
        pytest.param("\ud800", id="half-a-character"),
        pytest.param({"\udc00": 1}, id="half-a-character-in-a-name"),
        pytest.param({1: "a"}, id="a-name-that-is-a-number"),
        pytest.param({True: "a", "b": 1}, id="a-name-that-is-true"),
        pytest.param(b"bytes", id="bytes"),
        pytest.param({"a"}, id="a-set"),
    ],
)
def test_what_has_no_canonical_form_is_refused(odd):
    with pytest.raises(NotCanonical):
        canonical({"inside": [odd]})


def test_endless_nesting_is_refused():
    deep: list[Any] = []
    deep.append(deep)

    with pytest.raises(NotCanonical):
        canonical(deep)


@given(receipts)
def test_canonical_json_says_what_was_meant(value):
    assert json.loads(canonical(value)) == value


@given(receipts, st.randoms(use_true_random=False))
def test_the_order_of_names_does_not_matter(value, luck):
    assert canonical(shuffled(value, luck)) == canonical(value)


def shuffled(value: Any, luck: Any) -> Any:
    if isinstance(value, dict):
        pairs = [(name, shuffled(inside, luck)) for name, inside in value.items()]
        luck.shuffle(pairs)
        return dict(pairs)
    return [shuffled(inside, luck) for inside in value] if isinstance(value, list) else value


# keys


def test_replicas_with_the_same_secret_have_the_same_key_and_others_another():
    assert Signer(Secret(SECRET.reveal())).keys == SIGNER.keys
    assert FOREIGN.keys != SIGNER.keys


def test_the_key_is_derived_as_rfc_5869_says():
    extracted = hmac.digest(bytes(32), SECRET.reveal().encode(), "sha256")
    expanded = hmac.digest(extracted, b"filmgate receipts, Ed25519, 1" + b"\x01", "sha256")

    assert signing_key(SECRET).private_bytes_raw() == expanded


def test_a_key_s_name_is_its_thumbprint_as_in_rfc_8037():
    assert thumbprint("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo") == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_key_set_shows_the_public_key_and_nothing_else():
    (shown,) = msgspec.to_builtins(SIGNER.keys)["keys"]

    public = base64(signing_key(SECRET).public_key().public_bytes_raw())
    assert shown == {"kty": "OKP", "crv": "Ed25519", "x": public, "kid": KEY.kid, "use": "sig", "alg": "EdDSA"}


def test_a_key_set_is_read_back_among_other_keys_and_under_other_names():
    ours = {"kty": "OKP", "crv": "Ed25519", "x": KEY.x, "kid": "somebody's name for it"}
    others: list[dict[str, Any]] = [
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "OKP", "crv": "Ed448", "x": KEY.x},
        {"kty": "OKP", "crv": "Ed25519", "x": "short"},
        {"kty": "OKP", "crv": "Ed25519", "x": 3},
        {"kty": "OKP", "crv": "Ed25519"},
    ]

    assert known_keys(json.dumps({"keys": [*others, ours], "more": 1}).encode()) == SIGNER.keys


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff", id="no-text"),
        pytest.param(b"[]", id="a-list"),
        pytest.param(b"{}", id="no-keys"),
        pytest.param(b'{"keys": 3}', id="keys-is-a-number"),
        pytest.param(b'{"keys": []}', id="no-key-in-it"),
        pytest.param(b'{"keys": [{"kty": "RSA"}]}', id="no-key-of-ours"),
    ],
)
def test_what_is_no_key_set_is_refused(document):
    with pytest.raises(ValueError, match=r"(?i)key set"):
        known_keys(document)


# signed


@given(receipts)
def test_what_is_signed_verifies_to_what_was_meant(value):
    assert verify(SIGNER.signed(value), SIGNER.keys) == value


def test_the_same_receipt_has_the_same_bytes_from_every_replica():
    again = Signer(Secret(SECRET.reveal())).signed(dict(reversed(RECEIPT.items())))

    assert again == DOCUMENT


def test_the_signature_stands_behind_everything_else_which_is_canonical():
    assert canonical(RECEIPT)[:-1] + f',"signature":"{SIGNATURE}"}}'.encode() == DOCUMENT


def test_the_header_says_what_it_is_and_no_more():
    assert json.loads(bytes_of(SIGNATURE.split(".", maxsplit=1)[0])) == HEADER


def test_a_signature_holds_for_an_implementation_that_is_not_ours():
    protected, payload, signature = SIGNATURE.split(".")
    signed, _, _ = DOCUMENT.rpartition(b',"signature":')
    public = Ed25519PublicKey.from_public_bytes(bytes_of(KEY.x))

    assert payload == ""
    public.verify(bytes_of(signature), protected.encode() + b"." + signed + b"}")
    with pytest.raises(InvalidSignature):
        public.verify(bytes_of(signature), protected.encode() + b"." + signed + b" }")


def test_a_signature_made_by_hand_is_believed():
    assert verify(signed_by_hand(HEADER), SIGNER.keys) == RECEIPT


@given(st.randoms(use_true_random=False), st.sampled_from([None, 0, 2, "\t"]))
def test_order_and_white_space_may_change_on_the_way(luck, indent):
    written = json.dumps(shuffled(json.loads(DOCUMENT), luck), indent=indent)

    assert verify(written.encode(), SIGNER.keys) == RECEIPT


def test_the_right_key_is_found_among_several():
    both = KeySet((*FOREIGN.keys.keys, *SIGNER.keys.keys))

    assert verify(DOCUMENT, both) == RECEIPT
    assert verify(FOREIGN.signed(RECEIPT), both) == RECEIPT


# not genuine


def test_no_digit_anywhere_may_change():
    text = DOCUMENT.decode()
    places = [place for place, character in enumerate(text) if character in "0123456789"]

    assert len(places) > 50
    for place in places:
        for other in set("0123456789") - {text[place]}:
            with pytest.raises(Unverified):
                verify((text[:place] + other + text[place + 1 :]).encode(), SIGNER.keys)


@given(place=st.integers(0, len(DOCUMENT) - 1), other=st.integers(0, 255))
def test_no_byte_may_change_unless_it_means_the_same(place, other):
    changed = DOCUMENT[:place] + bytes([other]) + DOCUMENT[place + 1 :]
    assume(changed != DOCUMENT)

    try:
        found = verify(changed, SIGNER.keys)
    except Unverified:
        return
    assert found == RECEIPT


@given(st.sampled_from(["charged_micros", "held_micros"]), st.integers(0, 10**9))
@example("charged_micros", 160_000)
def test_another_amount_is_not_believed(name, amount):
    assume(RECEIPT["money"][name] != amount)
    forged = {**RECEIPT, "money": {**RECEIPT["money"], name: amount}}

    with pytest.raises(Unverified, match="changed after it was signed"):
        verify(with_signature(SIGNATURE, forged), SIGNER.keys)


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param({**RECEIPT, "more": 1}, id="a-member-more"),
        pytest.param({name: RECEIPT[name] for name in RECEIPT if name != "able"}, id="a-member-less"),
        pytest.param({**RECEIPT, "able": 1}, id="one-for-true"),
        pytest.param({**RECEIPT, "version": "1"}, id="a-text-for-a-number"),
        pytest.param({**RECEIPT, "version": 2**60}, id="a-number-too-large"),
        pytest.param({**RECEIPT, "more": "\ud800"}, id="half-a-character"),
    ],
)
def test_another_shape_is_not_believed(forged):
    with pytest.raises(Unverified):
        verify(with_signature(SIGNATURE, forged), SIGNER.keys)


def test_a_foreign_key_s_receipt_is_not_believed_and_the_key_is_named():
    (foreign,) = FOREIGN.keys.keys

    with pytest.raises(Unverified, match=f"{foreign.kid}.*{KEY.kid}"):
        verify(FOREIGN.signed(RECEIPT), SIGNER.keys)


def test_a_foreign_key_under_our_key_s_name_is_not_believed():
    with pytest.raises(Unverified, match="changed after it was signed"):
        verify(signed_by_hand(HEADER, signing_key(Secret("another"))), SIGNER.keys)


def test_a_foreign_key_in_the_set_under_our_name_is_not_believed():
    (foreign,) = FOREIGN.keys.keys
    lying = json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": foreign.x, "kid": KEY.kid}]}).encode()

    with pytest.raises(Unverified, match="not among"):
        verify(DOCUMENT, known_keys(lying))


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({**HEADER, "alg": "none"}, id="no-algorithm"),
        pytest.param({**HEADER, "alg": "HS256"}, id="a-shared-secret"),
        pytest.param({**HEADER, "alg": "eddsa"}, id="another-spelling"),
        pytest.param({**HEADER, "crit": ["b64", "exp"], "exp": 1}, id="something-critical-we-do-not-know"),
        pytest.param({**HEADER, "crit": []}, id="nothing-critical"),
        pytest.param({**HEADER, "crit": "b64"}, id="critical-is-no-list"),
        pytest.param({name: HEADER[name] for name in HEADER if name != "crit"}, id="critical-is-missing"),
        pytest.param({**HEADER, "b64": True}, id="an-encoded-payload"),
        pytest.param({**HEADER, "b64": 0}, id="zero-for-false"),
        pytest.param({**HEADER, "typ": "JWT"}, id="a-token"),
        pytest.param({name: HEADER[name] for name in HEADER if name != "typ"}, id="of-no-type"),
        pytest.param({name: HEADER[name] for name in HEADER if name != "kid"}, id="by-nobody"),
        pytest.param({**HEADER, "kid": 3}, id="by-a-number"),
        pytest.param({**HEADER, "kid": "\u001b[2J" + "a" * 39}, id="by-a-name-that-clears-the-screen"),
        pytest.param({**HEADER, "jwk": {"kty": "OKP"}}, id="brings-its-own-key"),
        pytest.param({**HEADER, "jku": "https://example.com"}, id="says-where-its-key-is"),
    ],
)
def test_a_signature_of_another_kind_is_not_believed_though_the_key_is_ours(header):
    with pytest.raises(Unverified) as refused:
        verify(signed_by_hand(header), SIGNER.keys)

    assert str(refused.value).isprintable()


@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_the_public_key_is_no_shared_secret(digest):
    protected = base64(json.dumps({**HEADER, "alg": "HS256" if digest == "sha256" else "HS512"}).encode())
    for secret in (bytes_of(KEY.x), KEY.x.encode()):
        mac = hmac.digest(secret, protected.encode() + b"." + canonical(RECEIPT), digest)

        with pytest.raises(Unverified):
            verify(with_signature(f"{protected}..{base64(mac)}"), SIGNER.keys)


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(None, id="none"),
        pytest.param(3, id="a-number"),
        pytest.param("", id="empty"),
        pytest.param("..", id="dots"),
        pytest.param(SIGNATURE[:-1], id="cut-short"),
        pytest.param(SIGNATURE + "A", id="grown"),
        pytest.param(SIGNATURE + "==", id="padded"),
        pytest.param(SIGNATURE + "\n", id="a-line-end-behind"),
        pytest.param(SIGNATURE[:-1] + "BDEFHIJK"["AQgw".index(SIGNATURE[-1])], id="the-same-bits-spelled-otherwise"),
        pytest.param(SIGNATURE.replace("..", "." + base64(canonical(RECEIPT)) + "."), id="with-its-payload"),
        pytest.param("e30.." + SIGNATURE.split(".")[2], id="an-empty-header"),
        pytest.param("bm8.." + SIGNATURE.split(".")[2], id="a-header-that-is-no-json"),
        pytest.param(SIGNATURE.split(".", maxsplit=1)[0] + ".." + "A" * 86, id="zeros"),
    ],
)
def test_what_is_no_signature_of_a_receipt_is_not_believed(signature):
    with pytest.raises(Unverified):
        verify(with_signature(signature), SIGNER.keys)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe", id="no-text"),
        pytest.param(b"[]", id="a-list"),
        pytest.param(b"{}", id="an-empty-object"),
        pytest.param(canonical(RECEIPT), id="not-signed"),
        pytest.param(b"[" * 100_000, id="endlessly-deep"),
        pytest.param(DOCUMENT + b"{}", id="two"),
        pytest.param(DOCUMENT.replace(b'"version":1', b'"version":1.0'), id="a-fraction"),
        pytest.param(DOCUMENT.replace(b'"version":1', b'"version":1e0'), id="an-exponent"),
        pytest.param(DOCUMENT.replace(b'"version":1', b'"version":NaN'), id="not-a-number"),
        pytest.param(DOCUMENT.replace(b'"version":1', b'"version":2,"version":1'), id="a-name-twice"),
        pytest.param(DOCUMENT.replace(b'"size":87962', b'"size":1,"size":87962'), id="a-name-twice-deep-inside"),
        pytest.param(DOCUMENT.replace(b'"version":1', b'"version":' + b"1" * 5000), id="an-endless-number"),
        pytest.param(
            DOCUMENT.replace(b'"version":1', b'"version":' + b"[" * 700 + b"]" * 700), id="deeper-than-we-write"
        ),
    ],
)
def test_what_is_no_receipt_is_not_believed(document):
    with pytest.raises(Unverified):
        verify(document, SIGNER.keys)


def test_a_fraction_is_told_as_one():
    with pytest.raises(Unverified, match=re.escape("1.50 is no whole number")):
        verify(DOCUMENT.replace(b'"version":1', b'"version":1.50'), SIGNER.keys)


def test_the_thumbprint_is_worked_out_as_rfc_7638_says():
    members = f'{{"crv":"Ed25519","kty":"OKP","x":"{KEY.x}"}}'

    assert KEY.kid == base64(hashlib.sha256(members.encode()).digest())
