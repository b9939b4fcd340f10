"""Vectors in pgvector: kept with their rows, by whoever writes them; and what it says it lacks."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event, text

from benchmarks.scale_vectors import KIND, fill
from benchmarks.vectors import mixture
from catalog import photos
from catalog.database import Database, open_database
from catalog.doctor import Doctor, Problem
from catalog.filters import Condition, PhotoFilter
from catalog.home import Home, open_home
from catalog.model_registry import remove_model
from catalog.photos import add_photos
from catalog.vectors import pgvector_index, pgvector_table
from catalog.vectors.chosen_store import FAISS, StoreName, UnknownVectorStore, VectorStore
from catalog.vectors.factory import make_vector_index
from catalog.vectors.interface import VectorsUnavailable
from catalog.vectors.pgvector_index import PgvectorIndex
from tests.catalog.brute_force import QUERIES, assert_exact
from tests.catalog.factories import DIMENSION, SampleCatalog, new_photos, unit_vector
from tests.postgresql import Server

PGVECTOR = VectorStore(StoreName.PGVECTOR)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, postgresql: Server) -> Iterator[SampleCatalog]:
    """Forty photos, indexed by a graph."""
    home = open_home(tmp_path_factory.mktemp("pgvector") / "home")
    url = postgresql.new_database("pgvector")
    home = replace(home, database_url=url, vector_store=PGVECTOR)
    database = open_database(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pgvector_index, "MOST_COMPARED", 0)
        catalog = SampleCatalog(home, database)
        catalog.add(new_photos(range(40)))
        yield catalog
    database.close()


@pytest.fixture
def index(shared: SampleCatalog) -> PgvectorIndex:
    made = make_vector_index(shared.home, shared.database, shared.model, "caption", DIMENSION)
    assert isinstance(made, PgvectorIndex)
    made.open()
    return made


def count_in_table(catalog: SampleCatalog, where: str = "true") -> int:
    with catalog.database.read() as session:
        query = f"SELECT count(*) FROM pgvector_{catalog.model}_caption WHERE {where}"
        return int(session.scalar(text(query)) or 0)


# What it is asked for


@pytest.mark.parametrize(
    ("value", "store"),
    [
        (None, FAISS),
        ("", FAISS),
        ("faiss", FAISS),
        ("pgvector", PGVECTOR),
        ("milvus:http://box:19530", VectorStore(StoreName.MILVUS, "http://box:19530")),
        ("milvus:/srv/milvus.db", VectorStore(StoreName.MILVUS, "/srv/milvus.db")),
    ],
)
def test_environment_names_the_store(
    value: str | None, store: VectorStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TELLSHOW_VECTORS", raising=False)
    if value is not None:
        monkeypatch.setenv("TELLSHOW_VECTORS", value)
    assert open_home(tmp_path / "home").vector_store == store


@pytest.mark.parametrize("value", ["pg_vector", "milvus", "milvus:", "pgvector:there", ":"])
def test_unknown_store_is_one_sentence_that_names_the_known(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELLSHOW_VECTORS", value)
    with pytest.raises(UnknownVectorStore, match=r"must be faiss, pgvector, or milvus:"):
        open_home(tmp_path / "home")


def test_pgvector_without_postgresql_is_one_sentence(home: Home, database: Database) -> None:
    with pytest.raises(VectorsUnavailable, match=r"needs PostgreSQL.*TELLSHOW_DATABASE_URL"):
        make_vector_index(replace(home, vector_store=PGVECTOR), database, 1, "caption", DIMENSION)


def test_pgvector_that_is_too_old_is_one_sentence(
    shared: SampleCatalog, index: PgvectorIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pgvector_table, "OLDEST", (99,))
    with pytest.raises(VectorsUnavailable, match=r"has pgvector 0\.8\.\d+, and 0\.8\.4 or newer"):
        PgvectorIndex(shared.database, shared.model, "caption", DIMENSION)


def test_user_who_may_not_make_the_extension_is_told_who_may(
    home: Home, postgresql: Server
) -> None:
    postgresql.execute("DROP ROLE IF EXISTS plain", "CREATE ROLE plain")
    database = open_database(replace(home, database_url=postgresql.new_database("bare")))
    with database.write() as session:
        session.execute(text("GRANT CREATE ON DATABASE bare TO plain"))
        session.execute(text("SET LOCAL ROLE plain"))
        with pytest.raises(VectorsUnavailable, match="let its administrator run CREATE SCHEMA"):
            pgvector_table.make_extension(session, pgvector_table.SCHEMA)
        session.rollback()
    database.close()


# What it holds


def test_every_half_is_the_same_number_in_pgvector(
    shared: SampleCatalog, index: PgvectorIndex
) -> None:
    halves = np.arange(2**16, dtype="<u2").view("<f2")
    halves = halves[np.isfinite(halves)]
    query = text("SELECT CAST(pgvector_of(:blob) AS real[])")
    with shared.database.read() as session:
        told = [session.scalar(query, {"blob": part.tobytes()}) for part in np.split(halves, 62)]
    np.testing.assert_array_equal(np.concatenate(told).astype("<f2"), halves)


def test_photos_come_and_go_in_the_transaction_of_their_rows(
    shared: SampleCatalog, index: PgvectorIndex
) -> None:
    before = count_in_table(shared)
    with shared.database.write() as session:
        add_photos(session, shared.root, shared.model, new_photos([500]), "embedder")
        found = session.scalar(text(f"SELECT count(*) FROM pgvector_{shared.model}_caption"))
        assert (found, count_in_table(shared)) == (before + 1, before)
        session.rollback()
    assert count_in_table(shared) == before
    [key] = shared.add(new_photos([501]))
    assert index.search(unit_vector(501)[None], 1)[0].item() == key
    with shared.database.write() as session:
        photos.remove_photos(session, [key])
    assert count_in_table(shared) == before


def test_program_that_knows_nothing_of_pgvector_writes_it_too(
    shared: SampleCatalog, index: PgvectorIndex
) -> None:
    plain = open_database(replace(shared.home, vector_store=FAISS))
    [key] = SampleCatalog(shared.home, plain).add(new_photos([502]))
    plain.close()
    assert index.search(unit_vector(502)[None], 1)[0].item() == key
    assert_exact(shared, index)


def test_graph_is_walked_and_filters_are_in_the_same_query(
    shared: SampleCatalog, index: PgvectorIndex
) -> None:
    index.save()
    asked: list[tuple[str, str]] = []

    def explain(connection, cursor, statement, parameters, *_) -> None:  # type: ignore[no-untyped-def]
        if "<#>" in statement and not statement.startswith("EXPLAIN"):
            cursor.execute(f"EXPLAIN {statement}", parameters)
            asked.append((statement, "\n".join(row[0] for row in cursor.fetchall())))

    event.listen(shared.database.engine, "before_cursor_execute", explain)
    try:
        index.search(QUERIES[:1], 3, Condition(PhotoFilter(orientation="landscape")))
    finally:
        event.remove(shared.database.engine, "before_cursor_execute", explain)
    [(statement, plan)] = asked
    assert f"Index Scan using pgvector_{shared.model}_caption_hnsw" in plan
    assert "photo.width > photo.height" in statement


def test_settings_of_the_planner_count_however_often_it_is_asked(
    shared: SampleCatalog, index: PgvectorIndex
) -> None:
    for _ in range(12):
        index.search(QUERIES[:1], 3)
    with shared.database.read() as session:
        prepared = session.scalars(text("SELECT statement FROM pg_prepared_statements")).all()
        driver = session.connection().connection.driver_connection
        assert driver is not None
        assert driver.prepare_threshold == 5
    assert [each for each in prepared if "<#>" in each] == []


# What may happen to it


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM {table} WHERE photo_id = 3",
        "UPDATE {table} SET embedding = (SELECT embedding FROM {table} WHERE photo_id = 4)"
        " WHERE photo_id = 3",
        "ALTER TABLE vector DISABLE TRIGGER {table}_insert",
        "DROP TRIGGER {table}_delete ON vector",
        "DROP TABLE {table}",
    ],
)
def test_doctor_finds_what_is_wrong_with_the_table_and_mends_it(
    shared: SampleCatalog, index: PgvectorIndex, damage: str
) -> None:
    assert index.verify()
    with shared.database.write() as session:
        session.execute(text("SELECT set_config('search_path', 'public, pgvector', true)"))
        session.execute(text(damage.format(table=f"pgvector_{shared.model}_caption")))
    assert not index.verify()
    found = Doctor(shared.home, shared.database, mend=True).examine().findings
    [vectors] = [each for each in found if each.problem is Problem.VECTORS]
    assert f"{shared.model}-caption" in vectors.examples
    assert vectors.mended
    assert index.verify()
    shared.add(new_photos([503]))
    assert index.verify()
    assert_exact(shared, index)


def test_damaged_vector_keeps_no_table_from_being_made(
    shared: SampleCatalog, index: PgvectorIndex
) -> None:
    whole = index.count
    with shared.database.write() as session:
        session.execute(text("ALTER TABLE vector DISABLE TRIGGER USER"))
        infinite = np.full(DIMENSION, np.inf, "<f2").tobytes()
        query = "UPDATE vector SET blob = :blob WHERE photo_id = 5 AND kind = 'caption'"
        session.execute(text(query), {"blob": infinite})
    index.rebuild()
    assert index.count == whole - 1
    assert 5 not in index.search(QUERIES[:1], whole)[0]
    Doctor(shared.home, shared.database, mend=True).examine()  # forgets it
    assert index.verify()


def test_doctor_drops_the_table_of_a_model_that_is_gone(shared: SampleCatalog) -> None:
    other = shared.other_model()
    make_vector_index(shared.home, shared.database, other, "visual", DIMENSION).open()
    with shared.database.write() as session:
        remove_model(session, other)
    for mend, left in ((False, 1), (True, 1), (True, 0)):
        found = Doctor(shared.home, shared.database, mend=mend).examine().findings
        orphans = [each.count for each in found if each.problem is Problem.ORPHANS]
        assert orphans == [left] * left
    shared.add(new_photos([504]))


def test_table_for_vectors_of_another_length_is_made_anew(shared: SampleCatalog) -> None:
    other = shared.other_model()
    for dimension in (8, 24):
        index = PgvectorIndex(shared.database, other, "visual", dimension)
        index.open()
        assert index.verify()
        assert index.count == 0
    with shared.database.write() as session:
        remove_model(session, other)


def test_graph_is_built_in_the_memory_that_is_asked_for(
    tmp_path: Path, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that outgrows it is built many times slower, which PostgreSQL says in a notice."""
    monkeypatch.setattr(pgvector_table, "_LEAST_BUILD_MB", 1)
    url = postgresql.new_database("graph")
    home = replace(open_home(tmp_path / "home"), database_url=url, vector_store=PGVECTOR)
    database, vectors = open_database(home), mixture(0, 5_000)
    notices: list[str] = []
    monkeypatch.setattr(pgvector_index, "MOST_COMPARED", len(vectors) - 1)
    model = fill(database, home.path, vectors)

    @event.listens_for(database.engine, "connect")
    def listen(connection: Any, _: object) -> None:
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))

    database.engine.dispose()
    index = make_vector_index(home, database, model, KIND, len(vectors[0]))
    index.open()
    assert index.verify()
    assert [each for each in notices if "memory" in each] == []
    database.close()
