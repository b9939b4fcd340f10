"""What tests of searching share: a home to change, and a captioner that no photo convinces."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from captioner.captioner import Captioner
from catalog.database import Database, open_database
from catalog.home import Home, open_home


@pytest.fixture
def own_home(indexed_home: Home, tmp_path: Path) -> Home:
    """A copy of the home with the sample photos."""
    return open_home(Path(shutil.copytree(indexed_home.path, tmp_path / "copy")))


@pytest.fixture
def own_database(own_home: Home) -> Iterator[Database]:
    database = open_database(own_home)
    yield database
    database.close()


@pytest.fixture
def nothing_convinces(captioner: Captioner) -> Iterator[None]:
    """As if no photo ever were probable enough, for long queries and for short ones."""
    ranking = captioner.provenance.ranking
    strict = replace(ranking, fit=replace(ranking.fit, weak_below=1.1))
    if (short := ranking.short) is not None:
        strict = replace(strict, short=replace(short, fit=replace(short.fit, weak_below=1.1)))
    captioner.provenance.ranking = strict
    yield
    captioner.provenance.ranking = ranking
