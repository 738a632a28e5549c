"""Client tokens as forgers write them: with our own key where they stole nothing but its public half, and without."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.policy.client_tokens import TYPE, Claims, Signer, seed_of, signed, signer

ZERO_SIGNATURE = "A" * 86


def base64(data: bytes | str) -> str:
    raw = data.encode() if isinstance(data, str) else data
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_hand(header: Any, payload: Any, by: Signer) -> str:
    """Any two texts, signed with the genuine key: as if whoever holds it had gone mad."""
    head, body = (one if isinstance(one, str) else json.dumps(one, separators=(",", ":")) for one in (header, payload))

    said = f"{base64(head)}.{base64(body)}"
    return f"{said}.{base64(by.private.sign(said.encode()))}"


def forgeries(claims: Claims, by: Signer) -> dict[str, str]:
    """Name → a token that must be refused, beside the genuine ``signed(claims, by)``."""
    genuine = signed(claims, by)
    header, payload, signature = genuine.split(".")
    said: dict[str, Any] = msgspec.to_builtins(claims)
    head = {"alg": "EdDSA", "kid": by.kid, "typ": TYPE}
    return {
        **_other_algorithms(said, head, by, payload),
        **_signatures(header, payload, signature),
        **_headers(said, head, by),
        **_claims(said, head, by),
        **_spellings(genuine, said, head, by),
    }


def _other_algorithms(said: dict[str, Any], head: dict[str, Any], by: Signer, payload: str) -> dict[str, str]:
    raw = by.public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    pem = by.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def hs256(secret: bytes) -> str:
        start = f"{base64(json.dumps({**head, 'alg': 'HS256'}))}.{payload}"
        return f"{start}.{base64(hmac.digest(secret, start.encode(), hashlib.sha256))}"

    rs = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    es = ec.generate_private_key(ec.SECP256R1())
    more = {"kid": by.kid, "typ": TYPE}
    found = {
        f"alg {word}": f"{base64(json.dumps({**head, 'alg': word}))}.{payload}."
        for word in ("none", "nOnE", "None", "NONE", "")
    }
    found |= {
        f"alg {word!r}, signed": by_hand({**head, "alg": word}, said, by)
        for word in ("none", "Ed25519", "eddsa", "XX512", "HS256", "RS256", 5, None, ["EdDSA"])
    }
    return {
        **found,
        "HS256 with the raw public key": hs256(raw),
        "HS256 with the PEM of the public key": hs256(pem),
        "RS256": jwt.encode(said, rs, "RS256", headers=more),
        "ES256": jwt.encode(said, es, "ES256", headers=more),
    }


def _signatures(header: str, payload: str, signature: str) -> dict[str, str]:
    other = base64('{"sub":"other"}')
    return {
        "no signature": f"{header}.{payload}.",
        "no signature and no dot": f"{header}.{payload}",
        "a truncated signature": f"{header}.{payload}.{signature[:-4]}",
        "a longer signature": f"{header}.{payload}.{signature}AAAA",
        "zeros as signature": f"{header}.{payload}.{ZERO_SIGNATURE}",
        "a turned bit": f"{header}.{payload}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}",
        "e30.e30.": "e30.e30.",
        "e30.e30. with a signature": f"e30.e30.{signature}",
        "another payload": f"{header}.{other}.{signature}",
        "a longer payload": f"{header}.{payload}AAAA.{signature}",
        "the halves turned round": f"{payload}.{header}.{signature}",
        "nothing": "",
        "dots": "..",
    }


def _headers(said: dict[str, Any], head: dict[str, Any], by: Signer) -> dict[str, str]:
    attacker = signer_of(bytes(32))
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64(attacker.public.public_bytes(Encoding.Raw, PublicFormat.Raw))}
    more: dict[str, dict[str, Any]] = {
        "jku": {"jku": "https://attacker.example/keys.json"},
        "x5u": {"x5u": "https://attacker.example/keys.pem"},
        "jwk": {"jwk": jwk},
        "x5c": {"x5c": ["MIIB"]},
        "crit": {"crit": ["exp"]},
        "an unknown crit": {"crit": ["b64"], "b64": False},
        "zip": {"zip": "DEF"},
        "cty": {"cty": "JWT"},
    }
    found = {f"{name} in the header": by_hand({**head, **extra}, said, by) for name, extra in more.items()}
    kids = ("../../dev/null", "' OR 1=1 --", "x" * 43, "x" * 4000, "", None, 5, [by.kid], attacker.kid)
    found |= {f"kid {kid!r:.20}": by_hand({**head, "kid": kid}, said, by) for kid in kids}
    types = ("JWT", "at+jwt", "id_token", "filmgate-receipt", "application/filmgate-client+jwt", TYPE.upper(), None)
    found |= {f"typ {kind}": by_hand({**head, "typ": kind}, said, by) for kind in types}
    return {
        **found,
        "no typ": by_hand({"alg": "EdDSA", "kid": by.kid}, said, by),
        "no kid": by_hand({"alg": "EdDSA", "typ": TYPE}, said, by),
        "an attacker's jwk, signed by him": by_hand({**head, "jwk": jwk}, said, attacker),
        "an attacker's key under our kid": by_hand(head, said, attacker),
        "alg twice": by_hand(f'{{"alg":"none","alg":"EdDSA","kid":"{by.kid}","typ":"{TYPE}"}}', said, by),
        "kid twice": by_hand(f'{{"alg":"EdDSA","kid":"x","kid":"{by.kid}","typ":"{TYPE}"}}', said, by),
        "members in another order": by_hand({"typ": TYPE, "alg": "EdDSA", "kid": by.kid}, said, by),
        "space in the header": by_hand(json.dumps(head), said, by),
        "a header that is no object": by_hand("[]", said, by),
        "a header that is no JSON": by_hand("{", said, by),
    }


def _claims(said: dict[str, Any], head: dict[str, Any], by: Signer) -> dict[str, str]:
    now, end = said["iat"], said["exp"]
    changes: dict[str, dict[str, Any]] = {
        "another issuer": {"iss": "https://other.example"},
        "an issuer with a slash": {"iss": said["iss"] + "/"},
        "another audience": {"aud": "other"},
        "audiences without us": {"aud": ["a", "b"]},
        "audiences with us": {"aud": [said["aud"]]},
        "no audience": {"aud": None},
        "exp as text": {"exp": str(end)},
        "exp as a fraction": {"exp": end + 0.5},
        "exp as true": {"exp": True},
        "exp null": {"exp": None},
        "exp below zero": {"exp": -1},
        "expired": {"iat": now - 700, "nbf": now - 700, "exp": now - 100},
        "expired this second": {"iat": now - 600, "nbf": now - 600, "exp": now},
        "ten years": {"exp": now + 315_360_000},
        "an hour and a second": {"exp": now + 3601},
        "no life": {"exp": now},
        "iat in the future": {"iat": now + 120, "nbf": now + 120, "exp": now + 300},
        "nbf in the future": {"nbf": now + 120},
        "nbf before iat": {"nbf": now - 1},
        "iat as text": {"iat": str(now)},
        "iat as true": {"iat": True},
        "nbf as a fraction": {"nbf": now + 0.0},
        "iat ten years ago": {"iat": now - 315_360_000},
        "a scope no token has": {"scope": "videos:read tenant:admin"},
        "the operator's scope": {"scope": "operator"},
        "an unknown scope": {"scope": "everything"},
        "no scope": {"scope": ""},
        "scopes as a list": {"scope": ["videos:read"]},
        "a jti that is none": {"jti": "video_" + "0" * 26},
        "an unknown claim": {"admin": True},
        "allowance as true": {"allowance": True},
        "allowance as a fraction": {"allowance": 1.5},
        "sub as a number": {"sub": 5},
    }
    found = {name: by_hand(head, {**said, **change}, by) for name, change in changes.items()}
    for name in ("iss", "aud", "sub", "jti", "client_id", "iat", "nbf", "exp", "scope"):
        found[f"no {name}"] = by_hand(head, {key: value for key, value in said.items() if key != name}, by)
    text = json.dumps(said, separators=(",", ":"))
    return {
        **found,
        "exp 1e400": by_hand(head, text.replace(f'"exp":{end}', '"exp":1e400'), by),
        "exp as 1e10": by_hand(head, text.replace(f'"exp":{end}', '"exp":1e10'), by),
        "exp with .0": by_hand(head, text.replace(f'"exp":{end}', f'"exp":{end}.0'), by),
        "exp NaN": by_hand(head, text.replace(f'"exp":{end}', '"exp":NaN'), by),
        "exp of 400 digits": by_hand(head, text.replace(f'"exp":{end}', '"exp":' + "9" * 400), by),
        "exp twice": by_hand(head, text[:-1] + f',"exp":{end}}}', by),
        "sub twice": by_hand(head, '{"sub":"other",' + text[1:], by),
        "claims that are no object": by_hand(head, "[]", by),
        "claims that are no JSON": by_hand(head, "{", by),
        "claims nested deep": by_hand(head, "[" * 3000, by),
        "an ID token": by_hand(head, {"iss": said["iss"], "sub": said["sub"], "aud": said["aud"], "exp": end}, by),
    }


def _spellings(genuine: str, said: dict[str, Any], head: dict[str, Any], by: Signer) -> dict[str, str]:
    header, payload, signature = genuine.split(".")
    text = json.dumps(said, separators=(",", ":"))
    last = signature[-1]
    return {
        "a fourth part": genuine + ".AAAA",
        "five parts, as a JWE": f"{header}.AAAA.{payload}.AAAA.{signature}",
        "a JWE by its header": by_hand({"alg": "dir", "enc": "A256GCM", "kid": by.kid, "typ": TYPE}, said, by),
        "padding": genuine + "==",
        "space behind": genuine + " ",
        "a line feed behind": genuine + "\n",
        "space inside": f"{header}. {payload}.{signature}",
        "another spelling of the signature": genuine[:-1] + chr(ord(last) + 1),
        "plus and slash": genuine.replace("-", "+").replace("_", "/") if set("-_") & set(genuine) else genuine + "+",
        "not ASCII": genuine[:-1] + "é",
        "space in the claims": by_hand(head, json.dumps(said), by),
        "an escape in the claims": by_hand(head, text.replace('"iss"', '"\\u0069ss"'), by),
        "claims in another order": by_hand(head, dict(sorted(said.items(), reverse=True)), by),
        "null where we write nothing": by_hand(head, {**said, "creates": None}, by),
        "a token in JSON serialization": json.dumps({"protected": header, "payload": payload, "signature": signature}),
        "more than 8 kB": by_hand(head, {**said, "end_user": "x" * 8192}, by),
        "endless": "A" * 300_000,
    }


def signer_of(seed: bytes) -> Signer:
    return signer(seed_of(seed))
