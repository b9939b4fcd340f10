"""A database server whose connections break, or that goes away, while tellshow works with it."""

import gc
import json
import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.database import Database, open_database
from catalog.home import Home, open_home
from commands.common.progress_bar import ProgressBar
from commands.index import keep_indexing
from indexer import retry
from indexer.pipeline import Indexer, IndexOptions
from indexer.progress import Silent
from search.engine import SearchEngine
from tellshow import Exit, run
from tests.cli.catalog_contents import content
from tests.postgresql import Server
from web import create_app

# The driver cannot close what it reads rows by where the connection is gone, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:.*was deleted while still open")

NAMES = ("cat.png", "coffee.png", "rocket.jpg", "retina.jpg")


@pytest.fixture(scope="module")
def album(sample_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photos, a copy of one, and a file that is none; no test changes them."""
    made = tmp_path_factory.mktemp("album")
    for name in NAMES:
        shutil.copy(sample_photos / name, made / name)
    shutil.copy(made / "cat.png", made / "z-copy.png")
    (made / "notes.jpg").write_text("no picture")
    return made


@pytest.fixture
def server(postgresql: Server) -> Iterator[Server]:
    """The server, which is there again after the test."""
    yield postgresql
    postgresql.start()
    gc.collect()


@pytest.fixture
def home(server: Server, tmp_path: Path) -> Home:
    made = open_home(tmp_path / "home")
    return Home(made.path, server.empty_catalog())


class Index:
    """Indexes an album into homes, and does something to the database each time a batch is done."""

    def __init__(self, album: Path, captioner: Captioner, embedder: SentenceEmbedder) -> None:
        self.album = album
        self.models = captioner, embedder

    def __call__(
        self,
        home: Home,
        each_batch: Callable[[], None] = lambda: None,
        database: Database | None = None,
    ) -> None:
        used = database or open_database(home)
        progress = Silent()
        progress.advance = lambda count: each_batch()  # type: ignore[method-assign]
        Indexer(home, used, *self.models, IndexOptions(batch_size=1)).index([self.album], progress)
        used.close()


@pytest.fixture(scope="module")
def index(album: Path, captioner: Captioner, embedder: SentenceEmbedder) -> Index:
    return Index(album, captioner, embedder)


@pytest.fixture(scope="module")
def undisturbed(index: Index, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What the album comes to where nothing happens, in a database that cannot be lost."""
    home = open_home(tmp_path_factory.mktemp("undisturbed") / "home")
    index(home)
    return content(home)


def test_connections_that_break_between_batches_are_made_again(
    index: Index, home: Home, server: Server, undisturbed: dict[str, list[Any]]
) -> None:
    index(home, server.cut_connections)
    assert content(home) == undisturbed


@pytest.mark.parametrize(
    "statement",
    ["COPY photo ", "COPY state ", "INSERT INTO failure ", "UPDATE run ", "SELECT"],
)
def test_batch_whose_connection_breaks_is_repeated(
    statement: str,
    index: Index,
    home: Home,
    server: Server,
    undisturbed: dict[str, list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database, cut = open_database(home), []
    start_copy = psycopg.Cursor.copy

    def copy(cursor: Any, query: str) -> Any:
        cut_once_in_a_while(None, None, query)
        return start_copy(cursor, query)

    monkeypatch.setattr(psycopg.Cursor, "copy", copy)

    def cut_once_in_a_while(*arguments: Any) -> None:
        if arguments[2].startswith(statement):
            # Less often than one transaction asks, or it could never be repeated to its end.
            if len(cut) % (20 if statement == "SELECT" else 5) == 0:
                server.cut_connections()
            cut.append(statement)

    event.listen(database.engine, "before_cursor_execute", cut_once_in_a_while)
    index(home, database=database)
    assert cut
    assert content(home) == undisturbed


def test_batch_that_was_committed_when_its_connection_broke_is_not_there_twice(
    index: Index, home: Home, server: Server, undisturbed: dict[str, list[Any]]
) -> None:
    database, lost = open_database(home), []
    commit = database.engine.dialect.do_commit

    def commit_and_break(connection: Any) -> None:
        commit(connection)
        if len(lost) % 2 == 0:
            server.cut_connections()
        lost.append(connection)
        connection.cursor().execute("SELECT 1")
        connection.rollback()

    database.engine.dialect.do_commit = commit_and_break  # type: ignore[method-assign]
    index(home, database=database)
    assert len(lost) > 10
    assert content(home) == undisturbed


def test_server_that_is_started_again_is_waited_for(
    index: Index,
    home: Home,
    server: Server,
    undisturbed: dict[str, list[Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    outages = iter([threading.Timer(1.0, server.start)])

    def go_away_for_a_second() -> None:
        for outage in outages:
            server.stop()
            outage.start()

    with caplog.at_level(logging.WARNING):
        index(home, go_away_for_a_second)
    assert "Trying again for a while." in caplog.text
    assert content(home) == undisturbed


def test_server_that_stays_away_is_one_sentence_and_the_next_run_completes(
    album: Path,
    home: Home,
    server: Server,
    undisturbed: dict[str, list[Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TELLSHOW_DATABASE_URL", home.database_url)
    monkeypatch.setattr(retry, "MOST_SECONDS", 0.5)
    command = ["index", str(album), "--home", str(home.path), "--batch-size", "1", "--json"]
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "advance", lambda bar, count: server.stop())
        assert run(command) == Exit.FAILED
    captured = capsys.readouterr()
    assert captured.out == ""
    *_, line = captured.err.strip().splitlines()
    assert line.startswith("tellshow: The database postgresql+psycopg://")
    assert "cannot be reached: " in line
    assert "Traceback" not in captured.err
    server.start()
    assert run(command) == Exit.DONE
    assert content(home) == undisturbed


def test_watching_goes_on_once_the_server_is_back(
    index: Index, home: Home, server: Server, undisturbed: dict[str, list[Any]],
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    database, progress, passes = open_database(home), Silent(), []
    progress.start = passes.append  # type: ignore[method-assign]
    outages = iter([threading.Timer(5.0, server.start)])

    def go_away_for_longer_than_is_waited_for(count: int) -> None:
        for outage in outages:
            server.stop()
            outage.start()

    progress.advance = go_away_for_longer_than_is_waited_for  # type: ignore[method-assign]
    options = IndexOptions(batch_size=1, retry_seconds=0.2)
    indexer, folders = Indexer(home, database, *index.models, options), (index.album,)
    monkeypatch.setattr("indexer.watch._Changes.wait", interrupt)  # it watches: enough seen
    with pytest.raises(KeyboardInterrupt):
        keep_indexing(indexer, home, folders, progress, True)  # type: ignore[arg-type]
    database.close()
    captured = capsys.readouterr()
    (line,) = [line for line in captured.err.splitlines() if "Waiting for it." in line]
    assert line.startswith("The database postgresql+psycopg://")
    assert json.loads(captured.out)["indexed"] < len(NAMES) == passes[0] - 2
    assert len(passes) == 2
    assert content(home) == undisturbed


def test_serving_goes_on_once_the_server_is_back(
    index: Index, home: Home, server: Server, captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    index(home)
    database = open_database(home)
    client = create_app(SearchEngine(home, database, captioner, embedder)).test_client()

    def ask() -> tuple[int, Any]:
        answer = client.get("/api/v1/search?q=a+cat")
        return answer.status_code, answer.get_json()

    code, first = ask()
    assert code == 200
    server.cut_connections()
    assert ask()[1]["results"] == first["results"]
    server.stop()
    code, answer = ask()
    assert (code, answer["error"]["code"]) == (503, "unavailable")
    server.start()
    assert ask()[1]["results"] == first["results"]
    database.close()
