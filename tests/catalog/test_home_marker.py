"""A home carries a marker: no other folder is taken for one, and no file that is not its own."""

import io
import json
import os
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image

from catalog.database import CatalogLost, DatabaseUnavailable, open_database
from catalog.doctor import Doctor, Problem
from catalog.home import Home, HomeNotWritable, NotAHome, open_home
from catalog.home_marker import NAME, Marker, read_marker
from catalog.own_files import remove_own
from catalog.sealed_thumbnails import seal
from tests.catalog.factories import SampleCatalog, new_photos

HASH = "ab" + "0" * 62


def put(path: Path, content: bytes = b"precious") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def thumbnail(content_hash: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG")
    return seal(file.getvalue(), content_hash)


def everything(folder: Path) -> dict[str, bytes]:
    return {
        os.path.relpath(path, folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def legacy(folder: Path) -> Home:
    """A home as releases before the marker left them."""
    home = open_home(folder)
    open_database(home).close()
    (folder / NAME).unlink()
    return home


def test_empty_folder_becomes_a_home_that_knows_of_its_catalog(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    assert read_marker(tmp_path) == Marker(None)
    open_database(home).close()
    assert read_marker(tmp_path) == Marker("sqlite")
    assert json.loads((tmp_path / NAME).read_text()) == {
        "tellshow": "home", "format": 1, "catalog": "sqlite",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["a.jpg", "thumbnails/2019/a.jpg", "vectors/logo.svg", "catalog.db"]
)
def test_folder_that_holds_anything_else_is_refused_and_left_alone(
    tmp_path: Path, name: str
) -> None:
    put(tmp_path / name)
    before = everything(tmp_path)
    message = rf"holds other things \({name.split('/')[0]}\): name an empty or a new folder"
    with pytest.raises(NotAHome, match=message):
        open_home(tmp_path)
    assert everything(tmp_path) == before


def test_root_of_a_fresh_disk_counts_as_empty(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    put(tmp_path / ".DS_Store")
    put(tmp_path / f"{NAME}.killed12.tmp")
    assert open_home(tmp_path).vectors.is_dir()


@pytest.mark.parametrize("content", [b"", b"\0", b"no json", b"[" * 100_000, b'{"tellshow": 1}'])
def test_damaged_marker_is_made_anew(home: Home, content: bytes) -> None:
    open_database(home).close()
    (home.path / NAME).write_bytes(content)
    open_database(open_home(home.path)).close()
    assert read_marker(home.path) == Marker("sqlite")


def test_marker_of_a_newer_format_is_refused_in_a_sentence(home: Home) -> None:
    (home.path / NAME).write_text('{"tellshow": "home", "format": 2, "new": true}')
    with pytest.raises(NotAHome, match=r"has format 2, .* use the newer release"):
        open_home(home.path)


def test_home_of_an_earlier_release_gets_its_marker_even_among_a_persons_files(
    tmp_path: Path,
) -> None:
    legacy(tmp_path / "home")
    put(tmp_path / "home" / "a.jpg")
    open_home(tmp_path / "home")
    assert read_marker(tmp_path / "home") == Marker("sqlite")


def test_home_whose_making_was_killed_is_made_again(tmp_path: Path) -> None:
    """By an earlier release, which made its folders and an empty database first."""
    for name in ("vectors", "thumbnails", "models"):
        (tmp_path / name).mkdir()
    (tmp_path / "catalog.db").touch()
    open_database(open_home(tmp_path)).close()
    assert read_marker(tmp_path) == Marker("sqlite")


def test_home_with_its_database_on_a_server_is_known_by_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELLSHOW_DATABASE_URL", "postgresql+psycopg://somewhere/photos")
    put(tmp_path / "home" / "thumbnails" / "ab" / f"{HASH}.jpg")
    put(tmp_path / "home" / "photos" / "a.jpg")
    open_home(tmp_path / "home")
    assert read_marker(tmp_path / "home") == Marker("postgresql")
    put(tmp_path / "other" / "thumbnails" / "ab" / "a.jpg")
    with pytest.raises(NotAHome):
        open_home(tmp_path / "other")


def test_database_of_another_program_is_no_home(tmp_path: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(tmp_path / "catalog.db")
    connection.execute("CREATE TABLE photo (id)")
    connection.close()
    for name in ("vectors", "thumbnails", "models"):
        (tmp_path / name).mkdir()
    with pytest.raises(NotAHome, match=r"catalog\.db"):
        open_home(tmp_path)


@pytest.mark.parametrize("place", ["path", "vectors"])
def test_file_where_a_folder_of_the_home_belongs_is_one_sentence(home: Home, place: str) -> None:
    folder = getattr(home, place)
    shutil.rmtree(folder)
    folder.write_bytes(b"")
    with pytest.raises(HomeNotWritable, match=r"^The home .*"):
        open_home(home.path)


def lose(home: Home, how: str) -> None:
    database = home.path / "catalog.db"
    if how == "gone":
        database.unlink()
    elif how == "without tables":
        import sqlite3

        database.unlink()
        connection = sqlite3.connect(database)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
    else:
        database.write_bytes(b"\0" * int(how))


@pytest.mark.parametrize("how", ["gone", "0", "1", "99", "without tables"])
@pytest.mark.parametrize("marked", [True, False])
def test_lost_database_is_no_new_home_and_nothing_is_touched(
    catalog: SampleCatalog, how: str, marked: bool
) -> None:
    home = catalog.home
    put(home.thumbnail(HASH))
    catalog.database.close()
    put(home.path / "catalog.db-wal", b"what was committed last")
    lose(home, how)
    if how == "without tables":  # SQLite itself drops a log that is not of this database
        (home.path / "catalog.db-wal").unlink(missing_ok=True)
    if not marked:
        (home.path / NAME).unlink()
    before = everything(home.path)
    with pytest.raises(CatalogLost, match=r"had a catalog, but .* tellshow restore FILE"):
        open_database(open_home(home.path))
    left = everything(home.path)
    left.pop(NAME, None)
    before.pop(NAME, None)
    assert left == before


def test_lost_database_is_known_by_a_thumbnail_alone(home: Home) -> None:
    put(home.thumbnail(HASH))
    assert read_marker(home.path) == Marker(None)
    with pytest.raises(CatalogLost):
        open_database(home)


def test_file_that_is_no_database_keeps_its_sentence(home: Home) -> None:
    open_database(home).close()
    (home.path / "catalog.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(DatabaseUnavailable, match=r"file is not a database\.$"):
        open_database(open_home(home.path))


def test_empty_database_on_a_server_is_a_lost_catalog_too(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = open_home(tmp_path)
    open_database(home).close()
    monkeypatch.setenv("TELLSHOW_DATABASE_URL", postgresql_url)
    with pytest.raises(CatalogLost, match="is empty"):
        open_database(open_home(tmp_path))


def test_doctor_removes_nothing_of_a_catalog_without_photos(catalog: SampleCatalog) -> None:
    files = [put(catalog.home.thumbnail(HASH)), put(catalog.home.vectors / "9-visual/gen-1.faiss")]
    found = Doctor(catalog.home, catalog.database, mend=True).examine()
    [orphans] = found.findings
    assert (orphans.problem, orphans.count, orphans.mended) == (Problem.ORPHANS, 2, False)
    assert all(file.is_file() for file in files)


def strangers(home: Home, outside: Path) -> list[Path]:
    """Files of a person's below the home, each almost like one of ours."""
    put(outside / f"{HASH}.jpg")
    (home.thumbnails / "ab").mkdir(exist_ok=True)
    (home.thumbnails / "cd").symlink_to(outside)
    link = home.thumbnails / "ab" / f"{HASH}.jpg"
    link.symlink_to(outside / f"{HASH}.jpg")
    (home.vectors / "8-caption").symlink_to(outside)
    put(outside / "gen-1.faiss")
    digest = sha256(b"").hexdigest()
    return [
        outside / f"{HASH}.jpg",
        outside / "gen-1.faiss",
        link,
        put(home.thumbnails / "2019" / "a.jpg"),
        put(home.thumbnails / "cover.jpg"),
        put(home.thumbnails / "half.tmp"),
        put(home.thumbnails / "ab" / "a.jpg"),
        put(home.thumbnails / "ab" / f"cd{HASH[2:]}.jpg"),
        put(home.vectors / "9-caption" / "drawing.svg"),
        put(home.vectors / "old-logos" / "logo.svg"),
        put(home.vectors / "7-caption" / "gen-1.faiss.orig"),
        put(home.models / "train.tmp"),
        put(home.models / "car.safetensors"),
        put(home.models / "trains" / f"{digest}.tmp"),
    ]


def test_doctor_leaves_what_is_not_tellshows_and_names_it(
    catalog: SampleCatalog, tmp_path: Path
) -> None:
    catalog.add(new_photos(range(3)))
    for photo in new_photos(range(3)):
        put(catalog.home.thumbnail(photo.content_hash), thumbnail(photo.content_hash))
    before = {path: path.read_bytes() for path in strangers(catalog.home, tmp_path / "outside")}
    mine = put(catalog.home.vectors / "9-caption" / "gen-1.faiss")
    found = Doctor(catalog.home, catalog.database, mend=True).examine()
    assert not mine.exists()
    assert {path: path.read_bytes() for path in before} == before
    [foreign] = [each for each in found.findings if each.problem is Problem.FOREIGN]
    assert foreign.count == 14
    again = Doctor(catalog.home, catalog.database, mend=True).examine()
    assert [each.problem for each in again.findings] == [Problem.FOREIGN]
    assert again.is_well


def test_nothing_is_removed_without_a_marker(home: Home) -> None:
    files = [put(home.thumbnail(HASH)), put(home.vectors / "9-visual/gen-1.faiss")]
    (home.path / NAME).unlink()
    assert remove_own(home.path, files) == []
    assert all(file.is_file() for file in files)
    assert remove_own(open_home(home.path).path, files) == files
    assert not (home.vectors / "9-visual").exists()


@pytest.mark.parametrize("place", ["thumbnail", "snapshot", "next", "lock"])
def test_folder_where_a_file_belongs_is_a_finding(catalog: SampleCatalog, place: str) -> None:
    photos = new_photos(range(3))
    catalog.add(photos)
    for photo in photos:
        put(catalog.home.thumbnail(photo.content_hash), thumbnail(photo.content_hash))
    assert Doctor(catalog.home, catalog.database, mend=True).examine().is_well
    own = catalog.home.vectors / f"{catalog.model}-visual"
    path = {
        "thumbnail": catalog.home.thumbnail(photos[0].content_hash),
        "snapshot": next(own.glob("gen-*")),
        "next": own / "next.tmp",
        "lock": own / "lock",
    }[place]
    path.unlink(missing_ok=True)
    put(path / "a.txt")
    found = Doctor(catalog.home, catalog.database, mend=True).examine()
    problems = {each.problem: each for each in found.findings}
    assert problems[Problem.MISPLACED].examples == (str(path),)
    assert (path / "a.txt").is_file()
    assert not found.is_well
