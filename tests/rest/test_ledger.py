"""GET /v1/ledger: what the tenant's money did, in pages and as one CSV file that sums to the balance."""

import csv
import io
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from gateway.rest.headers import prefers
from gateway.rest.ledger import CSV_HEAD, csv_pieces
from schema.ledger import Entry, EntryKind, Posting
from schema.tenant import Funding, FundingMode
from tests.rest.answers import problem
from tests.support.running import Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = "/v1/ledger"
OPENING = 2_000_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def paid(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A prepaid tenant with some history: made, failed, held still, and topped up by somebody with odd notes."""
    setup = Setup(folder=tmp_path_factory.mktemp("paid"), funding=Funding(mode=FundingMode.PREPAID, opening=OPENING))
    async with running(setup) as pair:
        for prompt in ("a [sim:instant]", "b [sim:instant]", "c [sim:fail]"):
            await pair.finished((await pair.create(prompt))["id"])
        await pair.create("[sim:stuck]")
        await pair.gateway.ledger.top_up("acme", 500_000, actor="ops", note='=HYPERLINK("http://x")', key=None)
        await pair.gateway.ledger.adjust("acme", -1, actor="ops", note="a, “comma”\nand a line", key=None)
        yield pair


async def page(client: httpx.AsyncClient, **params: Any) -> dict[str, Any]:
    response = await client.get(URL, params=params)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def lines(client: httpx.AsyncClient) -> list[dict[str, str]]:
    text = (await client.get(URL, headers={"accept": "text/csv"})).text
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_every_entry_moves_money_between_the_tenant_s_accounts(paid: Running):
    entries = (await page(paid.client, order="asc"))["data"]

    assert entries[0].keys() == {"id", "object", "kind", "video_id", "created_at", "note", "postings"}
    assert entries[0]["kind"] == "top_up"
    assert entries[0]["postings"] == [
        {"account": "funding", "unit": "micros", "amount": -OPENING},
        {"account": "available", "unit": "micros", "amount": OPENING},
    ]
    kinds = Counter(entry["kind"] for entry in entries)
    assert kinds == {"top_up": 2, "hold": 4, "capture": 2, "release": 3, "adjust": 1}
    for entry in entries:
        assert entry["object"] == "ledger_entry"
        assert sum(posting["amount"] for posting in entry["postings"]) == 0
        assert (entry["video_id"] is None) == (entry["kind"] in {"top_up", "adjust"})


async def test_csv_sums_to_the_balance_and_holds_every_entry(paid: Running):
    found = await lines(paid.client)
    balance = (await paid.client.get("/v1/balance")).json()

    sums: Counter[str] = Counter()
    for line in found:
        sums[line["account"]] += int(line["amount"])
    assert sums["available"] == balance["available_micros"] == OPENING + 500_000 - 1 - 200_000 - 200_000
    assert sums["held"] == balance["held_micros"] == 200_000
    assert sums["spent"] == balance["spent_micros"] == 200_000
    assert sum(sums.values()) == 0
    shown = (await page(paid.client, order="asc", limit=100))["data"]
    assert list(dict.fromkeys(line["entry_id"] for line in found)) == [entry["id"] for entry in shown]


async def test_csv_is_a_file_with_plain_cells(paid: Running):
    response = await paid.client.get(URL, params={"format": "csv"})
    head = await paid.client.head(URL, params={"format": "csv"})

    assert response.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert response.headers["content-disposition"] == 'attachment; filename="ledger-acme.csv"'
    assert response.headers["cache-control"] == "private, no-cache"
    assert (head.status_code, head.content) == (200, b"")
    found = await lines(paid.client)
    assert tuple(found[0]) == CSV_HEAD
    notes = [line["note"] for line in found if line["note"]]
    assert notes == ["opening"] * 2 + ['\'=HYPERLINK("http://x")'] * 2 + ["a, “comma”\nand a line"] * 2
    assert all(line["time"].endswith("Z") and line["unit"] == "micros" for line in found)


@pytest.mark.parametrize("note", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1"])
async def test_no_text_is_a_formula(note: str):
    (piece,) = [piece async for piece in csv_pieces(entries(1, note), "acme")]

    cells = [line["note"] for line in csv.DictReader(io.StringIO(piece.decode(), newline=""))]
    amounts = [line["amount"] for line in csv.DictReader(io.StringIO(piece.decode(), newline=""))]
    assert cells == [f"'{note}"] * 2
    assert amounts == ["-5", "5"], "numbers are numbers"


async def entries(count: int, note: str = "", read: list[int] | None = None) -> AsyncIterator[Entry]:
    for number in range(count):
        if read is not None:
            read.append(number)
        yield Entry(
            id=f"led_{number:026}",
            kind=EntryKind.TOP_UP,
            at=number,
            postings=(Posting("funding", "micros", -5), Posting("tenant:acme:available", "micros", 5)),
            tenant="acme",
            note=note or None,
        )


async def test_a_long_ledger_is_sent_as_it_is_read():
    read: list[int] = []
    sizes, lines_sent = [], 0
    async for piece in csv_pieces(entries(20_000, "a note of some length", read), "acme"):
        sizes.append(len(piece))
        lines_sent += piece.count(b"\r\n")
        assert len(read) * 2 - (lines_sent - 1) <= 0, "nothing is read ahead"

    assert lines_sent == 40_001
    assert max(sizes) < 70_000


async def test_pages_go_both_ways_and_link_to_their_neighbours(paid: Running):
    whole = [entry["id"] for entry in (await page(paid.client, limit=100))["data"]]
    walked: list[str] = []
    url = f"{URL}?limit=5"
    while url:
        response = await paid.client.get(url)
        body = response.json()
        walked += [entry["id"] for entry in body["data"]]
        assert body["has_more"] == ("next" in response.links)
        assert (body["first_id"], body["last_id"]) == (body["data"][0]["id"], body["data"][-1]["id"])
        url = response.links.get("next", {}).get("url", "")

    assert walked == whole
    back = await page(paid.client, before=whole[5], limit=5)
    assert [entry["id"] for entry in back["data"]] == whole[:5]
    oldest = await page(paid.client, order="asc", limit=3)
    assert [entry["id"] for entry in oldest["data"]] == whole[::-1][:3]


@pytest.mark.parametrize(
    ("query", "status", "code", "name"),
    [
        ("after=nonsense", 400, "malformed_request", "after"),
        ("after=video_" + "0" * 26, 400, "malformed_request", "after"),
        ("status=queued", 400, "malformed_request", "status"),
        ("limit=0", 422, "invalid_request", "limit"),
        ("limit=101", 422, "invalid_request", "limit"),
        ("order=up", 422, "invalid_request", "order"),
        ("format=xml", 422, "invalid_request", "format"),
        ("format=csv&limit=5", 422, "invalid_request", "limit"),
        (f"after=led_{'0' * 26}&before=led_{'0' * 26}", 422, "invalid_request", "before"),
    ],
)
async def test_a_query_that_makes_no_sense_names_its_parameter(
    paid: Running, query: str, status: int, code: str, name: str
):
    body = problem(await paid.client.get(f"{URL}?{query}"), status, code)

    assert [error["parameter"] for error in body["errors"]] == [name]


async def test_a_tenant_sees_its_own_entries_only(paid: Running):
    theirs = (await page(paid.other))["data"]

    assert [entry["kind"] for entry in theirs] == ["top_up"]
    assert theirs[0]["postings"][1]["account"] == "available"
    ours = {entry["id"] for entry in (await page(paid.client))["data"]}
    assert theirs[0]["id"] not in ours
    for url in (URL, "/v1/balance"):
        problem(await paid.client.get(url, headers={"authorization": ""}), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("accept", "csv_wanted"),
    [
        ("text/csv", True),
        ("text/csv, */*", True),
        ("text/csv;q=0.9, application/json;q=0.1", True),
        ("text/csv; charset=utf-8", True),
        ("application/json, text/csv;q=0.5", False),
        ("text/csv;q=0", False),
        ("*/*", False),
        ("application/json", False),
        ("nonsense", False),
    ],
)
async def test_csv_is_given_to_those_who_like_it_best(accept: str, csv_wanted: bool):
    assert prefers([accept], "text/csv", to="application/json") is csv_wanted
