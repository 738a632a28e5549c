"""``filmgate db``: backups that are whole, restores that refuse or keep, and the confirmation after one."""

import asyncio
import json
import os
import sqlite3
import sys
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.cli.exits import ExitCode
from gateway.config.load import load
from gateway.store.database import Migration, connect
from gateway.store.migrate import packaged
from gateway.store.store import Store
from gateway.wiring import Seams, gateway
from schema.lifecycle import AttemptState, VideoStatus
from tests.flows.engine import Engine, until
from tests.flows.processes import Place, Upstreams
from tests.store.rows import NOW, a_video, an_attempt, keep
from tests.support.certificates import certificates
from tests.support.commands import filmgate

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:9"
MONDAY = "backups/monday.db"


@dataclass
class Desk:
    """Where an operator sits: a folder with a configuration, and the commands."""

    place: Place

    @property
    def folder(self):
        return self.place.folder

    @property
    def database(self):
        return self.folder / "filmgate.db"

    @property
    def monday(self):
        return self.folder / MONDAY

    async def db(self, *words):
        """``filmgate db …`` as a process of its own: exit code, what it said, what it talked."""
        return await filmgate(
            "db", *words, "--config", str(self.place.config), folder=self.folder, environ={"USER": "operator"}
        )

    async def good(self, *words):
        """The JSON of a command that must succeed."""
        code, stdout, stderr = await self.db(*words, "-o", "json")
        assert code == ExitCode.OK, stderr
        return json.loads(stdout)

    @asynccontextmanager
    async def server(self):
        """A gateway that holds the database, and whose worker does not run."""
        seams = Seams(verify=certificates())
        async with gateway(load(self.place.config, {}), seams) as built:
            (acme,) = built.settings.tenants
            yield Engine(built, acme.tenant)

    @asynccontextmanager
    async def store(self):
        """The tables, while no server runs."""
        database = await connect(f"sqlite:///{self.database}")
        await database.migrate(packaged())
        yield Store(database)
        await database.close()

    def files(self):
        return {path.name for path in self.folder.glob("filmgate.db*")} - {"filmgate.db.lock"}


QUEUED = 900
"""A few less than may wait to start: on a slow machine a backup takes longer than it takes to accept so many."""


@pytest.fixture
def desk(tmp_path):
    place = Place(folder=tmp_path, url="http://127.0.0.1:1")
    place.configure(Upstreams(NOBODY, NOBODY, NOBODY))
    (tmp_path / "backups").mkdir()
    return Desk(place)


def rows(file):
    """How many videos a file holds, read by another library than ours; it must be whole."""
    with closing(sqlite3.connect(f"file:{file}?immutable=1", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        return connection.execute("SELECT count(*) FROM videos").fetchone()[0]


# backup


async def test_a_running_server_is_backed_up_whole_while_it_works(desk):
    async with desk.server() as engine:
        accepted = [await engine.accept()]
        made = asyncio.create_task(desk.good("backup", str(desk.monday)))
        while not made.done() and len(accepted) < QUEUED:
            accepted.append(await engine.accept())
            await asyncio.sleep(0)
        told = await made
        during = len(accepted)

    kept = rows(desk.monday)
    assert 1 <= kept <= during
    assert told["videos"] == {"queued": kept}
    assert told["bytes"] == desk.monday.stat().st_size
    assert told["level"] == max(migration.name for migration in packaged())
    assert [path.name for path in desk.monday.parent.iterdir()] == ["monday.db"]


async def test_every_video_accepted_before_the_backup_began_is_in_it(desk):
    async with desk.server() as engine:
        for _ in range(20):
            await engine.accept()
        await desk.good("backup", str(desk.monday))

    assert rows(desk.monday) == 20


async def test_only_who_may_read_the_database_may_read_its_backup(desk):
    async with desk.store():
        desk.database.chmod(0o600)
    await desk.good("backup", str(desk.monday))

    assert desk.monday.stat().st_mode & 0o777 == 0o600


async def test_a_backup_is_not_written_over_unless_told_to(desk):
    async with desk.store() as store:
        await keep(store, a_video())
    desk.monday.write_text("precious")

    code, _, stderr = await desk.db("backup", str(desk.monday))

    assert code == ExitCode.FAILED
    assert "--force" in stderr
    assert desk.monday.read_text() == "precious"
    await desk.good("backup", "--force", str(desk.monday))
    assert rows(desk.monday) == 1


async def test_a_database_that_is_not_there_is_not_backed_up(desk):
    code, _, stderr = await desk.db("backup", str(desk.monday))

    assert code == ExitCode.NOT_FOUND
    assert "is not there yet" in stderr
    assert not desk.monday.exists()
    assert desk.files() == set()


async def test_a_backup_into_a_folder_that_is_not_there_is_told(desk):
    async with desk.store() as store:
        await keep(store, a_video())

    code, stdout, stderr = await desk.db("backup", "no/such/monday.db")

    assert (code, stdout) == (ExitCode.FAILED, "")
    assert "no/such is no folder" in stderr


async def test_a_damaged_database_gives_no_backup(desk):
    async with desk.store() as store:
        await keep(store, *(a_video(f"video_{n}") for n in range(200)))
    spoil(desk.database)

    code, _, stderr = await desk.db("backup", str(desk.monday))

    assert code == ExitCode.FAILED
    assert "Traceback" not in stderr
    assert list(desk.monday.parent.iterdir()) == []


def spoil(file):
    """Overwrite the second half of a file, as a bad disk would."""
    content = file.read_bytes()
    half = len(content) // 2
    file.write_bytes(content[:half] + b"\xa5" * (len(content) - half))


# restore


async def a_backup(desk):
    """Monday's: one video that waits and one that runs. Since then another was accepted."""
    async with desk.store() as store:
        await keep(store, a_video("video_1"), a_video("video_2"))
        await keep(store, an_attempt(video="video_2", state=AttemptState.RUNNING, ref="r"))
    await desk.good("backup", str(desk.monday))
    async with desk.store() as store:
        await keep(store, a_video("video_3"))


async def test_a_restore_puts_the_backup_in_place_and_in_quarantine(desk):
    await a_backup(desk)
    before = desk.monday.read_bytes()

    told = await desk.good("restore", str(desk.monday))

    assert (told["epoch"], told["videos"], told["unsent"]) == (2, {"queued": 2}, 1)
    async with desk.store() as store:
        instance = await store.read(lambda tx: tx.instance.get())
        assert (instance.epoch, instance.restored_from) == (2, "monday.db")
        assert instance.quarantined
        assert await store.read(lambda tx: tx.videos.peek("video_3")) is None
    assert desk.monday.read_bytes() == before


async def test_every_restore_begins_a_life_that_no_database_has_had(desk):
    await a_backup(desk)

    epochs = [(await desk.good("restore", str(desk.monday)))["epoch"] for _ in range(2)]
    await desk.db("release")
    again = (await desk.good("restore", str(desk.monday)))["epoch"]

    assert [*epochs, again] == [2, 3, 4]


@pytest.mark.parametrize("spelled", ["filmgate.db", "link.db"])
async def test_the_database_itself_is_no_backup_of_it(desk, spelled):
    await a_backup(desk)
    (desk.folder / "link.db").symlink_to(desk.database)
    before, files = desk.database.read_bytes(), desk.files()

    code, stdout, stderr = await desk.db("restore", str(desk.folder / spelled))

    assert (code, stdout) == (ExitCode.FAILED, "")
    assert "it is the database itself. Nothing was changed" in stderr
    assert (desk.database.read_bytes(), desk.files()) == (before, files)


async def test_the_database_that_was_there_is_kept_whole(desk):
    await a_backup(desk)

    told = await desk.good("restore", str(desk.monday))

    replaced = Path(told["replaced"])
    assert replaced.name.startswith("filmgate.db.replaced-2")
    assert rows(replaced) == 3
    assert desk.files() == {"filmgate.db", replaced.name}


async def test_what_a_crash_left_in_the_log_is_kept_with_the_old_database(desk):
    await a_backup(desk)
    killed = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import apsw, os, signal\n"
        f"c = apsw.Connection({str(desk.database)!r})\n"
        "c.execute('DELETE FROM videos WHERE id = ?', ('video_3',))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n",
    )
    await killed.wait()
    assert (desk.folder / "filmgate.db-wal").stat().st_size > 0

    told = await desk.good("restore", str(desk.monday))

    assert rows(told["replaced"]) == 2
    async with desk.store() as store:
        assert (await store.read(lambda tx: tx.instance.census())).videos == {"queued": 2}


async def test_a_damaged_database_can_be_replaced(desk):
    await a_backup(desk)
    desk.database.write_bytes(b"not a database any more" * 1000)

    told = await desk.good("restore", str(desk.monday))

    assert Path(told["replaced"]).read_bytes().startswith(b"not a database any more")
    async with desk.store() as store:
        assert (await store.read(lambda tx: tx.instance.census())).videos == {"queued": 2}


async def test_a_backup_can_be_restored_where_nothing_was(desk):
    await a_backup(desk)
    for name in desk.files():
        (desk.folder / name).unlink()

    told = await desk.good("restore", str(desk.monday))

    assert told["replaced"] is None
    assert desk.files() == {"filmgate.db"}


async def test_nothing_is_restored_under_a_running_server(desk):
    await a_backup(desk)
    async with desk.server() as engine:
        code, _, stderr = await desk.db("restore", str(desk.monday))

        assert code == ExitCode.FAILED
        assert f"process {os.getpid()}" in stderr
        assert "stop it first" in stderr
        assert (await engine.gateway.quarantine.state()).quarantined is False
    async with desk.store() as store:
        assert await store.read(lambda tx: tx.videos.peek("video_3")) is not None


async def newer(desk):
    """A backup that a newer version made."""
    database = await connect(f"sqlite:///{desk.monday}")
    await database.migrate([*packaged(), Migration("9999_later", "CREATE TABLE later (id BIGINT);\n")])
    await database.close()


async def damaged(desk):
    async with desk.store() as store:
        await keep(store, *(a_video(f"video_{n}") for n in range(300, 600)))
    await desk.good("backup", str(desk.monday))
    spoil(desk.monday)


async def cut_short(desk):
    async with desk.store() as store:
        await keep(store, *(a_video(f"video_{n}") for n in range(300, 600)))
    await desk.good("backup", str(desk.monday))
    os.truncate(desk.monday, desk.monday.stat().st_size // 2)


async def no_database(desk):
    desk.monday.write_text("dear diary, " * 1000)


async def empty(desk):
    desk.monday.touch()


async def another_programs(desk):
    with closing(sqlite3.connect(desk.monday)) as connection:
        connection.execute("CREATE TABLE diary (day TEXT)")


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (newer, "a newer version (9999_later)"),
        (damaged, "can not be restored"),
        (cut_short, "can not be restored"),
        (no_database, "it can not be read as a database"),
        (empty, "it is not a database of filmgate's"),
        (another_programs, "it is not a database of filmgate's"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_a_file_that_can_not_be_used_is_refused_and_nothing_is_changed(desk, spoilt, words):
    await spoilt(desk)
    async with desk.store() as store:
        await keep(store, a_video("video_0"))
    before, files = desk.database.read_bytes(), desk.files()

    code, stdout, stderr = await desk.db("restore", str(desk.monday))

    assert (code, stdout) == (ExitCode.FAILED, "")
    assert words in stderr
    assert "Nothing was changed" in stderr
    assert "Traceback" not in stderr
    assert (desk.database.read_bytes(), desk.files()) == (before, files)


async def test_a_backup_of_an_older_version_is_brought_up_to_date(desk):
    first = packaged()[0]
    database = await connect(f"sqlite:///{desk.monday}")
    await database.migrate([first])
    await database.close()

    told = await desk.good("restore", str(desk.monday))

    assert told["epoch"] == 2
    assert (await desk.good("status"))["pending"] == []


# looking and confirming


async def test_the_status_says_what_an_operator_must_know(desk):
    await a_backup(desk)
    free = await desk.good("status")
    await desk.good("restore", str(desk.monday))
    code, stdout, stderr = await desk.db("status")

    assert (free["engine"], free["instance"]["epoch"], free["instance"]["quarantined_at"]) == ("sqlite", 1, None)
    assert (free["videos"], free["unsent"], free["pending"]) == ({"queued": 3}, 2, [])
    assert code == ExitCode.OK
    shown = dict(line.split(maxsplit=1) for line in stdout.splitlines() if line.split()[0] in {"epoch", "quarantine"})
    assert shown["epoch"] == "2"
    assert shown["quarantine"].endswith("UTC")
    assert "filmgate db release" in stderr


async def test_the_status_of_a_database_that_was_not_migrated_says_what_is_missing(desk):
    database = await connect(f"sqlite:///{desk.database}")
    await database.migrate(packaged()[:1])
    await database.close()

    found = await desk.good("status")

    assert found["level"] == packaged()[0].name
    assert found["pending"] == [migration.name for migration in packaged()[1:]]
    assert found["instance"] is None


@pytest.mark.parametrize(
    ("words", "released", "status"),
    [
        ((), {"failed": 1, "resumed": 0}, VideoStatus.FAILED),
        (("--waiting", "fail"), {"failed": 1, "resumed": 0}, VideoStatus.FAILED),
        (("--waiting", "resume"), {"failed": 0, "resumed": 1}, VideoStatus.QUEUED),
    ],
    ids=["unsaid", "fail", "resume"],
)
async def test_a_release_ends_the_quarantine_and_is_remembered(desk, words, released, status):
    await a_backup(desk)
    await desk.good("restore", str(desk.monday))

    assert await desk.good("release", "--actor", "ann", *words) == released

    async with desk.store() as store:
        instance = await store.read(lambda tx: tx.instance.get())
        assert (instance.quarantined_at, instance.released_by) == (None, "ann")
        assert instance.released_at is not None
        assert instance.released_at > NOW
        assert (await store.read(lambda tx: tx.videos.peek("video_1"))).status is status
        assert (await store.read(lambda tx: tx.videos.peek("video_2"))).status is VideoStatus.QUEUED


async def test_a_running_server_notices_the_release(desk):
    await a_backup(desk)
    await desk.good("restore", str(desk.monday))
    async with desk.server() as engine:
        assert await engine.gateway.quarantine.is_on() is True

        assert await desk.good("release") == {"failed": 1, "resumed": 0}

        await until(engine.gateway.quarantine.is_off, 10)
        await engine.accept()


async def test_a_quarantine_can_be_begun_by_hand_and_a_running_server_notices(desk):
    async with desk.server() as engine:
        code, _, stderr = await desk.db("quarantine", "--source", "point in time")

        assert code == ExitCode.OK
        assert "epoch 2" in stderr
        await until(engine.gateway.quarantine.is_on, 10)
        assert (await engine.gateway.quarantine.state()).restored_from == "point in time"


async def test_without_a_quarantine_there_is_nothing_to_release(desk):
    async with desk.store() as store:
        await keep(store, a_video())

    code, stdout, stderr = await desk.db("release")

    assert (code, stdout) == (ExitCode.OK, "")
    assert "not in quarantine" in stderr
    assert (await desk.good("status"))["videos"] == {"queued": 1}


@pytest.mark.parametrize("words", [("status",), ("release",), ("quarantine",)], ids=lambda words: words[0])
async def test_looking_at_a_database_that_is_not_there_does_not_make_one(desk, words):
    code, _, stderr = await desk.db(*words)

    assert code == ExitCode.FAILED
    assert "filmgate db migrate" in stderr
    assert desk.files() == set()


@pytest.mark.parametrize("command", ["backup", "restore"])
async def test_postgresql_is_kept_by_its_own_means(desk, command):
    desk.place.configure(Upstreams(NOBODY, NOBODY, NOBODY), database="postgresql://filmgate@db.example/filmgate")
    desk.monday.touch()

    code, _, stderr = await desk.db(command, str(desk.monday))

    assert code == ExitCode.USAGE
    assert "pg_dump" in stderr
    assert "filmgate db quarantine" in stderr
