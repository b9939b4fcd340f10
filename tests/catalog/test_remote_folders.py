"""Photos in S3: paths, what a folder lists, and files to read in."""

from pathlib import Path

import pytest

from catalog.object_store import ObjectStore
from catalog.paths import read_path, show_path
from catalog.remote_folders import (
    as_url,
    has_objects,
    is_remote,
    is_there,
    list_objects,
    look_at,
    open_object,
    read_object,
)
from indexer.folders import FolderNotFound, resolve_folders, split_by_presence
from indexer.ignore import root_rules
from indexer.remote_walk import find_remote_photos
from search.filters import read_filter
from search.request import InvalidQuery

pytest.importorskip("obstore", reason="obstore, the extra `store`, is not installed")

FOLDER = Path("s3://archive/2026")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """The bucket `archive`, in memory."""
    from obstore.store import MemoryStore

    store = ObjectStore("s3://archive", MemoryStore())
    monkeypatch.setattr("catalog.remote_folders.open_store", {"s3://archive": store}.__getitem__)
    return store


def put(bucket: ObjectStore, *keys: str) -> None:
    for key in keys:
        bucket.put_new(key, key.encode())


def test_path_of_s3_is_told_from_others_and_shown_as_it_is_written() -> None:
    assert is_remote(FOLDER)
    assert not is_remote(Path("/s3:/archive"))
    assert not is_remote(Path("./s3:/archive").absolute())
    assert as_url(FOLDER) == b"s3://archive/2026"
    assert show_path(b"s3:/archive/2026/a.jpg") == "s3://archive/2026/a.jpg"
    assert read_path("s3://archive/2026/a.jpg") == b"s3:/archive/2026/a.jpg"
    assert read_path("/a//b") == b"/a//b"
    assert resolve_folders([FOLDER, FOLDER / "may"]) == [FOLDER]


def test_folder_of_s3_filters_as_people_write_it() -> None:
    assert read_filter(folder="s3://archive/2026/").folder == b"s3:/archive/2026"
    with pytest.raises(InvalidQuery):
        read_filter(folder="archive/2026")


def test_photos_of_a_folder_are_listed_without_what_is_hidden_or_left_out(
    bucket: ObjectStore,
) -> None:
    put(bucket, "2026/a.jpg", "2026/may/b c#1.PNG", "2026/.trash/c.jpg", "2026/notes.txt",
        "2026/may/a.jpg.xmp", "2025/d.jpg", "2026/raw/e.jpg", "2026/f.tif")  # fmt: skip
    ignored: set[bytes] = set()
    rules = root_rules(["raw/", "*.tif"])
    found = find_remote_photos(FOLDER, rules=rules, ignored=ignored.add)
    assert {(each.path, each.size) for each in found} == {(b"a.jpg", 10), (b"may/b c#1.PNG", 18)}
    assert ignored == {b"raw", b"f.tif"}


def test_stamp_of_an_object_changes_with_its_bytes(bucket: ObjectStore) -> None:
    put(bucket, "2026/a.jpg")
    [before] = find_remote_photos(FOLDER)
    [again] = find_remote_photos(FOLDER)
    found = look_at(FOLDER / "a.jpg")
    assert found is not None
    bucket.replace(found, b"2026/b.jpg")
    [after] = find_remote_photos(FOLDER)
    assert before == again
    assert (before.size, before.sidecars) != (after.size, after.sidecars)


def test_listing_that_breaks_off_leaves_the_whole_folder_unlisted(
    bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.object_store import StoreUnavailable

    def away(prefix: str) -> None:
        raise StoreUnavailable("The store s3://archive cannot be used: it is away.")

    monkeypatch.setattr(bucket, "list", away)
    unlisted: dict[bytes, OSError] = {}
    assert list(find_remote_photos(FOLDER, unlisted.__setitem__)) == []
    assert list(unlisted) == [b""]
    assert split_by_presence([FOLDER], {b"s3:/archive/2026"}) == ([], [FOLDER])
    with pytest.raises(StoreUnavailable):
        split_by_presence([FOLDER], ())
    assert is_there(Path("s3://archive/asked-while-away")) is None


def test_folder_without_an_object_is_not_there(bucket: ObjectStore) -> None:
    put(bucket, "2026/a.jpg")
    assert has_objects(FOLDER)
    assert has_objects(Path("s3://archive"))
    assert not has_objects(Path("s3://archive/20"))  # half a name is no folder
    with pytest.raises(FolderNotFound, match="no folder s3://archive/2027"):
        split_by_presence([Path("s3://archive/2027")], ())


def test_file_is_read_from_anywhere_as_it_was_when_it_was_looked_at(bucket: ObjectStore) -> None:
    path = FOLDER / "a.jpg"
    bucket.put_new("2026/a.jpg", bytes(range(200)))
    found, whole = look_at(path), read_object(path)
    assert found is not None
    assert whole is not None
    assert whole.content == bytes(range(200))
    with open_object(path, found) as file:
        assert file.seek(-5, 2) == 195
        assert file.read() == bytes(range(195, 200))
        file.seek(10)
        assert file.read(3) == bytes([10, 11, 12])
    bucket.replace(found, bytes(200))
    with open_object(path, found) as file, pytest.raises(FileNotFoundError, match="as it was"):
        file.read()


def test_objects_of_a_bucket_are_listed_with_their_whole_keys(bucket: ObjectStore) -> None:
    put(bucket, "a.jpg", "b/c.jpg")
    assert {path for path, _ in list_objects(Path("s3://archive"))} == {b"a.jpg", b"b/c.jpg"}
