"""Sidecars of tellshow's own: never over another's, and never taken for a person's words."""

from pathlib import Path

import pytest

from indexer.annotations import xmp_annotations
from indexer.sidecar_export import Guesses, Outcome, packet, write_sidecar
from indexer.xmp import read_xmp
from tests.indexer.annotated_photos import annotated, bag
from tests.indexer.annotated_photos import packet as packet_of_others
from tests.indexer.factories import PHOTOS, Catalog

SEEN = Guesses(("Egyptian cat", "tabby <&>"), "a cat looks at the camera", 0.713)


def test_guesses_are_said_to_be_guesses() -> None:
    xmp = read_xmp(packet(SEEN))
    said = xmp.values("{http://purl.org/dc/elements/1.1/}description")
    assert said == ("a cat looks at the camera (guessed by tellshow, 71% sure)",)
    levels = xmp.values("{http://ns.adobe.com/lightroom/1.0/}hierarchicalSubject")
    assert levels == ("tellshow|Egyptian cat", "tellshow|tabby <&>")
    assert xmp.values("{http://purl.org/dc/elements/1.1/}subject")[0] == "tellshow"


def test_own_guesses_are_no_words_of_a_person() -> None:
    assert xmp_annotations(read_xmp(packet(SEEN))) == xmp_annotations(read_xmp(b""))


def test_words_that_a_person_adds_to_guesses_are_read() -> None:
    trees = bag("lr:hierarchicalSubject", ["tellshow|tabby", "tellshow|mouse", "Animals|mouse"])
    flat = bag("dc:subject", ["tellshow", "tabby", "mouse", "Animals", "Minka"])
    written = xmp_annotations(read_xmp(packet_of_others(elements=flat + trees)))
    assert written.keywords == ("mouse", "Animals", "Minka")


def test_sidecar_beside_a_photo_changes_nothing_that_is_known_of_it(
    catalog: Catalog, folder: Path
) -> None:
    catalog.index(folder)
    before = catalog.views()[str(folder / "cat.png")]
    assert write_sidecar(folder / "cat.png", SEEN)[0] is Outcome.WRITTEN
    assert catalog.index(folder).unchanged == len(PHOTOS)
    after = catalog.views()[str(folder / "cat.png")]
    assert (after.keywords, after.description, after.taken) == ((), None, before.taken)


def test_own_sidecar_is_updated_and_kept_where_nothing_changed(tmp_path: Path) -> None:
    photo = tmp_path / "cat.jpg"
    assert write_sidecar(photo, Guesses())[0] is Outcome.NOTHING
    outcome, sidecar = write_sidecar(photo, SEEN)
    assert (outcome, sidecar) == (Outcome.WRITTEN, tmp_path / "cat.jpg.xmp")
    assert write_sidecar(photo, SEEN)[0] is Outcome.UNCHANGED
    assert write_sidecar(photo, Guesses(("lynx",)))[0] is Outcome.WRITTEN
    assert b"lynx" in sidecar.read_bytes()
    assert b"camera" not in sidecar.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["cat.jpg.xmp"]


@pytest.mark.parametrize("name", ["cat.jpg.xmp", "cat.xmp", "cat.jpg.XMP"])
def test_sidecar_of_another_program_is_left(tmp_path: Path, name: str) -> None:
    other = tmp_path / name
    other.write_bytes(annotated(["harvest"]))
    assert write_sidecar(tmp_path / "cat.jpg", SEEN) == (Outcome.FOREIGN, other)
    assert other.read_bytes() == annotated(["harvest"])
    assert list(tmp_path.iterdir()) == [other]


def test_own_sidecar_that_somebody_changed_is_left(tmp_path: Path) -> None:
    sidecar = write_sidecar(tmp_path / "cat.jpg", SEEN)[1]
    changed = sidecar.read_bytes().replace(b"looks at", b"stares at")
    sidecar.write_bytes(changed)
    assert write_sidecar(tmp_path / "cat.jpg", SEEN) == (Outcome.FOREIGN, sidecar)
    assert sidecar.read_bytes() == changed


def test_link_in_place_of_a_sidecar_is_left(tmp_path: Path) -> None:
    (tmp_path / "cat.jpg.xmp").symlink_to(tmp_path / "elsewhere")
    assert write_sidecar(tmp_path / "cat.jpg", SEEN)[0] is Outcome.FOREIGN
    assert not (tmp_path / "elsewhere").exists()
