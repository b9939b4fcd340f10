"""A replica to read from, and what a write says where there is only a standby."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from catalog.albums import create_album, list_albums
from catalog.database import Database, Standby, open_database
from catalog.home import open_home
from tests.cli.command_process import PATIENCE, start
from tests.standby import following
from web import WebConfig, create_app

if TYPE_CHECKING:
    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from tests.postgresql import Server

pytestmark = [pytest.mark.scale, pytest.mark.slow]


class Pair:
    """The URLs of one database at a primary and at its standby, and a home."""

    def __init__(self, primary: str, standby: str, home: Path) -> None:
        self.primary, self.standby, self.home = primary, standby, home


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, postgresql: Server) -> Iterator[Pair]:
    primary = postgresql.new_database("followed")
    home = tmp_path_factory.mktemp("followed") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELLSHOW_DATABASE_URL", primary)
        open_database(open_home(home)).close()
    with following(postgresql) as url:
        standby = url.set(database="followed").render_as_string(hide_password=False)
        yield Pair(primary, standby, home)


@pytest.fixture
def opened(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Database]]:
    """Opens the home's database by these URLs, closed at the end."""
    made: list[Database] = []

    def open_by(url: str, read_url: str = "") -> Database:
        monkeypatch.setenv("TELLSHOW_DATABASE_URL", url)
        monkeypatch.setenv("TELLSHOW_DATABASE_READ_URL", read_url)
        made.append(open_database(open_home(pair.home, reading=True)))
        return made[-1]

    yield open_by
    for database in made:
        database.close()


def albums(database: Database) -> list[str]:
    with database.read() as session:
        return [album.name for album in list_albums(session)]


def add(database: Database, name: str) -> None:
    with database.write() as session:
        create_album(session, name)


def test_reads_go_to_the_replica_and_follow_what_others_write(
    pair: Pair, opened: Callable[..., Database]
) -> None:
    writer, reader = opened(pair.primary), opened(pair.primary, pair.standby)
    assert reader.replica is not None
    with reader.read() as session:
        assert session.connection().exec_driver_sql("SELECT pg_is_in_recovery()").scalar()
    add(writer, "theirs")
    end = time.monotonic() + 20
    while "theirs" not in albums(reader):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_who_writes_reads_it_at_once(pair: Pair, opened: Callable[..., Database]) -> None:
    database = opened(pair.primary, pair.standby)
    add(database, "own")
    assert "own" in albums(database)
    with database.read() as session:
        assert not session.connection().exec_driver_sql("SELECT pg_is_in_recovery()").scalar()


def test_write_on_a_standby_says_so_and_reads_go_on(
    pair: Pair, opened: Callable[..., Database]
) -> None:
    database = opened(pair.standby)
    with pytest.raises(Standby, match="is a standby, which can only be read"):
        add(database, "lost")
    assert "lost" not in albums(database)


def test_page_on_a_standby_answers_503_where_something_would_be_kept(
    pair: Pair,
    opened: Callable[..., Database],
    captioner: Captioner,
    embedder: SentenceEmbedder,
) -> None:
    from search.engine import SearchEngine

    home = open_home(pair.home, reading=True)
    app = create_app(SearchEngine(home, opened(pair.standby), captioner, embedder), WebConfig())
    client = app.test_client()
    assert client.get("/api/v1/albums").status_code == 200
    answer = client.post("/api/v1/albums", json={"name": "lost"})
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "standby")


def test_command_that_would_write_on_a_standby_ends_with_1_and_a_sentence(
    pair: Pair, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELLSHOW_DATABASE_URL", pair.standby)
    indexing = start("index", "--device", "cpu", "--home", pair.home, album)
    _, said = indexing.communicate(timeout=PATIENCE)
    assert (indexing.returncode, said.splitlines()[-1][:24]) == (1, "tellshow: The database p")
    assert "is a standby, which can only be read" in said
