"""/v1/client_tokens: what a browser is given, what it can do with it, and that nothing else is open to it."""

import re
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from msgspec.structs import replace

from gateway.policy.client_tokens import claims_of, signed
from gateway.rest.routes import rest_routes
from schema.errors import NotFound
from tests.policy.forging import forgeries
from tests.rest.answers import problem
from tests.support.browsers import BOTH, URL, browser, held, minted
from tests.support.running import ACME_KEY, ADMIN_KEY, Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

WISH = {"prompt": "a paper boat in the rain"}
INVALID = 'Bearer realm="filmgate", error="invalid_token"'

OPEN = {
    ("POST", "/v1/videos"),
    ("GET", "/v1/videos"),
    ("GET", "/v1/videos/{video_id}"),
    ("POST", "/v1/videos/{video_id}/cancel"),
    ("GET", "/v1/videos/{video_id}/content"),
    ("GET", "/v1/videos/{video_id}/events"),
    ("POST", "/v1/videos/{video_id}/remix"),
    ("POST", "/v1/videos/edits"),
    ("POST", "/v1/videos/extensions"),
    ("POST", "/v1/video_batches"),
    ("GET", "/v1/video_batches/{batch_id}"),
    ("POST", "/v1/quotes"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{model}"),
}
"""All that a client token reaches, beside what needs no key."""

KEYLESS = {
    "/livez",
    "/content/{token}",
    "/readyz",
    "/openapi.json",
    "/problems",
    "/problems/{code}",
    "/hooks/{provider}/{token}",
    "/.well-known/filmgate-receipts.json",
}

ROUTES = sorted(
    (method, re.sub(r":\w+}", "}", route.path))
    for route in Litestar(rest_routes(), openapi_config=None, logging_config=None).routes
    if isinstance(route, HTTPRoute)
    for method in route.methods - {"OPTIONS"}
)


def ids(answer: httpx.Response) -> list[str]:
    return [video["id"] for video in answer.json()["data"]]


async def create(page: httpx.AsyncClient, prompt: str = "a fox", **headers: str) -> str:
    answer = await page.post("/v1/videos", json={"prompt": prompt}, headers=headers)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


# making them


async def test_a_token_is_shown_once_and_listed_without_its_text(pair: Running):
    token = await minted(pair.client, end_user="ann", scopes=BOTH, allowance="1.50", creates=3)
    listed = (await pair.client.get(URL, params={"limit": "1"})).json()

    assert token["object"] == "client_token"
    assert token["expires_at"] - token["created_at"] == 600
    assert (token["allowance_micros"], token["creates"], token["created"]) == (1_500_000, 3, 0)
    assert listed["data"] == [{name: value for name, value in token.items() if name != "token"}]


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"scopes": ["operator"]}, "#/scopes/0"),
        ({"scopes": []}, "#/scopes"),
        ({"lifetime_seconds": 0}, "#/lifetime_seconds"),
        ({"lifetime_seconds": 3601}, "#/lifetime_seconds"),
        ({"end_user": "a b"}, "#/end_user"),
        ({"end_user": ""}, "#/end_user"),
        ({"end_user": "x" * 129}, "#/end_user"),
        ({"video": "video_" + "0" * 26}, "#/video"),
        ({"video": "nonsense"}, "#/video"),
        ({"allowance": "1.5"}, "#/allowance"),
        ({"creates": 5}, "#/creates"),
        ({"allowance": "-1", "scopes": BOTH}, "#/allowance"),
        ({"creates": 0, "scopes": BOTH}, "#/creates"),
        ({"tenant": "other"}, "#/tenant"),
    ],
)
async def test_a_wish_that_is_wrong_names_its_field(pair: Running, wish: dict[str, Any], field: str):
    response = await pair.client.post(URL, json=wish)

    assert [one["pointer"] for one in problem(response, 422, "invalid_request")["errors"]] == [field]


async def test_a_key_grants_no_more_than_it_has(pair: Running):
    async with browser(pair.url, ADMIN_KEY) as reader:
        response = await reader.post(URL, json={"scopes": BOTH})

    assert "videos:write" in problem(response, 403, "forbidden")["detail"]


async def test_a_video_of_another_tenant_can_not_be_granted(pair: Running):
    theirs = (await pair.other.post("/v1/videos", json=WISH)).json()["id"]

    problem(await pair.client.post(URL, json={"video": theirs}), 422, "invalid_request")


# what they are refused


async def test_every_forgery_is_told_that_its_token_is_invalid(pair: Running):
    await minted(pair.client)
    checks = pair.gateway.ground.checks
    assert checks.newest is not None
    stored = (await pair.gateway.ground.client_tokens.page("acme", None, 1)).tokens[0].token
    forged = forgeries(claims_of(stored, checks.issuer), checks.newest)
    unsendable = {"a line feed behind", "space behind", "not ASCII", "endless", "nothing"}
    async with httpx.AsyncClient(base_url=pair.url, trust_env=False) as nobody:
        for name, text in forged.items():
            if name in unsendable:  # HTTP can not carry it, or strips it to the genuine one
                continue
            response = await nobody.get("/v1/videos", headers={"authorization": f"Bearer {text}"})
            problem(response, 401, "unauthenticated")
            assert response.headers["www-authenticate"] == INVALID, name
        plain = await nobody.get("/v1/videos")

    assert plain.headers["www-authenticate"] == 'Bearer realm="filmgate"'
    assert len(forged) > 120


async def test_a_token_of_a_tenant_that_is_not_there_is_nobodys(pair: Running):
    await minted(pair.client)
    checks = pair.gateway.ground.checks
    stored = (await pair.gateway.ground.client_tokens.page("acme", None, 1)).tokens[0].token
    claims = claims_of(stored, checks.issuer)
    assert checks.newest is not None
    for changed in ({"sub": "other"}, {"sub": "nobody"}, {"client_id": "key_" + "0" * 26}):
        async with browser(pair.url, signed(replace(claims, **changed), checks.newest)) as page:
            problem(await page.get("/v1/videos"), 401, "unauthenticated")


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[f"{method} {path}" for method, path in ROUTES])
async def test_a_token_reaches_what_is_listed_and_nothing_else(pair: Running, method: str, path: str):
    zeros = "0" * 26
    names = {"video": f"video_{zeros}", "batch": f"batch_{zeros}", "attempt": f"att_{zeros}", "token": f"ctk_{zeros}"}
    known = {f"{name}_id": value for name, value in names.items()}
    known |= {"tenant_id": "acme", "account_id": "veo-main", "model": "auto", "version": "1", "provider": "x"}
    url = re.sub(r"{(\w+)}", lambda name: known.get(name[1], "x"), path)
    async with await held(pair.client, pair.url, scopes=BOTH, end_user="nosy") as page:
        response = await page.request(method, url)

    if path in KEYLESS:
        assert response.status_code in {200, 401, 404}
    elif (method, path) in OPEN:
        assert response.status_code in {200, 400, 404, 415, 422}
    else:
        problem(response, 403, "forbidden")


# what they see


async def test_end_users_see_their_own_videos_alone(pair: Running):
    mine = await create(pair.client, "the tenant's own")
    async with (
        await held(pair.client, pair.url, scopes=BOTH, end_user="ann") as ann,
        await held(pair.client, pair.url, scopes=BOTH, end_user="ann") as again,
        await held(pair.client, pair.url, scopes=BOTH, end_user="bob") as bob,
        await held(pair.client, pair.url, scopes=BOTH) as nobody,
    ):
        hers, his = await create(ann, "hers"), await create(bob, "his")
        theirs = await create(nobody, "nobody's in particular")

        assert set(ids(await ann.get("/v1/videos"))) == set(ids(await again.get("/v1/videos"))) == {hers}
        assert ids(await bob.get("/v1/videos")) == [his]
        assert ids(await nobody.get("/v1/videos")) == [theirs]
        assert {mine, hers, his, theirs} <= set(ids(await pair.client.get("/v1/videos", params={"limit": "100"})))
        unknown = problem(await ann.get("/v1/videos/video_" + "0" * 26), 404, "not_found")["detail"]
        for page, others in ((ann, (mine, his, theirs)), (bob, (mine, hers, theirs)), (nobody, (mine, hers, his))):
            for other in others:
                for method, tail in (("GET", ""), ("GET", "/content"), ("POST", "/cancel")):
                    response = await page.request(method, f"/v1/videos/{other}{tail}")
                    assert problem(response, 404, "not_found")["detail"] == unknown == NotFound.title


async def test_a_token_for_one_video_sees_it_alone_and_creates_none(pair: Running):
    one, other = await create(pair.client, "one"), await create(pair.client, "another")
    async with (
        await held(pair.client, pair.url, video=one) as viewer,
        await held(pair.client, pair.url, video=one, scopes=BOTH) as editor,
    ):
        assert ids(await viewer.get("/v1/videos")) == [one]
        assert (await viewer.get(f"/v1/videos/{one}")).status_code == 200
        problem(await viewer.get(f"/v1/videos/{other}"), 404, "not_found")
        problem(await viewer.post(f"/v1/videos/{one}/cancel"), 403, "forbidden")
        for page in (viewer, editor):
            problem(await page.post("/v1/videos", json=WISH), 403, "forbidden")
            problem(await page.post("/v1/video_batches", json={"videos": [WISH]}), 403, "forbidden")
        assert (await editor.post(f"/v1/videos/{one}/cancel")).status_code in {200, 409}


async def test_a_video_is_granted_with_its_end_user_or_not_at_all(pair: Running):
    async with await held(pair.client, pair.url, scopes=BOTH, end_user="ann") as ann:
        hers = await create(ann)

    assert (await minted(pair.client, video=hers, end_user="ann"))["video"] == hers
    problem(await pair.client.post(URL, json={"video": hers, "end_user": "bob"}), 422, "invalid_request")


async def test_batches_are_seen_by_whoever_sees_all_their_videos(pair: Running):
    body = {"videos": [WISH, {"prompt": "another"}]}
    async with (
        await held(pair.client, pair.url, scopes=BOTH, end_user="ann") as ann,
        await held(pair.client, pair.url, scopes=BOTH, end_user="bob") as bob,
    ):
        hers = (await ann.post("/v1/video_batches", json=body)).json()
        mine = (await pair.client.post("/v1/video_batches", json=body)).json()

        assert (await ann.get(f"/v1/video_batches/{hers['id']}")).json()["id"] == hers["id"]
        assert (await pair.client.get(f"/v1/video_batches/{hers['id']}")).status_code == 200
        for page, other in ((bob, hers), (bob, mine), (ann, mine)):
            problem(await page.get(f"/v1/video_batches/{other['id']}"), 404, "not_found")


async def test_a_key_replays_its_holders_videos_and_nobody_elses(pair: Running):
    key = {"idempotency-key": "one-for-all"}
    again = {"x-stainless-retry-count": "1"}
    async with (
        await held(pair.client, pair.url, scopes=BOTH, end_user="ann", creates=2) as ann,
        await held(pair.client, pair.url, scopes=BOTH, end_user="ann") as later,
        await held(pair.client, pair.url, scopes=BOTH, end_user="bob") as bob,
        await held(pair.client, pair.url, scopes=BOTH) as nobody,
    ):
        first = [await create(one, "keyed", **key) for one in (pair.client, ann, bob, nobody)]
        second = [await create(one, "keyed", **key) for one in (pair.client, ann, bob, nobody)]
        keyless = [await create(one, "keyless") for one in (pair.client, ann, bob)]
        resent = [await create(one, "keyless", **again) for one in (pair.client, ann, bob)]
        stranger = await create(nobody, "keyless", **again)
        replayed = await later.post("/v1/videos", json={"prompt": "keyed"}, headers=key)

    assert first == second
    assert keyless == resent
    assert len({*first, *keyless, stranger}) == 8
    assert (replayed.json()["id"], replayed.headers["idempotent-replayed"]) == (first[1], "true")


async def test_the_file_is_watched_by_a_plain_link(pair: Running):
    async with await held(pair.client, pair.url, scopes=BOTH, end_user="ann") as ann:
        id = await create(ann)
        await pair.finished(id)
        token = await minted(pair.client, video=id)
        async with httpx.AsyncClient(base_url=pair.url, trust_env=False) as link:
            url, text = f"/v1/videos/{id}/content", token["token"]
            whole = await link.get(url, params={"token": text})
            part = await link.get(url, params={"token": text}, headers={"range": "bytes=0-9"})
            by_header = await ann.get(url)

            assert (whole.status_code, part.status_code) == (200, 206)
            assert whole.content == by_header.content
            assert whole.headers["cache-control"].startswith("private")
            assert whole.headers["referrer-policy"] == "no-referrer"
            problem(await link.get(url, params={"token": text + "A"}), 401, "unauthenticated")
            problem(await link.get(url, params={"token": ACME_KEY}), 422, "invalid_request")
            for elsewhere in ("/v1/videos", f"/v1/videos/{id}"):
                assert (await link.get(elsewhere, params={"token": text})).status_code == 401


async def test_no_log_tells_a_token(pair: Running, capfd: pytest.CaptureFixture[str]):
    token = (await minted(pair.client))["token"]
    async with httpx.AsyncClient(base_url=pair.url, trust_env=False) as link:
        await link.get(f"/v1/videos/video_{'0' * 26}/content", params={"token": token})
        await link.get("/v1/videos", headers={"authorization": f"Bearer {token}x"})
    told = "".join(capfd.readouterr())

    assert "http.request" in told
    assert token not in told
    assert token.split(".")[2] not in told


# how they end


async def test_a_revoked_token_does_nothing_and_its_videos_go_on(pair: Running):
    token = await minted(pair.client, scopes=BOTH, end_user="carol")
    async with browser(pair.url, token["token"]) as page:
        id = await create(page)
        ended = await pair.client.delete(f"{URL}/{token['id']}")
        response = await page.get("/v1/videos")

    assert ended.json()["revoked_at"] is not None
    assert ended.json()["created"] == 1
    problem(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"] == INVALID
    assert (await pair.finished(id))["status"] == "completed"
    again = (await pair.client.delete(f"{URL}/{token['id']}")).json()
    assert again["revoked_at"] == ended.json()["revoked_at"]


async def test_nobody_ends_another_tenants_token(pair: Running):
    token = await minted(pair.client)

    problem(await pair.other.delete(f"{URL}/{token['id']}"), 404, "not_found")
    problem(await pair.client.delete(f"{URL}/ctk_{'0' * 26}"), 404, "not_found")
    problem(await pair.client.delete(f"{URL}/nonsense"), 404, "not_found")


async def test_a_new_key_signs_and_the_old_one_still_verifies(pair: Running):
    old = await minted(pair.client)
    made = await pair.operator.post("/v1/admin/signing_keys", json={"note": "yearly"})
    new = await minted(pair.client)
    keys = (await pair.operator.get("/v1/admin/signing_keys")).json()["data"]

    assert made.status_code == 201
    assert keys[-1]["id"] == made.json()["id"]
    assert [key["retired_at"] is None for key in keys] == [*[False] * (len(keys) - 1), True]
    assert old["token"].split(".")[0] != new["token"].split(".")[0]
    for token in (old, new):
        async with browser(pair.url, token["token"]) as page:
            assert (await page.get("/v1/videos")).status_code == 200
    problem(await pair.client.post("/v1/admin/signing_keys", json={}), 403, "forbidden")


async def test_tokens_of_a_key_that_leaked_end_at_once(pair: Running):
    old = await minted(pair.client)
    await pair.operator.post("/v1/admin/signing_keys", json={"end_tokens": True})
    new = await minted(pair.client)
    async with browser(pair.url, old["token"]) as before, browser(pair.url, new["token"]) as after:
        problem(await before.get("/v1/videos"), 401, "unauthenticated")
        assert (await after.get("/v1/videos")).status_code == 200

    assert len((await pair.operator.get("/v1/admin/signing_keys")).json()["data"]) == 1


# bounds


async def test_creates_are_counted_and_a_replay_is_free(pair: Running):
    key = {"idempotency-key": "counted"}
    token = await minted(pair.client, scopes=BOTH, end_user="dora", creates=2)
    async with browser(pair.url, token["token"]) as page:
        first = await create(page, "one", **key)
        assert await create(page, "one", **key) == first
        await create(page, "two")
        refused = await page.post("/v1/videos", json=WISH)
        assert await create(page, "one", **key) == first

    problem(refused, 403, "creates_used_up")


async def test_an_allowance_is_refused_by_its_own_code_and_says_what_is_missing(pair: Running):
    async with await held(pair.client, pair.url, scopes=BOTH, end_user="eve", allowance="0.000001") as page:
        refused = problem(await page.post("/v1/videos", json=WISH), 402, "allowance_exceeded")
        batch = problem(await page.post("/v1/video_batches", json={"videos": [WISH]}), 402, "allowance_exceeded")

    assert refused["funds"]["available_micros"] == 1
    assert refused["funds"]["missing_micros"] == refused["funds"]["needed_micros"] - 1
    assert batch["funds"]["available_micros"] == 1


async def test_a_batch_counts_each_of_its_videos(pair: Running):
    async with await held(pair.client, pair.url, scopes=BOTH, end_user="fay", creates=3) as page:
        wishes = [{"prompt": f"boat {n}"} for n in range(4)]
        all_or_none = await page.post("/v1/video_batches", json={"videos": wishes})
        cut = await page.post("/v1/video_batches", json={"videos": wishes, "mode": "affordable"})
        more = await page.post("/v1/videos", json=WISH)

    problem(all_or_none, 403, "creates_used_up")
    assert (cut.json()["wished"], cut.json()["accepted"]) == (4, 3)
    problem(more, 403, "creates_used_up")
