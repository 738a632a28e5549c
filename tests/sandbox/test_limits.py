"""Limits: requests a minute and a day, jobs at once, and the headers that tell."""

from datetime import datetime

import pytest
from msgspec.structs import replace

from gateway.sandbox.limits import Limits, limits_of
from gateway.sandbox.settings import AccountSettings
from tests.sandbox.callers import START, Doitong, Veo

RESET = "x-ratelimit-reset"


@pytest.mark.parametrize(
    ("given", "limits"),
    [
        ({"provider": "doitong", "plan": "free"}, Limits(10, 1, 100)),
        ({"provider": "doitong", "plan": "starter"}, Limits(30, 3, 1_000)),
        ({"provider": "doitong", "plan": "pro"}, Limits(60, 10, 10_000)),
        ({"provider": "doitong"}, Limits(0, 0, 0)),
        ({"provider": "doitong", "plan": "free", "concurrent": 0, "per_day": 7}, Limits(10, 0, 7)),
        ({"provider": "veo3o1"}, Limits(0, 1, 0)),
        ({"provider": "veo3o1", "per_minute": 10, "concurrent": 4}, Limits(10, 4, 0)),
    ],
)
def test_limits_are_the_plans_unless_the_account_says_otherwise(given, limits):
    assert limits_of(AccountSettings(name="a", key="k", credits=0, **given)) == limits


async def test_the_minute_counts_every_request_and_opens_again(start, client, clock):
    sandbox = await start(doitong={"per_minute": 3})
    doitong = Doitong(client, sandbox)
    job_id = await doitong.id()

    polled = await doitong.rest_video(job_id)
    created = await doitong.rest()
    refused = await doitong.rest()
    clock.time += 60_000
    later = await doitong.rest()

    assert [one.status_code for one in (polled, created, refused, later)] == [200, 200, 429, 200]
    assert [one.headers["x-ratelimit-remaining"] for one in (polled, created, refused, later)] == ["1", "0", "0", "2"]
    assert refused.headers["x-ratelimit-limit"] == "3"
    assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert sandbox.world.truth(clock.now()).accounts[1].violations == {"per_minute": 1}


async def test_the_day_is_a_window_of_its_own(start, client, clock):
    doitong = Doitong(client, await start(doitong={"per_day": 1, "per_minute": 5}))

    first, second = await doitong.rest(), await doitong.rest()
    clock.time += 86_400_000
    third = await doitong.rest()

    assert [one.status_code for one in (first, second, third)] == [200, 429, 200]
    assert (second.headers["x-ratelimit-limit"], second.headers["x-ratelimit-remaining"]) == ("1", "0")
    assert int(second.headers[RESET]) == START // 1000 + 86_400


async def test_the_minute_has_a_speed_of_its_own(start, client, clock):
    doitong = Doitong(client, await start(doitong={"per_minute": 1}, limit_speed=10.0))
    await doitong.rest()
    clock.time += 6_000

    assert (await doitong.rest()).status_code == 200


@pytest.mark.parametrize(
    ("unit", "written"),
    [
        ("epoch_s", str(START // 1000 + 60)),
        ("epoch_ms", str(START + 60_000)),
        ("delta_s", "60"),
        ("iso", datetime.fromtimestamp(START / 1000 + 60).astimezone().isoformat()),
    ],
)
async def test_the_reset_header_is_written_as_the_variant_says(start, client, unit, written):
    sandbox = await start(doitong={"per_minute": 10})
    sandbox.world.accounts["doitong"].variant = _varied(sandbox.world.variant, unit)

    told = (await Doitong(client, sandbox).rest()).headers[RESET]

    if unit == "iso":
        assert datetime.fromisoformat(told) == datetime.fromisoformat(written)
    else:
        assert told == written


async def test_an_account_without_limits_has_no_headers_unless_a_marker_limits_it(doitong):
    plain, marked = await doitong.rest(), await doitong.rest("[sim:429]")

    assert RESET not in plain.headers
    assert marked.status_code == 429
    assert (marked.headers["x-ratelimit-remaining"], marked.headers[RESET]) == ("0", str(START // 1000 + 1))


async def test_jobs_at_once_are_counted_until_they_end(start, client, clock):
    sandbox = await start(doitong={"concurrent": 2})
    doitong = Doitong(client, sandbox)

    codes = [(await doitong.rest(prompt)).status_code for prompt in ("[sim:stuck]", "two", "three")]
    clock.time += 60_000
    later = await doitong.rest("four")

    assert codes == [200, 200, 429]
    assert later.status_code == 200
    account = sandbox.world.truth(clock.now()).accounts[1]
    assert (account.violations, account.peak_running, account.running) == ({"concurrent": 1}, 2, 2)


async def test_the_most_jobs_at_once_are_remembered_where_there_is_no_limit_too(doitong, desk, advance):
    for _ in range(3):
        await doitong.rest()
        await doitong.rest()
        advance(60)

    account = await desk.account("doitong")
    assert (account["peak_running"], account["running"]) == (2, 0)


async def test_veo3o1_tells_a_limit_by_code_1003(start, client):
    veo = Veo(client, await start(veo3o1={"per_minute": 1}))
    await veo.generate()

    assert (await veo.status("x")).json()["code"] == 1003


def _varied(variant, unit):
    return replace(variant, doitong_reset=unit)
