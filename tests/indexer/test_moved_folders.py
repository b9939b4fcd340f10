"""Folders that were renamed or mounted elsewhere keep their photos, without the model."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.database import Database, open_database
from catalog.home import Home, open_home
from catalog.moved_roots import merge_doubled
from catalog.photos import copy_photo
from catalog.records import FileStamp
from catalog.roots import known_roots, list_roots, note_online
from indexer.pipeline import Indexer, IndexOptions
from tests.indexer.factories import PHOTOS, Catalog


@pytest.fixture
def any_catalog(
    request: pytest.FixtureRequest, catalog: Catalog, tmp_path: Path
) -> Iterator[Catalog]:
    """The catalog in a database of the kind that the test's parameter names."""
    if request.param == "sqlite":
        yield catalog
        return
    url = request.getfixturevalue("postgresql").empty_catalog()
    catalog.home = Home(open_home(tmp_path / "served").path, url)
    catalog.database = open_database(catalog.home)
    yield catalog
    catalog.database.close()


both = pytest.mark.parametrize("any_catalog", ["sqlite", "postgresql"], indirect=True)


def ids_by_name(catalog: Catalog, folder: Path) -> dict[str, int]:
    """Ids by path relative to a folder, of the photos that the catalog has there."""
    return {
        os.path.relpath(path, folder): view.photo_id
        for path, view in catalog.views().items()
        if Path(path).is_relative_to(folder)
    }


def folders(catalog: Catalog) -> dict[str, int]:
    """The number of photos by indexed folder."""
    with catalog.database.read() as session:
        return {os.fsdecode(root.path): root.photos for root in list_roots(session)}


def change(photo: Path, folder: Path) -> None:
    """Put other bytes into a photo."""
    with Image.open(folder / "rocket.jpg") as rocket:
        rocket.rotate(180).save(photo)


@both
def test_a_renamed_folder_keeps_ids_and_captions(any_catalog: Catalog, folder: Path) -> None:
    any_catalog.index(folder)
    before, captions = ids_by_name(any_catalog, folder), any_catalog.views()
    moved = folder.rename(folder.parent / "renamed")
    report = any_catalog.index(moved)
    assert (report.moved, report.indexed, report.duplicates) == (len(PHOTOS), 0, 0)
    assert any_catalog.looked == len(PHOTOS)
    assert ids_by_name(any_catalog, moved) == before
    assert folders(any_catalog) == {str(moved): len(PHOTOS)}
    views = any_catalog.views()
    for name in PHOTOS:
        old, new = captions[str(folder / name)], views[str(moved / name)]
        assert (new.captions, new.taken_at, new.indexed_at) == (
            old.captions,
            old.taken_at,
            old.indexed_at,
        )
    assert any_catalog.index(moved).unchanged == len(PHOTOS)


def test_what_is_not_found_at_the_new_place_stays_at_the_old_one(
    catalog: Catalog, folder: Path
) -> None:
    catalog.index(folder)
    before = ids_by_name(catalog, folder)
    moved = folder.rename(folder.parent / "renamed")
    change(moved / "cat.png", moved)
    (moved / "coffee.png").unlink()
    report = catalog.index(moved)
    assert (report.moved, report.indexed, report.removed) == (2, 1, 0)
    assert ids_by_name(catalog, folder) == {
        name: before[name] for name in ("cat.png", "coffee.png")
    }
    assert folders(catalog) == {str(folder): 2, str(moved): 3}


def test_a_copy_beside_the_folder_is_shown_beside_it(catalog: Catalog, folder: Path) -> None:
    catalog.index(folder)
    other = Path(shutil.copytree(folder, folder.parent / "copy"))
    report = catalog.index(other)
    assert (report.moved, report.duplicates) == (0, len(PHOTOS))
    assert folders(catalog) == {str(other): len(PHOTOS), str(folder): len(PHOTOS)}


@pytest.mark.parametrize("separately", [False, True])
def test_copies_on_a_disk_that_was_there_beside_them_stay_when_it_is_unplugged(
    catalog: Catalog, folder: Path, separately: bool
) -> None:
    other = Path(shutil.copytree(folder, folder.parent / "copy"))
    for given in ([folder], [other]) if separately else ([folder, other],):
        catalog.index(*given)
    for away, here in ((folder, other), (other, folder)):
        unplugged = away.rename(folder.parent / "unplugged")
        report = catalog.index(here)
        assert (report.moved, report.unchanged) == (0, len(PHOTOS))
        assert folders(catalog) == {str(other): len(PHOTOS), str(folder): len(PHOTOS)}
        unplugged.rename(away)


def test_an_empty_mount_point_is_no_folder_that_is_there(catalog: Catalog, folder: Path) -> None:
    catalog.index(folder)
    before = ids_by_name(catalog, folder)
    moved = folder.rename(folder.parent / "mounted")
    folder.mkdir()
    assert catalog.index(moved).moved == len(PHOTOS)
    assert ids_by_name(catalog, moved) == before
    assert folders(catalog) == {str(moved): len(PHOTOS)}


def test_a_disk_with_several_folders_may_be_mounted_elsewhere(
    catalog: Catalog, folder: Path, tmp_path: Path
) -> None:
    disk, elsewhere = tmp_path / "media" / "a", tmp_path / "media" / "b"
    one, two = (Path(shutil.copytree(folder, disk / name)) for name in ("one", "two"))
    catalog.index(one, two)
    before = ids_by_name(catalog, disk)
    disk.rename(elsewhere)
    assert catalog.index(elsewhere / "two").moved == len(PHOTOS)
    assert folders(catalog) == {str(one): len(PHOTOS), str(elsewhere / "two"): len(PHOTOS)}
    assert catalog.index(elsewhere / "one").moved == len(PHOTOS)
    assert ids_by_name(catalog, elsewhere) == before


def test_a_folder_inside_an_indexed_one_may_be_renamed(catalog: Catalog, folder: Path) -> None:
    trip = Path(shutil.copytree(folder, folder / "trip"))
    for name in PHOTOS:
        (folder / name).unlink()
    catalog.index(folder)
    catalog.index(trip)
    before = ids_by_name(catalog, trip)
    journey = trip.rename(folder / "journey")
    assert catalog.index(folder).moved == len(PHOTOS)
    assert ids_by_name(catalog, journey) == before
    assert folders(catalog) == {str(folder): len(PHOTOS)}


def test_copies_in_both_keep_each_its_id(catalog: Catalog, folder: Path) -> None:
    (folder / "pets").mkdir()
    for name in ("pets/a.png", "b.png"):
        shutil.copy(folder / "cat.png", folder / name)
    catalog.index(folder)
    before = ids_by_name(catalog, folder)
    moved = folder.rename(folder.parent / "renamed")
    shutil.copy(moved / "cat.png", moved / "0.png")
    report = catalog.index(moved)
    assert (report.moved, report.duplicates) == (len(PHOTOS) + 2, 1)
    after = ids_by_name(catalog, moved)
    assert after.pop("0.png") not in before.values()
    assert after == before


def test_a_link_in_the_place_of_the_folder_leads_to_no_copies(
    catalog: Catalog, folder: Path
) -> None:
    catalog.index(folder)
    before = ids_by_name(catalog, folder)
    moved = folder.rename(folder.parent / "renamed")
    folder.symlink_to(moved)
    assert catalog.index(folder).moved == len(PHOTOS)
    assert ids_by_name(catalog, moved) == before
    assert folders(catalog) == {str(moved): len(PHOTOS)}


def test_hard_links_in_two_folders_are_two_photos(catalog: Catalog, folder: Path) -> None:
    catalog.index(folder)
    other = folder.parent / "linked"
    other.mkdir()
    os.link(folder / "cat.png", other / "cat.png")
    report = catalog.index(other)
    assert (report.moved, report.duplicates) == (0, 1)


def test_a_folder_whose_name_is_no_text_may_be_renamed(catalog: Catalog, folder: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(folder.parent) + b"/f\xfcr"))
    folder.rename(odd)
    (odd / "cat.png").rename(odd / os.fsdecode(b"k\xe4tzchen.png"))
    catalog.index(odd)
    moved = odd.rename(folder.parent / os.fsdecode(b"w\xe4hrend"))
    assert catalog.index(moved).moved == len(PHOTOS)
    with catalog.database.read() as session:
        assert list(known_roots(session)) == [os.fsencode(moved)]


def test_patterns_hold_at_the_new_place(
    catalog: Catalog, folder: Path, captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    def index(given: Path, *patterns: str) -> int:
        options = IndexOptions(exclude=patterns)
        models = captioner, embedder
        return Indexer(catalog.home, catalog.database, *models, options).index([given]).moved

    index(folder, "rocket.*")
    moved = folder.rename(folder.parent / "renamed")
    assert index(moved, "cat.*") == len(PHOTOS) - 2
    assert "rocket.jpg" not in catalog.names()
    with catalog.database.read() as session:
        [root] = [root for path, root in known_roots(session).items() if b"renamed" in path]
    assert root.excluded == ("rocket.*", "cat.*")


# Homes of the former release, which took a renamed folder's photos for copies


def double(catalog: Catalog, folder: Path, moved: Path) -> None:
    """Do what the former release did with a folder that had been renamed."""
    ids = ids_by_name(catalog, folder)
    with catalog.database.write() as session:
        root = note_online(session, os.fsencode(moved), None).root_id
        for name, photo_id in ids.items():
            found = (moved / name).stat()
            stamp = FileStamp(os.fsencode(name), found.st_size, found.st_mtime_ns)
            copy_photo(session, photo_id, root, stamp)


@both
def test_photos_that_were_doubled_are_one_again(any_catalog: Catalog, folder: Path) -> None:
    any_catalog.index(folder)
    before = ids_by_name(any_catalog, folder)
    moved = folder.rename(folder.parent / "renamed")
    double(any_catalog, folder, moved)
    assert len(any_catalog.views()) == 2 * len(PHOTOS)
    report = any_catalog.index(moved)
    assert (report.moved, report.indexed) == (len(PHOTOS), 0)
    assert ids_by_name(any_catalog, moved) == before
    assert folders(any_catalog) == {str(moved): len(PHOTOS)}
    assert any_catalog.looked == len(PHOTOS)
    assert any_catalog.vectors("visual").count == len(PHOTOS)
    assert all(
        any_catalog.home.thumbnail(v.content_hash).exists() for v in any_catalog.views().values()
    )


def test_doubled_photos_whose_new_file_is_gone_stay(
    catalog: Catalog, database: Database, folder: Path
) -> None:
    catalog.index(folder)
    moved = folder.rename(folder.parent / "renamed")
    double(catalog, folder, moved)
    (moved / "cat.png").unlink()
    with database.write() as session:
        roots = {os.fsdecode(path): root.root_id for path, root in known_roots(session).items()}
        left = merge_doubled(session, [roots[str(moved)]])
    assert left == {roots[str(folder)]: len(PHOTOS) - 1}
    assert list(ids_by_name(catalog, folder)) == ["cat.png"]
