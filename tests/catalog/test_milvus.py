"""Vectors in Milvus: what it says it lacks, and two processes that follow one database by it."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalog.database import Database
from catalog.home import Home
from catalog.vectors import milvus_index
from catalog.vectors.chosen_store import StoreName, VectorStore
from catalog.vectors.factory import make_vector_index
from catalog.vectors.interface import VectorIndex, VectorsUnavailable
from tests.catalog.brute_force import assert_exact
from tests.catalog.factories import DIMENSION, SampleCatalog, new_photos


def index_at(address: str, home: Home, database: Database) -> VectorIndex:
    home = replace(home, vector_store=VectorStore(StoreName.MILVUS, address))
    return make_vector_index(home, database, 1, "caption", DIMENSION)


def test_milvus_without_its_client_is_one_sentence(
    home: Home, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(VectorsUnavailable, match=r"pip install tellshow\[milvus\]"):
        index_at("http://127.0.0.1:1", home, database)


@pytest.mark.scale
def test_milvus_that_does_not_answer_is_one_sentence(
    home: Home, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pymilvus", reason="pymilvus is not installed")
    monkeypatch.setattr(milvus_index, "_WAIT_SECONDS", 1)
    with pytest.raises(VectorsUnavailable, match=r"^Milvus at http://127.0.0.1:1 cannot be used"):
        index_at("http://127.0.0.1:1", home, database)


@pytest.fixture
def two(catalog: SampleCatalog, tmp_path: Path) -> list[VectorIndex]:
    """Two indexes, as two processes have them, over one database and one collection."""
    pytest.importorskip("milvus_lite", reason="milvus_lite is not installed")
    catalog.add(new_photos(range(30)))
    address = str(tmp_path / "milvus.db")
    made = [index_at(address, catalog.home, catalog.database) for _ in range(2)]
    for index in made:
        index.open()
    return made


@pytest.mark.scale
def test_photo_that_one_process_wrote_to_milvus_is_there_for_the_other(
    catalog: SampleCatalog, two: list[VectorIndex]
) -> None:
    first, second = two
    catalog.add(new_photos([40]))
    first.follow()
    second.follow()
    for index in two:
        assert index.verify()
        assert_exact(catalog, index)


@pytest.mark.scale
def test_photos_that_milvus_lost_or_kept_too_long_are_mended_by_the_next_change(
    catalog: SampleCatalog, two: list[VectorIndex]
) -> None:
    first, second = two
    first.remove([3, 4])
    first.add([900], np.ones((1, DIMENSION)) / 4)
    assert not second.verify()
    catalog.add(new_photos([41]))
    second.follow()
    assert second.verify()
    assert_exact(catalog, second)
