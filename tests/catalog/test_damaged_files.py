"""Thumbnails and photos whose bytes changed behind tellshow's back are found."""

import os
import shutil
from hashlib import blake2b, sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.doctor import Doctor, Problem
from catalog.originals import changed_originals
from catalog.records import FileStamp
from catalog.sealed_thumbnails import is_whole, read_thumbnail, seal
from tests.catalog.factories import SampleCatalog, new_photo


def jpeg() -> bytes:
    noise = np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8)
    file = BytesIO()
    Image.fromarray(noise).save(file, "JPEG", quality=85)
    return file.getvalue()


def test_sealed_thumbnail_is_the_same_picture(tmp_path: Path) -> None:
    plain, path = jpeg(), tmp_path / "a.jpg"
    path.write_bytes(seal(plain, "a"))
    assert is_whole(path)
    with Image.open(BytesIO(plain)) as one, Image.open(path) as other:
        assert one.tobytes() == other.tobytes()


def test_any_changed_byte_that_shows_and_any_lost_end_is_noticed(tmp_path: Path) -> None:
    sealed, path = seal(jpeg(), "a"), tmp_path / "a.jpg"
    picture = sealed.index(b"tellshow ") + len(b"tellshow ")
    for place in range(picture, len(sealed), 7):
        path.write_bytes(sealed[:place] + bytes([sealed[place] ^ 4]) + sealed[place + 1 :])
        assert not is_whole(path), place
    for length in (0, 1, 10, 100, len(sealed) - 1):
        path.write_bytes(sealed[:length])
        assert not is_whole(path), length


def test_thumbnail_of_another_photo_is_not_taken_for_this_one(any_catalog: SampleCatalog) -> None:
    one, other = new_photo(b"a.jpg", 1), new_photo(b"b.jpg", 2)
    any_catalog.add([one, other])
    home = any_catalog.home
    for new in (one, other):
        path = home.thumbnail(new.content_hash)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(seal(jpeg(), new.content_hash))
        assert is_whole(path)
    shutil.copy(home.thumbnail(one.content_hash), home.thumbnail(other.content_hash))
    assert read_thumbnail(home.thumbnail(other.content_hash)) is None
    found = Doctor(home, any_catalog.database, mend=True).examine().findings
    [finding] = [each for each in found if each.problem is Problem.THUMBNAILS]
    assert [Path(name).name for name in finding.examples] == ["b.jpg"]
    assert not home.thumbnail(other.content_hash).exists()


def test_thumbnail_of_the_former_release_has_its_checksum_still(tmp_path: Path) -> None:
    """Which did not cover the photo's hash."""
    path, plain = tmp_path / "a.jpg", jpeg()
    own = plain[:2] + b"\xff\xfe\0\x1btellshow " + blake2b(plain, digest_size=16).digest()
    path.write_bytes(own + plain[2:])
    assert read_thumbnail(path) == own + plain[2:]
    path.write_bytes(own + plain[2:-9] + b"!" + plain[-8:])
    assert read_thumbnail(path) is None


@pytest.mark.parametrize("name", ["thumbnails/ab", "vectors/1-caption"])
def test_file_in_the_place_of_a_folder_makes_room_and_loses_nothing(
    catalog: SampleCatalog, name: str
) -> None:
    catalog.add([new_photo(b"a.jpg")])
    file = catalog.home.path / name
    for words in (b"a person's own words", b"and more of them"):
        file.write_bytes(words)
        before = told(catalog, mend=False)
        assert before[Problem.MISPLACED] == ([str(file)], False)
        assert told(catalog, mend=True)[Problem.MISPLACED] == ([str(file)], True)
        if file.is_dir():  # made anew
            shutil.rmtree(file)
    assert file.with_name(f"{file.name}-moved-aside").read_bytes() == b"a person's own words"
    assert file.with_name(f"{file.name}-moved-aside-2").read_bytes() == b"and more of them"
    assert len(told(catalog, mend=True)[Problem.FOREIGN][0]) == 2


def test_link_in_the_place_of_a_folder_stays(catalog: SampleCatalog, tmp_path: Path) -> None:
    catalog.add([new_photo(b"a.jpg")])
    link = catalog.home.thumbnails / "ab"
    link.symlink_to(tmp_path / "nothing")
    assert Problem.MISPLACED not in told(catalog, mend=True)
    assert link.is_symlink()


def told(catalog: SampleCatalog, *, mend: bool) -> dict[Problem, tuple[list[str], bool]]:
    found = Doctor(catalog.home, catalog.database, mend=mend).examine().findings
    return {each.problem: (list(each.examples), each.mended) for each in found}


def test_thumbnail_of_a_former_release_has_to_decode(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg())
    assert is_whole(path)
    for damaged in (jpeg()[:900], b"\xff\xd8 a thumbnail", b"\0" * 500):
        path.write_bytes(damaged)
        assert not is_whole(path)
    path.unlink()
    path.mkdir()
    assert not is_whole(path)


def test_damaged_thumbnail_is_named_and_removed(
    any_catalog: SampleCatalog,
) -> None:
    new = new_photo(b"a.jpg")
    any_catalog.add([new])
    path = any_catalog.home.thumbnail(new.content_hash)
    path.parent.mkdir(parents=True)
    sealed = seal(jpeg(), new.content_hash)
    path.write_bytes(sealed[:-300] + b"\x55" + sealed[-299:])
    found = Doctor(any_catalog.home, any_catalog.database, mend=True).examine()
    [finding] = [each for each in found.findings if each.problem is Problem.THUMBNAILS]
    assert [Path(name).name for name in finding.examples] == ["a.jpg"]
    assert not path.exists()


@pytest.fixture
def originals(any_catalog: SampleCatalog) -> list[Path]:
    """Three files whose rows say what they hold."""
    paths = [any_catalog.folder / f"{number}.jpg" for number in range(3)]
    new = []
    for number, path in enumerate(paths):
        path.write_bytes(b"photo %d" % number)
        stamp = FileStamp(path.name.encode(), path.stat().st_size, path.stat().st_mtime_ns)
        made = new_photo(path.name.encode(), number)
        digest = sha256(path.read_bytes()).hexdigest()
        new.append(type(made)(**{**vars(made), "file": stamp, "content_hash": digest}))
    any_catalog.add(new)
    return paths


def test_photo_that_decayed_is_named_and_one_that_was_edited_is_not(
    any_catalog: SampleCatalog, originals: list[Path]
) -> None:
    decayed, edited, gone = originals
    assert list(changed_originals(any_catalog.database)) == []
    before = decayed.stat()
    decayed.write_bytes(b"phot\xef 0")
    os.utime(decayed, ns=(before.st_atime_ns, before.st_mtime_ns))
    edited.write_bytes(b"other 1")
    gone.unlink()
    assert list(changed_originals(any_catalog.database)) == [str(decayed)]
    assert list(changed_originals(any_catalog.database, [any_catalog.root + 1])) == []
    examined = Doctor(any_catalog.home, any_catalog.database, mend=False).examine()
    assert Problem.ORIGINALS not in {each.problem for each in examined.findings}
    examiner = Doctor(any_catalog.home, any_catalog.database, mend=True, verify_photos=True)
    [finding] = [each for each in examiner.examine().findings if each.problem == "originals"]
    assert (finding.examples, finding.mended) == ((str(decayed),), False)
