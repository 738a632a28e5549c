"""A database is named by a URL; what can not be opened is refused in our words."""

import pytest

from gateway.store.database import StoreError, StoreUnavailable, connect


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite:///:memory:", "sqlite://", "sqlite:///", "filmgate.db"])
async def test_urls_that_name_no_database_of_ours_are_refused(url):
    with pytest.raises(StoreError, match="sqlite:///"):
        await connect(url)


@pytest.mark.parametrize("url", ["postgresql://postgres:secret@[::1/x", "postgresql://a:se:cret@h:secret/x"])
async def test_a_url_that_can_not_be_read_is_not_quoted(url):
    with pytest.raises(StoreError) as raised:
        await connect(url)

    assert "secret" not in str(raised.value)


async def test_a_server_that_is_not_there_is_unavailable():
    with pytest.raises(StoreUnavailable):
        await connect("postgresql://postgres@127.0.0.1:1/x")


async def test_a_database_that_is_not_there_is_named(postgres_server):
    with pytest.raises(StoreError, match='"nowhere" does not exist'):
        await connect(postgres_server.url("nowhere"))


async def test_the_folder_of_a_sqlite_file_is_made(tmp_path):
    database = await connect(f"sqlite:///{tmp_path}/not/yet/there/filmgate.db")

    await database.ping()

    await database.close()


async def test_a_folder_that_can_not_be_made_is_an_error_of_ours(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="can not open"):
        await connect(f"sqlite:///{tmp_path}/file/filmgate.db")


async def test_a_file_that_is_no_database_is_refused_and_let_go(tmp_path):
    (tmp_path / "x.db").write_bytes(b"not a database" * 100)

    for _ in range(2):
        with pytest.raises(StoreError, match="not a database"):
            await connect(f"sqlite:///{tmp_path}/x.db")
