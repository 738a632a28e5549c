"""Video.receipt: the document REST gives, to the byte, and null until the video has ended."""

import hashlib
import json

import pytest

from gateway.policy.receipts import verify
from tests.graphql.asking import ask, created, errors
from tests.support.running import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

RECEIPT = """
query Receipt($id: ID!) {
  video(id: $id) {
    receipt { document keyId revision heldMicros chargedMicros releasedMicros fileSha256 }
  }
}
"""


async def test_it_is_the_document_that_rest_gives(gw: Running) -> None:
    id = await created(gw.client, prompt="boat [sim:instant]")
    await gw.finished(id)

    receipt = (await ask(gw.client, RECEIPT, id=id))["video"]["receipt"]
    rest = await gw.client.get(f"/v1/videos/{id}/receipt")
    content = await gw.client.get(f"/v1/videos/{id}/content")

    assert receipt["document"].encode() == rest.content
    facts = verify(receipt["document"].encode(), gw.gateway.receipts.keys)
    assert [receipt[name] for name in ("heldMicros", "chargedMicros", "releasedMicros")] == [
        facts["money"][name] for name in ("held_micros", "charged_micros", "released_micros")
    ]
    assert receipt["revision"] == facts["revision"]
    assert receipt["fileSha256"] == hashlib.sha256(content.content).hexdigest()
    assert [receipt["keyId"]] == [key.kid for key in gw.gateway.receipts.keys.keys]


async def test_a_failed_video_has_one_without_a_file(gw: Running) -> None:
    id = await created(gw.client, prompt="boat [sim:fail]")
    await gw.finished(id)

    receipt = (await ask(gw.client, RECEIPT, id=id))["video"]["receipt"]

    assert receipt["fileSha256"] is None
    assert json.loads(receipt["document"])["error"] == "generation_failed"


async def test_it_is_null_until_the_video_has_ended(gw: Running) -> None:
    id = await created(gw.client, prompt="boat [sim:stuck]")

    assert (await ask(gw.client, RECEIPT, id=id))["video"] == {"receipt": None}


async def test_a_page_of_them_may_be_asked_for_and_not_several_pages_at_once(gw: Running) -> None:
    page = "videos(first: 100) { edges { node { receipt { document } } } }"

    assert "videos" in await ask(gw.client, f"{{ {page} }}")
    (error,) = await errors(gw.client, f"{{ one: {page} two: {page} }}")
    assert "asks for too much" in error["message"]
