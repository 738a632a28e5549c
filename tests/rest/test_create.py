"""POST /v1/videos: what is accepted, and what is refused by the name of its field."""

import json
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from gateway.ports import listen
from gateway.sandbox.server import serve
from gateway.services.events import Events
from gateway.serving import serving
from gateway.wiring import gateway
from schema.tenant import TenantLimits
from schema.video import Video
from tests.graphql.asking import door
from tests.rest.answers import problem
from tests.support.running import ACME_KEY, Running, Setup, free_port, running, sandbox_accounts, settings_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = "/v1/videos"
AS_ACME = {"authorization": f"Bearer {ACME_KEY}"}
KEYS = [
    *("id", "object", "status", "progress", "created_at", "completed_at", "expires_at"),
    *("model", "prompt", "seconds", "size", "remixed_from_video_id", "error"),
]


async def test_a_wish_is_accepted_with_its_address_and_when_to_look_again(pair: Running):
    response = await pair.client.post(URL, json={"prompt": "a kite"})

    video = response.json()
    assert response.status_code == 202
    assert response.headers["location"] == f"{URL}/{video['id']}"
    assert int(response.headers["openai-poll-after-ms"]) > 0
    assert int(response.headers["retry-after"]) >= 1
    assert "idempotent-replayed" not in response.headers
    assert video["status"] == "queued"


async def test_a_video_has_the_thirteen_keys_of_openai_and_ours_beside_them(pair: Running):
    video = await pair.create("a kite", metadata={"shot": "7"})

    assert list(video)[:13] == KEYS
    assert set(video) - set(KEYS) == {"aspect_ratio", "quality", "metadata", "gateway"}
    assert video["object"] == "video"
    assert isinstance(video["created_at"], int)
    assert video["metadata"] == {"shot": "7"}
    assert video["gateway"] == {
        "substate": None,
        "provider": None,
        "account": None,
        "queue_position": None,
        "eta_seconds": 180,  # the middle of what Doitong usually takes
        "cost": {
            "currency": "USD",
            "quoted_micros": 200_000,
            "quoted_low_micros": 100_000,
            "held_micros": 200_000,
            "charged_micros": None,
        },
        "provider_may_still_bill": False,
        "credits": None,
        "attempts": [],
        "adjustments": [],
        "extra_outputs": [],
        "reused_from": None,
        "version": 1,
    }


async def test_the_first_that_has_to_wait_is_told_how_long_when_it_is_accepted(tmp_path: Path):
    async with running(Setup(folder=tmp_path, concurrent=1)) as pair:
        for account in ("veo-main", "doitong-main"):
            taken = await pair.create("[sim:stuck] a boat", gateway={"only": [account]})
            await pair.begun(taken["id"])
        waits = await pair.create()

    assert waits["gateway"]["eta_seconds"] >= 1


WISH: dict[str, Any] = {
    "prompt": "a lighthouse, ünd 灯台",
    "model": "veo-3",
    "seconds": "6",
    "size": "720x1280",
    "quality": "high",
    "metadata": {"a": "1", "b": "two"},
    "gateway": {"only": ["doitong-main"], "max_cost": "0.50", "deadline_seconds": 600, "strategy": "ordered"},
}
FIELDS = {
    "prompt": "a lighthouse, ünd 灯台",
    "model": "veo-3",
    "seconds": "6",
    "size": "720x1280",
    "quality": "high",
    "metadata[a]": "1",
    "metadata[b]": "two",
    "gateway[only][]": "doitong-main",
    "gateway[max_cost]": "0.50",
    "gateway[deadline_seconds]": "600",
    "gateway[strategy]": "ordered",
}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"data": FIELDS}, id="urlencoded"),
        pytest.param({"files": [(name, (None, value)) for name, value in FIELDS.items()]}, id="multipart"),
        pytest.param({"json": {**WISH, "seconds": 6}}, id="seconds as a number"),
        pytest.param({"json": {**WISH, "size": None, "aspect_ratio": "9:16"}}, id="shape by its ratio"),
        pytest.param({"json": dict(reversed(WISH.items()))}, id="fields in another order"),
    ],
)
async def test_every_spelling_of_a_wish_is_the_same_wish(pair: Running, body: dict[str, Any], request):
    key = {"idempotency-key": f"spelling-{request.node.callspec.id}".replace(" ", "-")}
    first = await pair.client.post(URL, json=WISH, headers=key)

    again = await pair.client.post(URL, **body, headers=key)

    assert first.status_code == again.status_code == 202, again.text
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]


@pytest.mark.parametrize(
    ("size", "ratio", "said"),
    [
        ("1280x720", "16:9", "1280x720"),
        ("1920x1080", "16:9", "1280x720"),
        ("1792x1024", "16:9", "1280x720"),
        ("720x1280", "9:16", "720x1280"),
        ("1024x1792", "9:16", "720x1280"),
        ("512x512", "1:1", "1024x1024"),
        ("auto", None, "auto"),
        (None, None, "auto"),
    ],
)
async def test_a_size_is_a_shape(pair: Running, size: str | None, ratio: str | None, said: str):
    video = await pair.create(size=size)

    assert (video["aspect_ratio"], video["size"]) == (ratio, said)


@pytest.mark.parametrize(
    ("wish", "pointer", "code"),
    [
        pytest.param({}, "#/prompt", "required", id="no prompt"),
        pytest.param({"prompt": ""}, "#/prompt", "invalid_value", id="empty prompt"),
        pytest.param({"prompt": "x" * 2001}, "#/prompt", "invalid_value", id="long prompt"),
        pytest.param({"prompt": 7}, "#/prompt", "invalid_value", id="prompt of another type"),
        pytest.param({"prompt": "x", "sound": True}, "#/sound", "unknown_field", id="unknown field"),
        pytest.param(
            {"prompt": "x", "image_url": "https://x.example/a"}, "#/image_url", "unknown_field", id="our word"
        ),
        pytest.param({"prompt": "x", "seconds": 0}, "#/seconds", "invalid_value", id="no seconds"),
        pytest.param({"prompt": "x", "seconds": "5.5"}, "#/seconds", "invalid_value", id="parts of seconds"),
        pytest.param({"prompt": "x", "seconds": True}, "#/seconds", "invalid_value", id="seconds of another type"),
        pytest.param({"prompt": "x", "size": "big"}, "#/size", "invalid_value", id="no size"),
        pytest.param({"prompt": "x", "size": "640x480"}, "#/size", "unsupported_size", id="another shape"),
        pytest.param(
            {"prompt": "x", "size": "1280x720", "aspect_ratio": "1:1"}, "#/size", "conflict", id="size against ratio"
        ),
        pytest.param({"prompt": "x", "aspect_ratio": "4:3"}, "#/aspect_ratio", "invalid_value", id="another ratio"),
        pytest.param({"prompt": "x", "quality": "best"}, "#/quality", "invalid_value", id="another quality"),
        pytest.param({"prompt": "x", "model": "sora-2"}, "#/model", "unknown_model", id="unknown model"),
        pytest.param({"prompt": "x", "metadata": {"a": 1}}, "#/metadata", "invalid_value", id="metadata not text"),
        pytest.param(
            {"prompt": "x", "metadata": {str(n): "" for n in range(17)}}, "#/metadata", "invalid_value", id="metadata"
        ),
        pytest.param({"prompt": "x", "metadata": {"k" * 65: ""}}, "#/metadata", "invalid_value", id="metadata key"),
        pytest.param(
            {"prompt": "x", "input_reference": {"file_id": "f"}}, "#/input_reference", "invalid_value", id="a file's id"
        ),
        pytest.param(
            {"prompt": "x", "input_reference": {"image_url": "data:image/png;base64,AAAA"}},
            "#/input_reference/image_url",
            "unsupported_image",
            id="a picture in the address",
        ),
        pytest.param({"prompt": "x", "gateway": {"max": 1}}, "#/gateway/max", "unknown_field", id="unknown option"),
        pytest.param(
            {"prompt": "x", "gateway": {"max_cost_micros": 5}},
            "#/gateway/max_cost_micros",
            "unknown_field",
            id="our word for cost",
        ),
        pytest.param({"prompt": "x", "gateway": {"max_cost": 0.5}}, "#/gateway/max_cost", "invalid_value", id="float"),
        pytest.param({"prompt": "x", "gateway": {"max_cost": "-1"}}, "#/gateway/max_cost", "invalid_value", id="debt"),
        pytest.param(
            {"prompt": "x", "gateway": {"only": ["a", 7]}}, "#/gateway/only/1", "invalid_value", id="item of a list"
        ),
        pytest.param(
            {"prompt": "x", "gateway": {"on_unknown": "hope"}}, "#/gateway/on_unknown", "invalid_value", id="option"
        ),
        pytest.param(
            {"prompt": "x", "gateway": {"deadline_seconds": 0}},
            "#/gateway/deadline_seconds",
            "invalid_value",
            id="deadline",
        ),
        pytest.param([{"prompt": "x"}], "#", "invalid_value", id="a list"),
    ],
)
async def test_what_is_wrong_is_named(pair: Running, wish: Any, pointer: str, code: str):
    response = await pair.client.post(URL, json=wish)

    body = problem(response, 422, "invalid_request")
    assert [(error["pointer"], error["code"]) for error in body["errors"]] == [(pointer, code)]
    assert body["errors"][0]["detail"]
    assert body["error"]["type"] == "invalid_request_error"
    assert response.headers["x-should-retry"] == "false"


async def test_an_unknown_model_is_answered_with_the_known_ones(pair: Running):
    response = await pair.client.post(URL, json={"prompt": "x", "model": "sora-2"})

    body = problem(response, 422, "invalid_request")
    assert body["error"]["param"] == "model"
    assert "auto, veo-3, veo-3.1, veo3o1/veo-3.1, doitong/veo3" in body["detail"]


async def test_a_wish_nobody_can_make_names_the_fields_to_change(pair: Running):
    wish = {"prompt": "x", "seconds": 30, "gateway": {"only": ["doitong"]}}

    body = problem(await pair.client.post(URL, json=wish), 422, "no_route")

    assert {error["pointer"] for error in body["errors"]} == {"#/seconds", "#/gateway/only"}
    assert {error["code"] for error in body["errors"]} == {"unsupported_duration", "not_in_only"}


async def test_a_wish_that_is_too_cheap_is_told_what_it_may_cost(pair: Running):
    wish = {"prompt": "x", "gateway": {"only": ["doitong"], "max_cost": "0.15"}}

    body = problem(await pair.client.post(URL, json=wish), 422, "no_route")

    said = {error["detail"] for error in body["errors"] if error["code"] == "over_max_cost"}
    assert any(one.endswith(": may cost 0.20 USD, more than 0.15 USD") for one in said), said


@pytest.mark.parametrize(("field", "code"), [("only", "not_in_only"), ("exclude", "excluded")])
async def test_a_name_that_nobody_has_is_told(pair: Running, field: str, code: str):
    wish = {"prompt": "x", "gateway": {"only": ["doitong"], "max_cost": "0", field: ["doitong", "zzz"]}}

    body = problem(await pair.client.post(URL, json=wish), 422, "no_route")

    told = [error for error in body["errors"] if error["detail"] == "no account or provider is called zzz"]
    assert [(error["pointer"], error["code"]) for error in told] == [(f"#/gateway/{field}", code)]
    assert not any("called doitong" in error["detail"] for error in body["errors"])


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        pytest.param({"content-type": "application/json"}, b'{"prompt": "x"', id="json cut short"),
        pytest.param({"content-type": "application/json"}, b"", id="nothing"),
        pytest.param({"content-type": "application/json"}, b'{"prompt": "\xff"}', id="json not utf-8"),
        pytest.param({"content-type": "multipart/form-data"}, b"--x--", id="multipart without boundary"),
        pytest.param({"content-type": "multipart/form-data; boundary=x"}, b"--x\r\n\r\n", id="multipart cut short"),
        pytest.param(
            {"content-type": "multipart/form-data; boundary=x"},
            b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n\xff\r\n--x--\r\n',
            id="multipart not utf-8",
        ),
        pytest.param(
            {"content-type": "multipart/form-data; boundary=x"},
            b'--x\r\nContent-Disposition: form-data; name="prompt"\r\nContent-Type: text/plain; charset=klingon\r\n\r\n'
            b"x\r\n--x--\r\n",
            id="unknown charset",
        ),
        pytest.param({"content-type": "application/x-www-form-urlencoded"}, b"prompt=%ff", id="form not utf-8"),
        pytest.param({"content-type": "application/x-www-form-urlencoded"}, b"prompt=a&prompt=b", id="given twice"),
        pytest.param({"content-type": "application/x-www-form-urlencoded"}, b"&".join([b"a=b"] * 200), id="too many"),
    ],
)
async def test_a_body_that_can_not_be_read_is_a_400(pair: Running, headers: dict[str, str], content: bytes):
    response = await pair.client.post(URL, content=content, headers=headers)

    problem(response, 400, "malformed_request")


async def test_a_body_of_another_type_is_refused_with_the_types_that_are_read(pair: Running):
    response = await pair.client.post(URL, content=b"prompt", headers={"content-type": "text/csv"})

    problem(response, 415, "unsupported_media_type")
    assert response.headers["accept-post"] == (
        "application/json, multipart/form-data, application/x-www-form-urlencoded"
    )


@pytest.mark.parametrize("announced", [True, False], ids=["its length announced", "in chunks"])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_a_body_too_large_is_refused(pair: Running, kind: str, announced: bool):
    large = b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n' + b"x" * 1024 * 1024

    async def pieces():
        for start in range(0, len(large), 65536):
            yield large[start : start + 65536]

    response = await pair.client.post(
        URL, content=large if announced else pieces(), headers={"content-type": f"{kind}; boundary=x"}
    )

    problem(response, 413, "payload_too_large")


async def test_a_file_that_is_no_picture_is_refused_with_what_to_do_instead(pair: Running):
    files: Any = {"prompt": (None, "x"), "input_reference": ("a.png", b"<svg/>" * 9, "image/png")}

    body = problem(await pair.client.post(URL, files=files), 422, "invalid_request")

    assert "send JPEG, PNG or WebP" in body["detail"]


async def test_a_picture_by_its_address_goes_to_who_can_start_from_one(pair: Running):
    picture = {"image_url": "https://pictures.example/boat.png"}

    video = await pair.create(input_reference=picture)

    route = (await pair.client.get(f"{URL}/{video['id']}/route")).json()
    excluded = {candidate["account"]: candidate["excluded"] for candidate in route["candidates"]}
    assert [reason["code"] for reason in excluded["doitong-main"]] == ["no_image_input"]
    assert excluded["veo-main"] == []


async def test_what_a_provider_can_not_be_told_is_bent_and_said_when_that_was_asked(pair: Running):
    options = {"only": ["doitong"], "on_unsupported": "adjust"}

    video = await pair.create(seconds=30, gateway=options)

    assert video["seconds"] == "10"
    assert video["gateway"]["adjustments"] == [{"field": "seconds", "asked": "30", "given": "10"}]


async def test_prefer_wait_holds_the_answer_until_the_video_has_ended(pair: Running):
    response = await pair.client.post(URL, json={"prompt": "quick [sim:instant]"}, headers={"prefer": "wait=20"})

    video = response.json()
    assert response.status_code == 202
    assert response.headers["preference-applied"] == "wait=20"
    assert video["status"] == "completed"
    assert [attempt["state"] for attempt in video["gateway"]["attempts"]] == ["succeeded"]
    assert "retry-after" not in response.headers


class NotedEvents(Events):
    """The gateway's own, and how long each caller was to be held."""

    def __init__(self, real: Events) -> None:
        vars(self).update(vars(real))
        self.held: list[float] = []

    async def wait(self, tenant: str, video: str, seconds: float) -> Video:
        self.held.append(seconds)
        return await super().wait(tenant, video, seconds)


async def test_prefer_wait_answers_before_the_time_is_up(pair: Running):
    events = NotedEvents(pair.gateway.events)
    async with door(msgspec.structs.replace(pair.gateway, events=events), ACME_KEY) as client:
        response = await client.post(URL, json={"prompt": "[sim:stuck]"}, headers={"prefer": "wait=1"})

    assert response.headers["preference-applied"] == "wait=1"
    assert response.json()["status"] in {"queued", "in_progress"}
    [held] = events.held
    assert 0.5 <= held < 1


async def test_a_preference_we_do_not_know_is_ignored(pair: Running):
    response = await pair.client.post(URL, json={"prompt": "x"}, headers={"prefer": "bogus=1; x, respond-async"})

    assert response.status_code == 202
    assert "preference-applied" not in response.headers


async def test_names_of_fields_that_are_very_long_are_not_thrown_back(pair: Running):
    response = await pair.client.post(URL, content=json.dumps({"x" * 100_000: 1}))

    assert response.status_code == 415

    response = await pair.client.post(URL, json={"prompt": "x", "x" * 100_000: 1})

    problem(response, 422, "invalid_request")
    assert len(response.content) < 2000


async def test_a_tenant_with_too_much_waiting_is_told_when_to_come_back(tmp_path):
    setup, port = Setup(folder=tmp_path, limits=TenantLimits(queued=1)), free_port()
    async with serve(setup.sandbox) as sandbox:
        accounts = sandbox_accounts(sandbox, setup)
        settings = settings_for(setup, accounts, sandbox_url=sandbox.url, public_url="http://x.test")
        async with (
            gateway(settings) as built,
            serving(built, listener=listen("127.0.0.1", port), worker=False),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=AS_ACME, trust_env=False) as client,
        ):
            taken = await client.post(URL, json={"prompt": "x"})

            response = await client.post(URL, json={"prompt": "x"})

    body = problem(response, 429, "too_many_requests")
    assert taken.status_code == 202
    assert body["error"]["type"] == "rate_limit_error"
    assert response.headers["retry-after"] == "10"
    assert 10_000 <= int(response.headers["retry-after-ms"]) < 12_000
    assert "x-should-retry" not in response.headers
