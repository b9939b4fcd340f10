"""An SQLite database that another program locks for longer than a connection waits by itself."""

import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.database import open_database, sqlite_driver
from catalog.home import Home, open_home
from commands.index import keep_indexing
from indexer import retry
from indexer.pipeline import Indexer, IndexOptions
from indexer.progress import Silent
from tellshow import Exit, run

LOCKED = "is locked by another program."


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.database.BUSY_TIMEOUT_MS", 50)


@pytest.fixture
def home(indexed_home: Home, tmp_path: Path) -> Home:
    """A home of a dozen photos that a test may change."""
    return open_home(Path(shutil.copytree(indexed_home.path, tmp_path / "home")))


@pytest.fixture
def new_photo(sample_photos: Path, tmp_path: Path) -> Path:
    """A folder with one photo that no home knows."""
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / "new.png").write_bytes((sample_photos / "cat.png").read_bytes() + b"new")
    return folder


def lock(home: Home, *pragmas: str) -> Any:
    """Another program's connection, in the midst of a transaction that keeps others out."""
    file = home.database_file
    assert file is not None
    other = sqlite_driver().connect(str(file), isolation_level=None, check_same_thread=False)
    for statement in (*pragmas, "BEGIN EXCLUSIVE"):
        other.execute(statement)
    return other


@contextmanager
def once_it_is_told(act: Callable[[], None]) -> Iterator[list[str]]:
    """Do something as soon as a warning is logged, and collect the warnings."""
    told: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())
            act()

    listener, log = Listener(), logging.getLogger(retry.__name__)
    log.addHandler(listener)
    yield told
    log.removeHandler(listener)


def photos(home: Home) -> int:
    file = home.database_file
    assert file is not None
    connection = sqlite_driver().connect(str(file))
    count: int = connection.execute("SELECT count(*) FROM photo").fetchone()[0]
    connection.close()
    return count


@pytest.mark.parametrize("locked_at", ["begin", "end"])
def test_indexing_waits_and_says_for_what(
    locked_at: str, home: Home, new_photo: Path, captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    database, progress, before = open_database(home), Silent(), photos(home)
    others = [lock(home)] if locked_at == "begin" else []
    if locked_at == "end":  # what is left to write is that the run is over
        progress.advance = lambda count: others.append(lock(home))  # type: ignore[method-assign]
    with once_it_is_told(lambda: others[0].close()) as told:
        Indexer(home, database, captioner, embedder).index([new_photo], progress)
    database.close()
    assert [LOCKED in line for line in told] == [True]
    assert told[0].endswith("Trying again for a while.")
    assert photos(home) == before + 1


def test_watching_waits_however_long_it_takes(
    home: Home, new_photo: Path, captioner: Captioner, embedder: SentenceEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    notes: list[str] = []
    before, other, database = photos(home), lock(home), open_database(home)

    def note(message: str) -> None:
        notes.append(message)
        other.close()

    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("commands.index.note", note)
    monkeypatch.setattr("indexer.watch._Changes.wait", interrupt)  # it watches: enough seen
    indexer = Indexer(home, database, captioner, embedder, IndexOptions(retry_seconds=0.1))
    with pytest.raises(KeyboardInterrupt):
        keep_indexing(indexer, home, (new_photo,), Silent(), True)  # type: ignore[arg-type]
    database.close()
    (line,) = notes
    assert line.endswith(f"{LOCKED} Waiting for it.")
    assert photos(home) == before + 1


@pytest.mark.parametrize("command", ["index", "doctor"])
def test_lock_that_stays_is_one_sentence(
    command: str,
    home: Home,
    new_photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(retry, "MOST_SECONDS", 0.2)
    other = lock(home, "PRAGMA locking_mode=EXCLUSIVE")  # nobody may even read
    folders = [str(new_photo)] if command == "index" else []
    assert run([command, *folders, "--home", str(home.path)]) == Exit.FAILED
    other.close()
    *_, line = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("tellshow: The database sqlite:///")
    assert line.endswith(LOCKED)


@pytest.mark.parametrize("pragma", ["PRAGMA locking_mode=EXCLUSIVE", "PRAGMA locking_mode=NORMAL"])
def test_doctor_waits_and_tells_all_that_it_found(
    pragma: str, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(home.path / "catalog.db")) as opened, opened:
        opened.execute("UPDATE state SET bias = bias + 1 WHERE photo_id = 1")  # to be forgotten
    other = lock(home, pragma)
    with once_it_is_told(other.close) as told:
        assert run(["doctor", "--home", str(home.path)]) == Exit.FAILED
    assert [LOCKED in line for line in told] == [True]
    assert "1 photos whose description in the database is damaged" in capsys.readouterr().out
