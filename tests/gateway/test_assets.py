"""The asset store: a folder and an object store are used alike, and say what is wrong with them."""

from pathlib import Path

import pytest

from gateway.assets import Assets, AssetStoreFailed
from tests.support.s3 import options_of, s3

LONG = bytes(range(256)) * (1 << 16)
"""16 MiB: more than one part."""


async def read(assets: Assets, key: str, start: int, end: int) -> bytes:
    return b"".join([piece async for piece in assets.read(key, start, end)])


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path, monkeypatch):
    if request.param == "folder":
        yield Assets(f"file://{tmp_path}/assets"), None
        return
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with s3() as bucket:
        yield Assets("s3://films/kept", options_of(bucket)), bucket


@pytest.mark.parametrize("whole", [LONG, b"short"], ids=["long", "short"])
async def test_a_file_is_published_read_in_parts_and_deleted(place, tmp_path: Path, whole: bytes):
    (assets, _), film = place, tmp_path / "film.part"
    film.write_bytes(whole)

    await assets.put("acme/video/film.mp4", film)

    assert await read(assets, "acme/video/film.mp4", 0, len(whole)) == whole
    assert await read(assets, "acme/video/film.mp4", 1, 4) == whole[1:4]
    await assets.delete("acme/video/film.mp4")
    await assets.delete("acme/video/film.mp4")
    with pytest.raises(FileNotFoundError):
        await read(assets, "acme/video/film.mp4", 0, 1)


async def test_a_long_file_goes_to_s3_in_parts_under_its_key_at_the_end(place, tmp_path: Path):
    assets, bucket = place
    (tmp_path / "film.part").write_bytes(LONG)

    await assets.put("film.mp4", tmp_path / "film.part")

    if bucket is not None:
        assert bucket.asked == ["BEGIN", "PART", "PART", "COMPLETE"]
        assert set(bucket.objects) == {"kept/film.mp4"}


async def test_a_check_writes_reads_and_leaves_nothing(place, tmp_path: Path):
    assets, bucket = place

    await assets.check()

    assert (bucket.objects if bucket else list((tmp_path / "assets").iterdir())) in ({}, [])


async def test_a_store_that_refuses_says_so(place):
    assets, bucket = place
    if bucket is None:
        assets.folder.rmdir()
        assets.folder.write_text("a file where a folder should be")
    else:
        bucket.refuses = True

    with pytest.raises(AssetStoreFailed, match="can not be written"):
        await assets.check()


@pytest.mark.parametrize("options", [{"nonsense": "x"}, {"allow_http": "perhaps"}])
def test_an_option_that_means_nothing_is_named(options):
    with pytest.raises(AssetStoreFailed, match="can not be used"):
        Assets("s3://films", options)
