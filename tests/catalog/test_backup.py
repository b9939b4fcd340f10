"""Backups are whole or refused, taken while others write, and restored as they were."""

import json
import threading
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from catalog.backup import BackupError, back_up, restore
from catalog.database import CatalogLost, Database, WriterBusy, open_database, writer_lock
from catalog.home import Home, open_home
from catalog.views import count_rows
from tests.catalog.brute_force import assert_exact, opened
from tests.catalog.factories import SampleCatalog, new_photos

WEIGHTS = b"weights"
CHECKPOINT = f"{sha256(WEIGHTS).hexdigest()}.safetensors"


@pytest.fixture
def filled(catalog: SampleCatalog) -> SampleCatalog:
    """Forty photos and a kept checkpoint."""
    catalog.add(new_photos(range(40)))
    (catalog.home.models / CHECKPOINT).write_bytes(WEIGHTS)
    return catalog


@pytest.fixture
def file(filled: SampleCatalog, tmp_path: Path) -> Path:
    """A backup of `filled`."""
    back_up(filled.home, tmp_path / "backup.zip")
    return tmp_path / "backup.zip"


def photos_in(home: Home) -> int:
    database = open_database(open_home(home.path))
    with database.read() as session:
        count = count_rows(session).photos
    database.close()
    return count


def others(home: Home) -> list[str]:
    return sorted(path.name for path in home.path.glob("catalog*"))


def test_backup_restored_into_a_new_home_answers_as_the_old_one(
    filled: SampleCatalog, file: Path, tmp_path: Path
) -> None:
    home = open_home(tmp_path / "new" / "home")
    report = restore(home, file)
    assert (report.photos, report.checkpoints, report.aside) == (40, 1, None)
    assert (home.models / CHECKPOINT).read_bytes() == WEIGHTS
    restored = SampleCatalog(home, open_database(home), filled.home.path)
    assert_exact(restored, opened(restored))
    restored.database.close()
    assert list(file.parent.glob(".backup*")) == []
    assert list(home.path.glob(".restore*")) == []


def test_backup_holds_what_was_committed_while_others_write(
    filled: SampleCatalog, tmp_path: Path
) -> None:
    stop, added = threading.Event(), []

    def write() -> None:
        for number in range(1000, 1400):
            if stop.is_set():
                return
            added.append(filled.add(new_photos([number])))

    writer = threading.Thread(target=write)
    with writer_lock(filled.home):
        writer.start()
        counts = [back_up(filled.home, tmp_path / f"{number}.zip").photos for number in range(5)]
        stop.set()
        writer.join()
    assert added
    for number, count in enumerate(counts):
        home = open_home(tmp_path / f"restored-{number}")
        restore(home, tmp_path / f"{number}.zip")
        assert photos_in(home) == count >= 40


def test_existing_file_is_replaced_only_when_that_is_asked_for(
    filled: SampleCatalog, file: Path
) -> None:
    before = file.read_bytes()
    with pytest.raises(BackupError, match=r"exists: .* --force"):
        back_up(filled.home, file)
    assert file.read_bytes() == before
    filled.add(new_photos([41]))
    assert back_up(filled.home, file, replace=True).photos == 41


def test_damaged_database_replaces_no_backup(filled: SampleCatalog, file: Path) -> None:
    before = file.read_bytes()
    checkpointed(filled.database)
    path = filled.home.path / "catalog.db"
    content = bytearray(path.read_bytes())
    content[-4 * 4096 :] = b"\x55" * (4 * 4096)
    path.write_bytes(content)
    with pytest.raises(BackupError, match=r"is damaged \(.+\); tellshow doctor says more"):
        back_up(filled.home, file, replace=True)
    assert file.read_bytes() == before


def test_any_changed_byte_of_a_backup_is_refused_and_changes_nothing(
    filled: SampleCatalog, file: Path, tmp_path: Path
) -> None:
    whole, home = file.read_bytes(), open_home(tmp_path / "other")
    for place in range(0, len(whole), len(whole) // 150):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        try:
            restore(home, file)
        except BackupError:
            assert others(home) == []
            continue
        # The archive's own dates and the like say nothing: what it holds is as it was.
        assert photos_in(home) == 40
        for path in home.path.glob("catalog*"):
            path.unlink()
        (home.models / CHECKPOINT).unlink()
        home = open_home(tmp_path / f"other-{place}")


@pytest.mark.parametrize("length", [0, 1, 100, -1, -30])
def test_cut_off_backup_is_refused(filled: SampleCatalog, file: Path, length: int) -> None:
    file.write_bytes(file.read_bytes()[:length])
    filled.database.close()
    with pytest.raises(BackupError, match="is no backup, or a damaged one"):
        restore(filled.home, file)
    assert photos_in(filled.home) == 40


def test_archive_that_is_no_backup_of_ours_is_refused(home: Home, tmp_path: Path) -> None:
    def archive(**manifest: object) -> Path:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
            made.writestr("backup.json", json.dumps(manifest))
        return tmp_path / "a.zip"

    with pytest.raises(BackupError, match="is no backup of tellshow"):
        restore(home, archive(made="today"))
    with pytest.raises(BackupError, match="made by a newer tellshow"):
        restore(home, archive(tellshow="backup", format=2))
    with pytest.raises(BackupError, match="its manifest is not whole"):
        restore(home, archive(tellshow="backup", format=1, files={}, counts={}))


def test_names_in_an_archive_lead_nowhere_else(home: Home, file: Path, tmp_path: Path) -> None:
    """A checkpoint is put under the name of its own bytes, in the models of the home."""
    with zipfile.ZipFile(file) as members:
        manifest = json.loads(members.read("backup.json"))
        database = members.read("catalog.db")
    name = f"../../outside/{CHECKPOINT}"
    manifest["files"] = {"catalog.db": manifest["files"]["catalog.db"], name: CHECKPOINT[:64]}
    with zipfile.ZipFile(file, "w") as members:
        members.writestr("backup.json", json.dumps(manifest))
        members.writestr("catalog.db", database)
        members.writestr(name, WEIGHTS)
    restored = open_home(tmp_path / "safe")
    restore(restored, file)
    assert (restored.models / CHECKPOINT).is_file()
    assert not (tmp_path / "outside").exists()


def test_replaced_catalog_is_kept_aside_with_what_its_log_held(
    filled: SampleCatalog, file: Path
) -> None:
    filled.add(new_photos(range(50, 60)))
    leave_log(filled)
    aside = restore(filled.home, file).aside
    assert aside is not None
    assert others(filled.home) == sorted(["catalog.db", aside.name])
    assert photos_in(filled.home) == 40
    aside.replace(filled.home.path / "catalog.db")
    assert photos_in(filled.home) == 50
    restored = SampleCatalog(filled.home, open_database(filled.home))
    assert_exact(restored, opened(restored))
    restored.database.close()


@pytest.mark.parametrize("content", [None, b"", b"\0", b"garbage" * 1000])
def test_log_of_a_lost_catalog_never_comes_over_the_restored_one(
    filled: SampleCatalog, file: Path, content: bytes | None
) -> None:
    filled.add(new_photos(range(50, 60)))
    log = leave_log(filled)
    path = filled.home.path / "catalog.db"
    path.unlink() if content is None else path.write_bytes(content)
    if content != b"garbage" * 1000:
        with pytest.raises(CatalogLost):
            open_database(open_home(filled.home.path))
    aside = restore(open_home(filled.home.path), file).aside
    assert aside is not None
    assert aside.with_name(f"{aside.name}-wal").read_bytes() == log
    assert photos_in(filled.home) == 40


def test_vectors_follow_a_restored_catalog(filled: SampleCatalog, file: Path) -> None:
    filled.add(new_photos(range(50, 60)))
    opened(filled).save()
    filled.database.close()
    restore(filled.home, file)
    restored = SampleCatalog(filled.home, open_database(filled.home))
    assert_exact(restored, opened(restored))
    restored.add(new_photos(range(70, 90)))
    assert_exact(restored, opened(restored))
    restored.database.close()


def test_catalog_in_use_is_not_replaced(filled: SampleCatalog, file: Path) -> None:
    with writer_lock(filled.home), pytest.raises(WriterBusy):
        restore(filled.home, file)
    with filled.database.read() as session:
        count_rows(session)
        with pytest.raises(BackupError, match="has the catalog open, a server it may be"):
            restore(filled.home, file)
    with pytest.raises(BackupError, match="has the catalog open"):  # idle, as a server between
        restore(filled.home, file)
    filled.database.close()
    restore(filled.home, file)


def test_backup_of_a_later_release_is_refused(filled: SampleCatalog, tmp_path: Path) -> None:
    with filled.database.engine.connect() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'later'")
        connection.exec_driver_sql("COMMIT")
    back_up(filled.home, tmp_path / "later.zip")
    with pytest.raises(BackupError, match="made by a newer tellshow"):
        restore(open_home(tmp_path / "other"), tmp_path / "later.zip")


def test_database_on_a_server_is_left_to_its_own_tools(tmp_path: Path) -> None:
    home = Home(tmp_path, "postgresql+psycopg://somewhere/photos")
    with pytest.raises(BackupError, match="pg_dump"):
        back_up(home, tmp_path / "backup.zip")
    with pytest.raises(BackupError, match="pg_restore"):
        restore(home, tmp_path / "backup.zip")


def checkpointed(database: Database) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def leave_log(catalog: SampleCatalog) -> bytes:
    """End as a killed process does: what was committed last stays in the log."""
    path = catalog.home.path / "catalog.db"
    log = path.with_name("catalog.db-wal")
    kept = {each: each.read_bytes() for each in (path, log)}
    assert kept[log]
    catalog.database.close()
    for each, content in kept.items():
        each.write_bytes(content)
    return kept[log]
