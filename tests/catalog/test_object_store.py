"""The store that machines share: one contract for a folder, for memory, and for S3."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.checkpoints import KeptCheckpoints
from catalog.durable_files import sha256_of
from catalog.home import Home, open_home
from catalog.object_store import ObjectStore, StoreUnavailable, UnknownStore, open_store
from catalog.sealed_thumbnails import seal
from catalog.thumbnails import FolderThumbnails, StoredThumbnails, Thumbnails, thumbnails_of

pytest.importorskip("obstore", reason="obstore, the extra `store`, is not installed")

HASH, OTHER = "ab" + "0" * 62, "cd" + "1" * 62
JPEG = b"\xff\xd8 a picture \xff\xd9"
IN_S3 = pytest.param("s3", marks=pytest.mark.scale)


def store_at(kind: str, request: pytest.FixtureRequest, folder: Path) -> ObjectStore:
    from obstore.store import MemoryStore

    if kind == "memory":
        return ObjectStore("memory:", MemoryStore())
    if kind == "s3":
        return open_store(f"{request.getfixturevalue('s3').new_bucket()}/some/prefix")
    (folder / "store").mkdir()
    return open_store(f"file:{folder}/store")


@pytest.fixture(params=["file", "memory", IN_S3])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return store_at(request.param, request, tmp_path)


@pytest.fixture(params=["home", "file", "memory", IN_S3])
def thumbnails(request: pytest.FixtureRequest, home: Home, tmp_path: Path) -> Thumbnails:
    if request.param == "home":
        return FolderThumbnails(home)
    return StoredThumbnails(store_at(request.param, request, tmp_path))


def content_of(store: ObjectStore, key: str) -> bytes | None:
    found = store.get(key)
    return found.content if found else None


def test_object_is_written_once_by_the_first_that_does(store: ObjectStore) -> None:
    assert store.put_new("a/b", b"first")
    assert not store.put_new("a/b", b"second")
    assert content_of(store, "a/b") == b"first"


def test_of_many_that_write_an_object_at_once_one_succeeds(store: ObjectStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: store.put_new("a", b"%d" % number), range(16)))
    assert sum(won) == 1
    assert content_of(store, "a") == b"%d" % won.index(True)


def test_object_is_replaced_as_it_was_found(store: ObjectStore) -> None:
    store.put_new("a", b"first")
    found = store.head("a")
    assert found is not None
    assert store.replace(found, b"second")
    assert content_of(store, "a") == b"second"


def test_object_that_another_replaced_meanwhile_stays(request: pytest.FixtureRequest) -> None:
    store = store_at("memory", request, Path())
    store.put_new("a", b"first")
    found = store.head("a")
    assert found is not None
    store.replace(found, b"theirs")
    assert not store.replace(found, b"ours")
    assert content_of(store, "a") == b"theirs"


def test_objects_are_listed_below_a_folder_with_their_sizes(store: ObjectStore) -> None:
    for key in ("one/a", "one/two/b", "other/c"):
        store.put_new(key, key.encode())
    assert {(each.key, each.size) for each in store.list("one")} == {("one/a", 5), ("one/two/b", 9)}
    assert len(list(store.list())) == 3
    assert list(store.list("none")) == []


def test_removing_what_is_gone_is_no_error(store: ObjectStore) -> None:
    for key in ("a", "b"):
        store.put_new(key, b"content")
    store.delete(["gone", "a", "gone as well", "b"])
    assert list(store.list()) == []
    assert (store.head("a"), store.get("a")) == (None, None)


def test_part_of_an_object_is_read(store: ObjectStore, tmp_path: Path) -> None:
    store.put_new("a", b"0123456789")
    found = store.head("a")
    assert found is not None
    assert store.read_range(found, 3, 4) == b"3456"
    assert store.get("a", most=9) is None
    store.replace(found, b"9876543210")
    for key in ("a", "gone"):
        with pytest.raises(FileNotFoundError, match="no longer there as it was"):
            store.read_range(replace(found, key=key), 0, 1)
    store.delete(["a"])
    store.put_new("a", b"0123456789")
    assert store.download("a", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"0123456789"
    assert not store.download("gone", tmp_path / "copy")


@pytest.mark.parametrize("url", ["/srv/store", "file:store", "file://host/store", "s3:bucket",
                                 "s3://Under_score", "ftp://host/x", "s3://", ""])  # fmt: skip
def test_what_is_no_store_is_refused_in_a_sentence(url: str) -> None:
    with pytest.raises(UnknownStore, match="a store is named as file:/srv/tellshow"):
        open_store(url)


def test_folder_that_is_not_mounted_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="make it, or mount it"):
        open_store(f"file:{tmp_path}/away")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.scale
def test_bucket_that_is_not_there_is_told_in_a_sentence(s3: object) -> None:
    store = open_store("s3://no-such-bucket-here")
    for ask in (
        lambda: store.get("a"),
        lambda: list(store.list()),
        lambda: store.put_new("a", b""),
    ):
        with pytest.raises(StoreUnavailable, match="there is no such bucket"):
            ask()


def test_thumbnail_is_written_once_and_read_as_it_was(thumbnails: Thumbnails) -> None:
    assert not thumbnails.has(HASH)
    assert thumbnails.find(HASH) is None
    thumbnails.add(HASH, JPEG)
    thumbnails.add(HASH, b"\xff\xd8 another one \xff\xd9")
    assert thumbnails.has(HASH)
    assert thumbnails.read(HASH) == seal(JPEG, HASH)
    has = thumbnails.lookup()
    assert (has(HASH), has(OTHER)) == (True, False)
    assert thumbnails.remove([HASH, OTHER]) == 1
    assert thumbnails.read(HASH) is None


def test_damaged_thumbnail_in_a_store_is_told_and_gives_way(store: ObjectStore) -> None:
    thumbnails, key = StoredThumbnails(store), f"thumbnails/ab/{HASH}.jpg"
    store.put_new(key, seal(JPEG, OTHER))  # another photo's
    found = thumbnails.find(HASH)
    assert found is not None
    assert found.jpeg is None
    assert thumbnails.damaged([HASH, OTHER]) == [HASH, OTHER]
    thumbnails.add(HASH, JPEG)
    assert thumbnails.damaged([HASH]) == []


def test_orphan_of_a_shared_store_is_spared_while_it_is_young(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    thumbnails = StoredThumbnails(store)
    for content_hash in (HASH, OTHER):
        thumbnails.add(content_hash, JPEG)
    thumbnails.remove_leftovers({HASH})
    assert thumbnails.has(OTHER)
    monkeypatch.setattr("catalog.thumbnails._SPARED", timedelta(seconds=-5))
    assert thumbnails.orphans({HASH}, remove=False) == [store.shown(f"thumbnails/cd/{OTHER}.jpg")]
    thumbnails.remove_leftovers(set())  # the catalog may be another's
    assert thumbnails.has(OTHER)
    thumbnails.remove_leftovers({HASH})
    assert (thumbnails.has(HASH), thumbnails.has(OTHER)) == (True, False)


@pytest.fixture
def two_homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Home]:
    """Homes of two machines with one store."""
    (tmp_path / "store").mkdir()
    monkeypatch.setenv("TELLSHOW_STORE", f"file:{tmp_path}/store")
    return [open_home(tmp_path / name) for name in ("one", "two")]


def test_thumbnail_of_one_machine_is_read_by_the_other(two_homes: list[Home]) -> None:
    one, two = map(thumbnails_of, two_homes)
    one.add(HASH, JPEG)
    assert two.read(HASH) == seal(JPEG, HASH)
    assert [list(home.thumbnails.iterdir()) for home in two_homes] == [[], []]


def _checkpoint(folder: Path) -> tuple[Path, str]:
    """A file that stands for a checkpoint, and its SHA-256."""
    file = folder / "mine.safetensors"
    file.write_bytes(b"weights")
    return file, sha256_of(file)


def test_checkpoint_of_one_machine_comes_to_the_other(
    two_homes: list[Home], tmp_path: Path
) -> None:
    file, sha256 = _checkpoint(tmp_path)
    one, two = map(KeptCheckpoints, two_homes)
    assert (two.path(sha256), two.is_kept(sha256)) == (None, False)
    one.keep_chosen(file, sha256)
    assert two.is_chosen(sha256)
    found = two.path(sha256)
    assert found == two_homes[1].models / f"{sha256}.safetensors"
    assert found.read_bytes() == b"weights"
    two.drop(sha256)
    assert (two.path(sha256), two.is_kept(sha256)) == (None, False)


def test_damaged_checkpoint_of_a_store_is_not_taken_and_gives_way(
    two_homes: list[Home], tmp_path: Path
) -> None:
    file, sha256 = _checkpoint(tmp_path)
    stored = tmp_path / "store" / "models" / f"{sha256}.safetensors"
    stored.parent.mkdir()
    stored.write_bytes(b"half")
    one, two = map(KeptCheckpoints, two_homes)
    assert two.path(sha256) is None
    assert list(two_homes[1].models.iterdir()) == []
    one.keep_chosen(file, sha256)
    assert two.path(sha256) is not None


def test_doctor_puts_a_sound_checkpoint_in_the_place_of_a_damaged_one(
    two_homes: list[Home], tmp_path: Path
) -> None:
    file, sha256 = _checkpoint(tmp_path)
    one, two = map(KeptCheckpoints, two_homes)
    one.keep_chosen(file, sha256)
    assert one.mend_store(mend=True) == []
    stored = tmp_path / "store" / "models" / f"{sha256}.safetensors"
    stored.write_bytes(b"weighty")
    named = f"file:{stored}"
    assert two.mend_store(mend=True) == [(named, False)]  # it has none of its own
    assert one.mend_store(mend=False) == [(named, False)]
    assert one.mend_store(mend=True) == [(named, True)]
    assert stored.read_bytes() == b"weights"
