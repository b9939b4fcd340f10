"""Opening a database, its migrations, and its transactions."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text

from catalog.checksums import sound_photos
from catalog.database import (
    Database,
    DatabaseUnavailable,
    is_modelled,
    make_engine,
    migration_config,
    newest_revision,
    open_database,
    sqlite_driver,
)
from catalog.failures import record_failure
from catalog.home import Home, open_home
from catalog.models import Base
from catalog.runs import Noted, finish_run, start_run
from catalog.vectors.factory import make_vector_index
from catalog.views import count_rows
from tests.catalog.conftest import REPOSITORY
from tests.catalog.factories import DIMENSION, SampleCatalog, new_photos
from tests.postgresql import Server

NOTHING = Noted([], {})
Start = Callable[..., subprocess.Popen[str]]

OPEN = """
import sys
from pathlib import Path
from catalog.home import open_home
from catalog.database import open_database
home = open_home(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
open_database(home).close()
"""


def tables(database: Database) -> set[str]:
    names = inspect(database.engine).get_table_names()
    return {name for name in names if is_modelled(name, "table", {})}


Contents = dict[str, list[dict[str, str]]]


def contents(database: Database) -> Contents:
    """Every row of every table that is there, in those of its columns that are there."""
    found = {}
    with database.engine.connect() as connection:
        for table in (
            Base.metadata.tables[name] for name in tables(database) & Base.metadata.tables.keys()
        ):
            there = {column["name"] for column in inspect(connection).get_columns(table.name)}
            query = select(*(column for column in table.columns if column.name in there))
            rows = [dict(row) for row in connection.execute(query).mappings()]
            shown = ({name: repr(value) for name, value in row.items()} for row in rows)
            found[table.name] = sorted(shown, key=repr)
    return found


def without(rows: list[dict[str, str]], columns: set[str]) -> list[dict[str, str]]:
    kept = [{name: row[name] for name in row if name not in columns} for row in rows]
    return sorted(kept, key=repr)


def test_opening_makes_exactly_the_tables_of_the_models(any_database: Database) -> None:
    with any_database.engine.connect() as connection:
        options = {"include_name": is_modelled}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_go_down_and_up_again(any_home: Home, any_database: Database) -> None:
    config = migration_config(any_home.database_url)
    command.downgrade(config, "base")
    assert tables(any_database) == {"alembic_version"}
    command.upgrade(config, "head")
    assert tables(any_database) == {"alembic_version", *Base.metadata.tables}
    with any_database.read() as session:
        assert count_rows(session).photos == 0


def test_every_revision_goes_down_and_up_with_data_in_it(any_catalog: SampleCatalog) -> None:
    any_catalog.add(new_photos(range(20)))
    any_catalog.add(new_photos(range(5)), any_catalog.other_model())
    make_vector_index(
        any_catalog.home, any_catalog.database, any_catalog.model, "visual", DIMENSION
    ).open()
    with any_catalog.database.write() as session:
        record_failure(session, b"/m\xfcnze.jpg", 2**40, 2**62, "It is no photo.")
        finish_run(session, start_run(session, NOTHING), Noted([1], {"indexed": 20}, 20, 20))
    before = contents(any_catalog.database)
    # Tags, keywords and towns are made anew with what carries them; what an image embedder made
    # goes, by a test of its own, and so do calibrations, and what people keep.
    empty = {"tag", "photo_tag", "keyword", "photo_keyword", "image_embedder", "calibration"}
    empty |= {"album", "album_photo", "favourite", "share", "share_photo"}
    empty |= {"saved_search", "recent_search", "preference", "town", "photo_town"}
    empty.add("vector_removal")
    if any_catalog.home.database_file is not None:
        empty.add("vector_commit")  # SQLite counts
    assert {name for name, rows in before.items() if not rows} == empty
    config = migration_config(any_catalog.home.database_url)
    newest, *older = (
        script.revision for script in ScriptDirectory.from_config(config).walk_revisions()
    )
    for revision in older:
        command.downgrade(config, revision)
        left = contents(any_catalog.database)
        assert "photo" in left
        left.pop("photo_text", None)  # cut by other rules then
        if "vector_commit" not in left and (commits := before["vector_commit"]):
            counter = max(int(row["change"]) for row in commits)  # goes on behind the last of them
            before |= {"vector_commit": [], "vector_change": [{"id": "1", "counter": str(counter)}]}
        for name, rows in left.items():
            assert not rows or rows == without(
                before[name], before[name][0].keys() - rows[0].keys()
            )
    command.upgrade(config, newest)
    after = contents(any_catalog.database)
    # By which rules they were found is looked up again, by the next indexing.
    assert {row.pop("metadata_version") for row in after["photo"]} == {"1"}
    origin = {"metadata_version", "checksum"}  # the latter is over the former, too
    assert {**after, "photo": without(after["photo"], origin)} == {
        **before,
        "photo": without(before["photo"], origin),
    }
    with any_catalog.database.read() as session:
        assert len(sound_photos(session, range(100))) == 20
    command.downgrade(config, "base")
    assert tables(any_catalog.database) == {"alembic_version"}
    command.upgrade(config, "head")
    assert {name for name, rows in contents(any_catalog.database).items() if rows} == {
        "vector_change"
    }


def test_processes_that_open_a_new_home_together_all_succeed(
    any_home: Home, start_python: Start
) -> None:
    processes = [start_python(OPEN, any_home.path) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        _, errors = process.communicate("go\n")
        assert (process.returncode, errors) == (0, "")


def test_alembic_itself_migrates_the_default_home(tmp_path: Path) -> None:
    environment = {**os.environ, "TELLSHOW_HOME": str(tmp_path / "home")}
    subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=REPOSITORY,
        env=environment,
        check=True,
    )
    home = open_home(tmp_path / "home")
    with sqlite_driver().connect(home.path / "catalog.db") as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    assert names >= set(Base.metadata.tables)


def test_the_newest_revision_is_told_by_the_files_as_alembic_tells_it() -> None:
    """Alembic itself is not imported where a database is up to date."""
    scripts = ScriptDirectory.from_config(migration_config(""))
    assert scripts.get_heads() == [newest_revision()]


def test_migrations_can_be_printed_as_sql(capsys: pytest.CaptureFixture[str]) -> None:
    command.upgrade(migration_config("postgresql+psycopg://"), "head", sql=True)
    assert "CREATE TABLE photo" in capsys.readouterr().out


def test_sqlite_waits_checks_references_and_logs_ahead(database: Database) -> None:
    with database.read() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
        assert session.scalar(text("PRAGMA busy_timeout")) == 30_000


def test_sqlite_keeps_what_it_committed_through_a_power_cut(database: Database) -> None:
    with database.read() as session:
        assert session.scalar(text("PRAGMA synchronous")) == 2  # FULL


def test_server_that_falls_silent_is_noticed_unless_the_url_says_when(postgresql_url: str) -> None:
    for url, idle in ((postgresql_url, "30"), (f"{postgresql_url}&keepalives_idle=77", "77")):
        engine = make_engine(url)
        with engine.connect() as connection:
            used = connection.connection.dbapi_connection.info.get_parameters()
        engine.dispose()
        assert (used["keepalives_idle"], used["tcp_user_timeout"]) == (idle, "60000")


def test_sqlite_version_is_known_and_sound(database: Database) -> None:
    assert database.sqlite_version == sqlite_driver().sqlite_version


def test_error_takes_back_the_whole_transaction(any_database: Database) -> None:
    def fail_half_way() -> None:
        with any_database.write() as session:
            start_run(session, NOTHING)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    with any_database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM run")) == 0


def test_reader_sees_one_moment_while_a_writer_commits(any_database: Database) -> None:
    with any_database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM run")) == 0
        with any_database.write() as writer:
            start_run(writer, NOTHING)
        assert session.scalar(text("SELECT count(*) FROM run")) == 0


def test_writer_keeps_others_from_writing_from_its_first_query(database: Database) -> None:
    with database.write() as session:
        session.scalar(text("SELECT count(*) FROM run"))
        other = sqlite_driver().connect(database.engine.url.database, timeout=0)
        with pytest.raises(sqlite_driver().OperationalError, match="locked"):
            other.execute("INSERT INTO vector_change VALUES (2, 0)")
        other.close()


def test_file_that_is_no_database_is_one_clear_sentence(home: Home) -> None:
    (home.path / "catalog.db").write_bytes(b"This is no database at all." * 100)
    with pytest.raises(DatabaseUnavailable, match=r"^The database .* file is not a database\.$"):
        open_database(home)


def test_database_of_a_newer_release_is_left_alone(any_home: Home, any_database: Database) -> None:
    with any_database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'future'"))
    with pytest.raises(DatabaseUnavailable, match="another release of tellshow"):
        open_database(any_home)


@pytest.mark.parametrize("url", ["nonsense", "oracle+nothing://", "postgresql+pg8000://nobody"])
def test_url_of_no_use_is_said_so(tmp_path: Path, url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="database URL"):
        open_database(Home(tmp_path, url))


def test_unreachable_server_is_named_without_its_password(tmp_path: Path) -> None:
    home = Home(tmp_path, f"postgresql+psycopg://me:secret@/none?host={tmp_path}")
    with pytest.raises(DatabaseUnavailable, match=r"cannot be reached") as caught:
        open_database(home)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("said", "threshold"), [("none", None), ("0", 0), ("7", 7)])
def test_statements_are_prepared_as_the_url_says(
    postgresql: Server, said: str, threshold: int | None
) -> None:
    url = postgresql.url.update_query_dict({"prepare_threshold": said})
    engine = make_engine(url.render_as_string(hide_password=False))
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        assert driver.prepare_threshold == threshold
    engine.dispose()


def test_url_that_prepares_statements_in_no_way_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql+psycopg://nobody@nowhere/none?prepare_threshold=often"
    monkeypatch.setenv("TELLSHOW_DATABASE_URL", url)
    with pytest.raises(DatabaseUnavailable, match="prepare_threshold is a number or none"):
        open_database(open_home(tmp_path / "home"))
