"""Videos from frames of finished ones: input_reference.video_id, remix, edits and extensions."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.sandbox.settings import DEFAULT_ACCOUNTS, SandboxSettings
from schema.tenant import RoutingPolicy
from schema.video import OnUnsupported
from tests.rest.answers import problem
from tests.support.browsers import BOTH, browser, minted
from tests.support.running import SPEED, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY = "video_" + "0" * 26
EDITS, EXTENSIONS = "/v1/videos/edits", "/v1/videos/extensions"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """Where wishes are bent: who takes pictures here takes no durations."""
    bent = RoutingPolicy(on_unsupported=OnUnsupported.ADJUST)
    at_once = SandboxSettings(speed=SPEED, accounts=tuple(replace(one, concurrent=0) for one in DEFAULT_ACCOUNTS))
    async with running(Setup(folder=tmp_path_factory.mktemp("pair"), routing=bent, sandbox=at_once)) as both:
        yield both


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def source(pair: Running) -> dict[str, Any]:
    """A finished video of a wish that says all a remix takes over."""
    created = await pair.create(
        "a barge [sim:instant]",
        model="veo-3",
        seconds="8",
        size="720x1280",
        metadata={"a": "b"},
        gateway={"exclude": ["nobody-else"], "priority": "high", "cancel_after_seconds": 600},
    )
    return await pair.finished(created["id"])


async def images(pair: Running) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await pair.client.get("/v1/images")).json()["data"]
    return found


async def order_of(pair: Running, answer: httpx.Response) -> Any:
    """What was kept of a wish: its spec and its routing."""
    assert answer.status_code == 202, answer.text
    return await pair.gateway.videos.get("acme", answer.json()["id"])


async def test_a_remix_is_the_same_wish_with_another_prompt_from_its_first_frame(pair: Running, source: dict[str, Any]):
    answer = await pair.client.post(f"/v1/videos/{source['id']}/remix", json={"prompt": "a ferry [sim:instant]"})

    video, kept = answer.json(), await order_of(pair, answer)
    assert answer.headers["location"] == f"/v1/videos/{video['id']}"
    assert video["remixed_from_video_id"] == source["id"]
    assert (video["model"], video["size"], video["metadata"]) == ("veo-3", "720x1280", {})
    assert (kept.spec.prompt, kept.spec.seconds) == ("a ferry [sim:instant]", 8)
    assert (kept.routing.exclude, kept.routing.priority, kept.routing.cancel_after_seconds) == (
        ("nobody-else",),
        "high",
        600,
    )
    done = await pair.finished(video["id"])
    assert (done["status"], done["gateway"]["provider"]) == ("completed", "veo3o1")
    receipt = (await pair.client.get(f"/v1/videos/{video['id']}/receipt")).json()
    assert receipt["asked"]["video"] == {"video_id": source["id"], "frame": "first"}


async def test_an_edit_is_a_remix_and_an_extension_starts_from_the_last_frame(pair: Running, source: dict[str, Any]):
    wish = {"prompt": "a tug [sim:instant]", "video": {"id": source["id"]}}
    form = [("prompt", (None, "a tug [sim:instant]")), ("video[id]", (None, source["id"]))]

    edit = await order_of(pair, await pair.client.post(EDITS, json=wish))
    sent = await order_of(pair, await pair.client.post(EDITS, files=form))
    typed = await order_of(pair, await pair.client.post(EDITS, data={"prompt": "a tug", "video[id]": source["id"]}))
    longer = await order_of(pair, await pair.client.post(EXTENSIONS, files=[*form, ("seconds", (None, "5"))]))
    same = await order_of(pair, await pair.client.post(EXTENSIONS, json=wish))

    assert edit.spec == sent.spec
    assert typed.spec.video == edit.spec.video
    assert (edit.spec.video.frame, edit.spec.seconds) == ("first", 8)
    assert (longer.spec.video.frame, longer.spec.seconds, same.spec.seconds) == ("last", 5, 8)
    assert edit.spec.image != longer.spec.image


async def test_a_frame_becomes_one_of_the_tenant_s_pictures_once(pair: Running, source: dict[str, Any]):
    reference = {"video_id": source["id"], "frame": "last"}
    before = len(await images(pair))

    one = await pair.create("a raft", input_reference=reference)
    two = await pair.create("a canoe", input_reference=reference)
    default = await order_of(
        pair, await pair.client.post("/v1/videos", data={"prompt": "a", "input_reference[video_id]": source["id"]})
    )

    last = (await pair.gateway.videos.get("acme", one["id"])).image
    assert last == (await pair.gateway.videos.get("acme", two["id"])).image
    assert default.spec.video.frame == "first"
    assert len(await images(pair)) <= before + 2
    (image,) = [one for one in await images(pair) if one["id"] == last]
    assert image["media_type"] == "image/jpeg"
    assert image["height"] > image["width"]


async def test_a_key_gives_the_same_remix_also_once_its_source_is_gone(pair: Running):
    made = await pair.finished((await pair.create("a punt [sim:instant]"))["id"])
    body = {"prompt": "a punt at night", "input_reference": {"video_id": made["id"], "frame": "first"}}
    key = {"idempotency-key": "punt"}

    first = await pair.client.post("/v1/videos", json=body, headers=key)
    remixed = await pair.client.post(f"/v1/videos/{made['id']}/remix", json={"prompt": "a punt at night"}, headers=key)
    await pair.client.delete(f"/v1/videos/{made['id']}")
    again = await pair.client.post("/v1/videos", json=body, headers=key)
    other = await pair.client.post(
        "/v1/videos", json={**body, "input_reference": {"video_id": made["id"], "frame": "last"}}, headers=key
    )

    assert first.json()["id"] == remixed.json()["id"] == again.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["remixed_from_video_id"] == made["id"]
    problem(other, 422, "idempotency_key_reused")
    problem(await pair.client.post("/v1/videos", json=body), 422, "invalid_request")


@pytest.mark.parametrize("door", ["remix", "edit", "extend", "create"])
async def test_a_source_that_has_no_file_is_named(pair: Running, source: dict[str, Any], door: str):
    fields = {"remix": None, "edit": "#/video/id", "extend": "#/video/id", "create": "#/input_reference/video_id"}
    running_, failed = await pair.create("[sim:stuck]"), await pair.create("[sim:fail]")
    await pair.finished(failed["id"])

    async def ask(id: str, client: httpx.AsyncClient = pair.client) -> httpx.Response:
        body: dict[str, Any] = {"prompt": "a fox"}
        if door == "remix":
            return await client.post(f"/v1/videos/{id}/remix", json=body)
        if door == "create":
            return await client.post("/v1/videos", json={**body, "input_reference": {"video_id": id}})
        return await client.post(EDITS if door == "edit" else EXTENSIONS, json={**body, "video": {"id": id}})

    def named(response: httpx.Response, status: int, code: str) -> None:
        found = [one["pointer"] for one in problem(response, status, code)["errors"]]
        assert found == ([] if fields[door] is None else [fields[door]])
        assert response.headers["x-should-retry"] == "false"

    named(await ask(running_["id"]), 409, "not_ready")
    named(await ask(failed["id"]), 410, "gone")
    missing = (404, "not_found") if door == "remix" else (422, "invalid_request")
    named(await ask(NOBODY), *missing)
    named(await ask(source["id"], pair.other), *missing)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("remix", {}, "#/prompt"),
        ("remix", {"prompt": "x", "seconds": "4"}, "#/seconds"),
        ("remix", {"prompt": ""}, "#/prompt"),
        (EDITS, {"prompt": "x"}, "#/video"),
        (EDITS, {"prompt": "x", "video": "video_1"}, "#/video"),
        (EDITS, {"prompt": "x", "video": {"id": "nonsense"}}, "#/video"),
        (EDITS, {"prompt": "x", "video": {"id": NOBODY}, "model": "auto"}, "#/model"),
        (EXTENSIONS, {"prompt": "x", "video": {"id": NOBODY}, "seconds": "99"}, "#/seconds"),
        ("/v1/videos", {"prompt": "x", "input_reference": {"video_id": "nonsense"}}, "#/input_reference"),
        ("/v1/videos", {"prompt": "x", "input_reference": {"frame": "last"}}, "#/input_reference"),
        (
            "/v1/videos",
            {"prompt": "x", "input_reference": {"video_id": NOBODY, "frame": "a"}},
            "#/input_reference",
        ),
        (
            "/v1/videos",
            {"prompt": "x", "input_reference": {"video_id": NOBODY, "image_id": "img_" + "0" * 26}},
            "#/input_reference",
        ),
    ],
)
async def test_what_is_wrong_names_its_field(
    pair: Running, source: dict[str, Any], path: str, body: dict[str, Any], field: str
):
    url = path if path.startswith("/") else f"/v1/videos/{source['id']}/{path}"

    response = await pair.client.post(url, json=body)

    assert [one["pointer"] for one in problem(response, 422, "invalid_request")["errors"]] == [field]


@pytest.mark.parametrize("path", [EDITS, EXTENSIONS])
async def test_a_file_is_refused_by_name_whatever_its_length(pair: Running, path: str):
    for film in (b"\0\0\0\x18ftypmp42", bytes(3_000_000)):
        response = await pair.client.post(path, data={"prompt": "x"}, files={"video": ("a.mp4", film, "video/mp4")})

        (wrong,) = problem(response, 422, "invalid_request")["errors"]
        assert wrong["pointer"] == "#/video"
        assert "give the id of a video made here" in wrong["detail"]


async def test_a_body_that_can_not_be_read_is_said_to_be_so(pair: Running, source: dict[str, Any]):
    url = f"/v1/videos/{source['id']}/remix"

    problem(
        await pair.client.post(url, content=b"{", headers={"content-type": "application/json"}),
        400,
        "malformed_request",
    )
    refused = await pair.client.post(url, content=b"x", headers={"content-type": "text/plain"})
    problem(refused, 415, "unsupported_media_type")


async def test_where_nobody_takes_pictures_the_answer_says_so(pair: Running, source: dict[str, Any]):
    only = {"only": ["doitong"], "on_unsupported": "error"}
    body = {"prompt": "x", "input_reference": {"video_id": source["id"]}, "gateway": only}

    body = problem(await pair.client.post("/v1/videos", json=body), 422, "no_route")

    assert "input_reference" in json.dumps(body["errors"])


async def test_quotes_and_batches_take_frames_too(pair: Running, source: dict[str, Any]):
    wish = {"prompt": "a dinghy", "input_reference": {"video_id": source["id"], "frame": "last"}}

    quote = (await pair.client.post("/v1/quotes", json=wish)).json()
    bound = await pair.client.post("/v1/videos", json={**wish, "gateway": {"quote_id": quote["id"]}})
    batch = await pair.client.post("/v1/video_batches", json={"videos": [wish, wish]})
    stuck = await pair.create("[sim:stuck]")
    wrong = [wish, {"prompt": "x", "input_reference": {"video_id": stuck["id"]}}]
    refused = await pair.client.post("/v1/video_batches", json={"videos": wrong})

    assert (bound.status_code, batch.status_code) == (202, 202)
    assert [one["remixed_from_video_id"] for one in batch.json()["videos"]] == [source["id"]] * 2
    (error,) = problem(refused, 422, "invalid_request")["errors"]
    assert (error["pointer"], error["code"]) == ("#/videos/1/input_reference/video_id", "not_ready")
    await pair.finished(bound.json()["id"])
    remix = await pair.client.post(f"/v1/videos/{bound.json()['id']}/remix", json={"prompt": "x"})
    assert (await order_of(pair, remix)).routing.quote_id is None


async def test_a_client_token_starts_from_what_it_may_see_alone(pair: Running, source: dict[str, Any]):
    token = await minted(pair.client, end_user="ann", scopes=BOTH)
    async with browser(pair.url, token["token"]) as page:
        own = (await page.post("/v1/videos", json={"prompt": "a skiff [sim:instant]"})).json()
        await pair.finished(own["id"])

        mine = await page.post(f"/v1/videos/{own['id']}/remix", json={"prompt": "x"})
        others = await page.post(f"/v1/videos/{source['id']}/remix", json={"prompt": "x"})
        named = await page.post("/v1/videos", json={"prompt": "x", "input_reference": {"video_id": source["id"]}})
        edit = await page.post(EDITS, json={"prompt": "x", "video": {"id": source["id"]}})

    assert mine.status_code == 202
    problem(others, 404, "not_found")
    problem(named, 422, "invalid_request")
    problem(edit, 422, "invalid_request")


async def test_characters_are_not_there(pair: Running):
    problem(await pair.client.get(EDITS), 405, "method_not_allowed")
    for method, path in (
        ("POST", "/v1/videos/characters"),
        ("GET", "/v1/videos/characters"),
        ("GET", "/v1/videos/characters/char_1"),
        ("DELETE", "/v1/videos/characters"),
    ):
        problem(await pair.client.request(method, path), 404, "not_found")
