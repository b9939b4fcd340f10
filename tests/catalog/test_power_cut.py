"""A power cut at any moment: whatever it leaves of the files, the catalog opens and is right."""

import os
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import event

from catalog.checkpoints import KeptCheckpoints
from catalog.database import open_database, sqlite_driver
from catalog.home import Home, open_home
from tests.catalog.brute_force import assert_exact, opened
from tests.catalog.factories import SampleCatalog, new_photos
from tests.catalog.power_cut import Disk, State


def copy_of(database: Path, target: Path) -> Path:
    """The database as of its last commit, as SQLite itself copies it."""
    source, copy = sqlite_driver().connect(database), sqlite_driver().connect(target)
    source.backup(copy)
    source.close()
    copy.close()
    return target


class Machine:
    """A home that loses its power; it is put up again as the cut may have left it."""

    def __init__(self, catalog: SampleCatalog, tmp_path: Path) -> None:
        self._catalog = catalog
        self._spare = tmp_path
        self._folder = f"{catalog.model}-caption"
        self._cuts = 0
        self.databases: list[Path] = []

    @property
    def folder(self) -> Path:
        return self._catalog.home.vectors / self._folder

    def keep_database(self) -> Path:
        """A copy of what is committed by now."""
        name = f"commit-{len(self.databases)}.db"
        source = self._catalog.home.path / "catalog.db"
        self.databases.append(copy_of(source, self._spare / name))
        return self.databases[-1]

    def after_cut(self, files: State, database: Path) -> SampleCatalog:
        """The catalog in a home of its own that holds these files and this database."""
        self._cuts += 1
        home = open_home(self._spare / f"cut-{self._cuts}")
        shutil.copy(database, home.path / "catalog.db")
        (home.vectors / self._folder).mkdir()
        for name, content in files:
            (home.vectors / self._folder / name).write_bytes(content)
        return SampleCatalog(home, open_database(home), self._catalog.home.path)


@pytest.fixture
def machine(catalog: SampleCatalog, tmp_path: Path) -> Machine:
    return Machine(catalog, tmp_path)


@pytest.fixture
def disk(
    catalog: SampleCatalog, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[], object]], Disk]:
    """Do something, and follow what it does to the vector files and the database meanwhile."""

    def followed(action: Callable[[], object]) -> Disk:
        with monkeypatch.context() as patch:
            made = Disk(machine.folder, patch)
            machine.keep_database()

            def commit(*_: object) -> None:
                made.note("commit")

            event.listen(catalog.database.engine, "commit", commit)
            action()
            event.remove(catalog.database.engine, "commit", commit)
            machine.keep_database()
            made.note("end")
        return made

    return followed


def assert_comes_right(catalog: SampleCatalog) -> None:
    """It answers rightly, and goes on to index, save and open."""
    assert_exact(catalog, opened(catalog))
    catalog.add(new_photos(range(700, 710)))
    opened(catalog).save()
    assert_exact(catalog, opened(catalog))
    catalog.database.close()


def test_vector_file_is_on_the_disk_before_sql_names_it(
    catalog: SampleCatalog, disk: Callable[[Callable[[], object]], Disk]
) -> None:
    catalog.add(new_photos(range(40)))
    opened(catalog).save()
    [old] = [
        path.name for path in (catalog.home.vectors / f"{catalog.model}-caption").glob("gen-*")
    ]
    catalog.add(new_photos([50]))
    number = int(old.removeprefix("gen-").removesuffix(".faiss"))
    folder = f"{catalog.model}-caption"
    happened = [what for what, _ in disk(opened(catalog).save).moments]
    assert happened[happened.index("fsync next.tmp") :] == [
        "fsync next.tmp",
        "replace next.tmp",
        f"fsync {folder}",
        "commit",
        f"unlink {old}",
        "end",
    ]
    assert f"gen-{number + 1}.faiss" in os.listdir(catalog.home.vectors / folder)


@pytest.mark.parametrize("saved_before", [True, False])
def test_power_cut_while_vectors_are_saved_leaves_a_home_that_opens_right(
    saved_before: bool,
    catalog: SampleCatalog,
    machine: Machine,
    disk: Callable[[Callable[[], object]], Disk],
) -> None:
    """Also where the disk lied and the database lost commits, so that files are ahead of it."""
    catalog.add(new_photos(range(40)))
    if saved_before:
        opened(catalog).save()
    index = opened(catalog)
    catalog.add(new_photos(range(40, 50)))
    followed = disk(index.save)
    left = {state for _, states in followed.moments for state in states}
    assert len(left) >= 5  # so many ways a cut may leave the files
    for files in sorted(left):
        for database in machine.databases:
            assert_comes_right(machine.after_cut(files, database))


def test_vector_file_that_is_ahead_of_the_database_is_not_believed(
    catalog: SampleCatalog, machine: Machine
) -> None:
    """Other photos get the numbers, and their changes the numbers, that the lost ones had."""
    catalog.add(new_photos(range(40)))
    opened(catalog).save()
    before = machine.keep_database()
    lost = catalog.add(new_photos(range(40, 50)))
    opened(catalog).save()
    files = tuple((path.name, path.read_bytes()) for path in machine.folder.glob("gen-*"))
    after = machine.after_cut(files, before)
    assert after.add(new_photos(range(80, 90))) == lost
    assert_exact(after, opened(after))
    opened(after).save()
    assert_exact(after, opened(after))
    after.database.close()


def test_checkpoint_is_kept_whole_or_not_at_all(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = tmp_path / "mine.safetensors"
    chosen.write_bytes(b"weights" * 1000)
    digest = sha256(b"weights" * 1000).hexdigest()
    with monkeypatch.context() as patch:
        disk = Disk(home.models, patch)
        KeptCheckpoints(home).keep_chosen(chosen, digest)
        disk.note("end")
    whole, name = chosen.read_bytes(), KeptCheckpoints(home).path(digest)
    assert name is not None
    left = [dict(state).get(name.name) for _, states in disk.moments for state in states]
    assert set(left) == {None, whole}
    assert {dict(state)[name.name] for state in disk.moments[-1][1]} == {whole}


def test_checkpoint_that_was_lost_is_kept_again(home: Home, tmp_path: Path) -> None:
    chosen = tmp_path / "mine.safetensors"
    chosen.write_bytes(b"weights")
    digest = sha256(b"weights").hexdigest()
    kept = KeptCheckpoints(home)
    kept.keep_chosen(chosen, digest)
    name = kept.path(digest)
    assert name is not None
    name.write_bytes(b"")
    kept.keep_chosen(chosen, digest)
    assert name.read_bytes() == b"weights"
