"""`kill -9` at random moments: after the next run the catalog is as if nothing had happened."""

import os
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.database import open_database
from catalog.home import Home, open_home
from search.engine import SearchEngine
from search.request import SearchRequest
from tellshow import Exit
from tests.cli.catalog_contents import content
from tests.cli.command_process import rows, wait_until
from tests.cli.forked_commands import Nursery

QUERIES = ("a cat", "a man with a camera", "a rocket", "grass", "a cup of coffee")
KILLS = 4


@pytest.fixture
def album(sample_photos: Path, tmp_path: Path) -> Path:
    """A dozen photos, a copy of one, and two files that are none."""
    made = Path(shutil.copytree(sample_photos, tmp_path / "album"))
    shutil.copy(made / "cat.png", made / "z-copy.png")
    (made / "empty.jpg").touch()
    (made / "notes.jpg").write_text("no picture")
    return made


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    made = Nursery(tmp_path)
    yield made
    made.close()


def index(album: Path, home: Path) -> list[str | Path]:
    # One photo at a time: what a photo shares a batch with may change its last digits.
    return ["index", album, "--home", home, "--batch-size", "1"]


def kill_at_random(nursery: Nursery, album: Path, home: Path, dice: random.Random) -> None:
    """The first time while the database is made, then while photos are indexed."""
    made, runs = (home / "catalog.db").is_file(), rows(home, "run")

    def is_at_work() -> bool:
        return rows(home, "run") > runs if made else (home / "catalog.db").is_file()

    child = nursery.start(*index(album, home))
    try:
        wait_until(lambda: is_at_work() or not child.is_running())
        time.sleep(dice.uniform(0, 1.2 if made else 0.3))
    finally:
        child.kill()


def run_whole(nursery: Nursery, album: Path, home: Path) -> None:
    code, output = nursery.start(*index(album, home)).wait()
    assert code == Exit.DONE, output


def answers(
    home: Home, captioner: Captioner, embedder: SentenceEmbedder
) -> list[list[tuple[str, float]]]:
    database = open_database(home)
    engine = SearchEngine(home, database, captioner, embedder)
    found = [engine.search(SearchRequest(query, k=50)).results for query in QUERIES]
    database.close()
    return [[(result.path, result.score) for result in results] for results in found]


def files(folder: Path) -> dict[str, bytes]:
    return {
        os.path.relpath(path, folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_killed_again_and_again_it_ends_as_if_nothing_had_happened(
    nursery: Nursery,
    album: Path,
    tmp_path: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
) -> None:
    dice = random.Random(0)
    killed, clean = tmp_path / "killed", tmp_path / "clean"
    for number in range(KILLS):
        kill_at_random(nursery, album, killed, dice)
        if number == 1:  # life goes on between the runs
            (album / "coffee.png").unlink()
            (album / "rocket.jpg").rename(album / "ariane.jpg")
    assert 0 < rows(killed, "run") <= KILLS
    run_whole(nursery, album, killed)
    run_whole(nursery, album, clean)
    homes = open_home(killed), open_home(clean)
    first, second = (content(home) for home in homes)
    assert len(second["photo"]) == 12
    assert len(second["failure"]) == 2
    assert first == second
    assert files(homes[0].thumbnails) == files(homes[1].thumbnails)
    assert answers(homes[0], captioner, embedder) == answers(homes[1], captioner, embedder)
