"""veo3o1's wire: the envelope, creating, watching, uploading, credits."""

import pytest

from tests.sandbox.callers import Veo

JPEG = b"\xff\xd8\xff\xe0" + bytes(20)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
WEBP = b"RIFF\x00\x00\x00\x00WEBP" + bytes(20)


@pytest.fixture
async def sandbox(start):
    return await start(veo3o1_seconds=(100.0, 100.0), prompt_limit=50, upload_limit_bytes=1000)


async def test_a_create_call_answers_what_is_documented_and_bills_two_credits(veo, desk):
    answer = await veo.generate("a fox", aspectRatio="9:16")

    assert answer.status_code == 200
    envelope = answer.json()
    data = envelope["data"]
    assert (envelope["code"], envelope["msg"]) == (0, "Success")
    assert data.keys() == {"uuid", "status", "generationType", "prompt", "aspectRatio", "createdAt"}
    assert (data["status"], data["generationType"], data["prompt"], data["aspectRatio"]) == (
        "pending",
        "text_to_video",
        "a fox",
        "9:16",
    )
    assert data["createdAt"].endswith("Z")
    account = await desk.account("veo3o1")
    assert (account["credits"], account["billed"]) == (9_998, 2)


async def test_a_job_is_pending_then_processing_then_completed_as_time_passes(veo, advance):
    uuid = await veo.uuid()
    seen = []
    for seconds in (0, 20, 40, 39, 1):
        advance(seconds)
        seen.append(await veo.data(uuid))

    told = [(data["status"], data["progress"], data["estimatedTime"]) for data in seen]
    assert told == [
        ("pending", 0, 100),
        ("processing", 20, 80),
        ("processing", 60, 40),
        ("processing", 99, 1),
        ("completed", 100, 0),
    ]
    assert ["videoUrl" in data for data in seen] == [False] * 4 + [True]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"generationType": "text_to_video"},
        {"generationType": "text_to_video", "prompt": "  "},
        {"generationType": "text_to_video", "prompt": "x" * 51},
        {"generationType": "text_to_video", "prompt": 7},
        {"generationType": "audio", "prompt": "a fox"},
        {"generationType": "text_to_video", "prompt": "a fox", "aspectRatio": "1:1"},
        {"generationType": "image_to_video", "prompt": "a fox"},
        {"generationType": "image_to_video", "prompt": "a fox", "imageUrl": "http://x/y.png", "imageKey": "unknown"},
        {"generationType": "text_to_video", "prompt": "a fox [sim:nonsense]"},
    ],
)
async def test_invalid_parameters_are_code_1000_and_bill_nothing(veo, desk, body):
    answer = await veo.post(body)

    assert (answer.status_code, answer.json()["code"]) == (200, 1000)
    truth = await desk.truth()
    assert [one["accepted"] for one in truth["submissions"]] == [False]
    assert truth["totals"]["billed"] == 0


@pytest.mark.parametrize("header", ["Bearer wrong", "Basic sandbox-veo3o1-key", "Bearer sandbox-doitong-key"])
async def test_a_wrong_key_is_code_1002(client, sandbox, header):
    url = f"{sandbox.veo3o1_url}/video-status/x"

    answer = await client.get(url, headers={"Authorization": header})

    assert answer.json() == {"code": 1002, "msg": "Invalid API key", "data": None}


async def test_without_credits_the_answer_says_what_is_required_and_what_is_there(veo, desk):
    await desk.control(accounts={"veo3o1": {"credits": 1}})

    answer = (await veo.generate()).json()

    assert answer == {"code": 1001, "msg": "Insufficient credits", "data": {"required": 2, "current": 1}}


async def test_an_unknown_uuid_and_one_of_another_account_are_alike(veo, client, sandbox, desk):
    uuid = await veo.uuid()
    await desk.control(accounts={"veo3o1": {"key": "new-key"}})

    assert (await Veo(client, sandbox, "new-key").data(uuid))["status"] == "pending"
    assert (await veo.status(uuid)).json()["code"] == 1002
    assert (await Veo(client, sandbox, "new-key").status("unknown")).json()["code"] == 1000


@pytest.mark.parametrize(
    ("marker", "code", "status"),
    [
        ("invalid", 1000, 400),
        ("reject", 1000, 400),
        ("no-credits", 1001, 402),
        ("unauthorized", 1002, 401),
        ("429", 1003, 429),
        ("5000", 5000, 500),
    ],
)
async def test_errors_come_as_http_200_or_with_a_status_and_the_body_is_the_same(veo, desk, marker, code, status):
    in_body = await veo.generate(f"[sim:{marker}]")
    await desk.control(variant={"veo3o1_errors": "status"})
    with_status = await veo.generate(f"[sim:{marker}]")

    assert (in_body.status_code, with_status.status_code) == (200, status)
    assert in_body.json() == with_status.json()
    assert in_body.json()["code"] == code


async def test_a_failed_generation_says_why_and_is_refunded(veo, desk, advance):
    uuid = await veo.uuid("[sim:fail] a fox")
    billed = (await desk.account("veo3o1"))["credits"]
    advance(60)
    data = await veo.data(uuid)

    assert billed == 9_998
    assert (data["status"], data["progress"]) == ("failed", 60)
    assert data["errorMessage"].startswith("Generation failed")
    account = await desk.account("veo3o1")
    assert (account["credits"], account["billed"], account["refunded"]) == (10_000, 2, 2)
    assert (await desk.truth())["jobs"][0]["refunded"] == 2


@pytest.mark.parametrize(
    ("content", "suffix", "media_type"),
    [(JPEG, "jpg", "image/jpeg"), (PNG, "png", "image/png"), (WEBP, "webp", "image/webp")],
)
async def test_an_uploaded_image_is_known_by_its_bytes_and_can_be_used_and_fetched(
    *, veo, client, desk, content, suffix, media_type
):
    uploaded = (await veo.upload(content)).json()
    image = uploaded["data"]
    made = await veo.generate(generationType="image_to_video", **image)
    fetched = await client.get(image["imageUrl"])

    assert (uploaded["code"], uploaded["msg"]) == (0, "Upload successful")
    assert image["imageKey"].endswith(suffix)
    assert made.json()["data"]["generationType"] == "image_to_video"
    assert (fetched.content, fetched.headers["content-type"]) == (content, media_type)
    assert (await desk.truth())["jobs"][0]["image_url"] == image["imageUrl"]


@pytest.mark.parametrize(
    ("content", "field"),
    [(b"GIF89a" + bytes(20), "file"), (PNG + bytes(1000), "file"), (PNG, "picture"), (b"", "file")],
)
async def test_an_upload_of_another_format_or_size_or_field_is_invalid(veo, content, field):
    assert (await veo.upload(content, field)).json()["code"] == 1000


async def test_an_upload_that_is_no_form_is_invalid(client, sandbox):
    headers = {"Authorization": "Bearer sandbox-veo3o1-key", "Content-Type": "multipart/form-data; boundary=x"}

    answer = await client.post(f"{sandbox.veo3o1_url}/upload-video-image", content=b"nonsense", headers=headers)

    assert answer.json()["code"] == 1000


async def test_a_job_that_stays_in_its_limits_is_made_one_at_a_time(start, client, clock):
    sandbox = await start(veo3o1={"concurrent": None}, veo3o1_seconds=(100.0, 100.0))
    veo = Veo(client, sandbox)

    first = await veo.generate()
    second = await veo.generate()
    clock.time += 100_000
    third = await veo.generate()

    assert [one.json()["code"] for one in (first, second, third)] == [0, 1003, 0]
