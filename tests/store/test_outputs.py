"""Extra outputs as both engines keep them: one for an attempt, each the secret of its tenant."""

import pytest

from schema.lifecycle import AttemptState
from schema.output import ExtraOutput
from schema.video import Asset
from tests.store.rows import NOW, a_video, an_attempt, keep


def an_output(attempt: str = "att_1", at: int = NOW, **facts) -> ExtraOutput:
    whole = {"key": f"acme/{attempt}.mp4", "size": 2**40, "sha256": "a" * 64, "media_type": "video/mp4"}
    return ExtraOutput(attempt, Asset(**{**whole, **facts}), at)


async def add(store, output: ExtraOutput, video: str = "video_1") -> bool:
    added: bool = await store.write(lambda tx: tx.outputs.add(output, tenant="acme", video=video))
    return added


@pytest.fixture(autouse=True)
async def attempts(store):
    made = AttemptState.SUCCEEDED
    await keep(
        store,
        *(a_video("video_1"), a_video("video_2"), a_video("video_3")),
        *(an_attempt("att_1", state=made), an_attempt("att_2", n=2, state=made)),
        an_attempt("att_3", video="video_2", state=made),
    )


async def test_an_output_comes_back_as_it_was_kept(store):
    assert await add(store, an_output())

    assert await store.read(lambda tx: tx.outputs.get("acme", "video_1", "att_1")) == an_output()
    assert await store.read(lambda tx: tx.outputs.of_video("acme", "video_1")) == [an_output()]


async def test_an_attempt_has_one_output(store):
    await add(store, an_output())

    assert not await add(store, an_output(key="acme/another.mp4"))

    assert await store.read(lambda tx: tx.outputs.of_video("acme", "video_1")) == [an_output()]


async def test_outputs_are_listed_by_video_first_to_last(store):
    late, early, other = an_output("att_1", NOW + 2), an_output("att_2", NOW + 1), an_output("att_3")
    await add(store, late)
    await add(store, early)
    await add(store, other, "video_2")

    found = await store.read(lambda tx: tx.outputs.of_videos("acme", ["video_2", "video_1", "video_3"]))

    assert found == {"video_1": [early, late], "video_2": [other]}
    assert await store.read(lambda tx: tx.outputs.of_videos("acme", [])) == {}
    assert await store.read(lambda tx: tx.outputs.of_video("acme", "video_3")) == []


@pytest.mark.parametrize(
    ("tenant", "video", "attempt"),
    [("globex", "video_1", "att_1"), ("acme", "video_2", "att_1"), ("acme", "video_1", "att_2")],
    ids=["another tenant's", "another video's", "another attempt's"],
)
async def test_an_output_is_found_by_all_its_names_only(store, tenant, video, attempt):
    await add(store, an_output())

    assert await store.read(lambda tx: tx.outputs.get(tenant, video, attempt)) is None
