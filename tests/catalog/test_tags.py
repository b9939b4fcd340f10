"""Tags of photos: which photos have one, and what may be typed to find them, in either database."""

from dataclasses import replace

from sqlalchemy import text

from catalog.checksums import check_descriptions
from catalog.filters import PhotoFilter, passing_photos
from catalog.photos import copy_photo, remove_photos
from catalog.records import FileStamp, NewTag
from catalog.tags import KnownTags, tags_beginning
from tests.catalog.factories import SampleCatalog, new_photo

CAT = NewTag("Egyptian Mau", "Egyptian Mau cat", 0.75)
BOAT = NewTag("catamaran", "catamaran", 0.5)
LIGHT = NewTag("traffic light", "traffic light", 0.25)


def add(catalog: SampleCatalog, number: int, *tags: NewTag) -> int:
    photo = replace(new_photo(b"%d.jpg" % number, number), tags=tags)
    return catalog.add([photo])[0]


def tagged(catalog: SampleCatalog, name: str) -> list[int]:
    with catalog.database.read() as session:
        ids = passing_photos(session, PhotoFilter(tag=name))
    assert ids is not None
    return list(ids.tolist())


def beginning(catalog: SampleCatalog, start: str) -> list[tuple[str, float]]:
    with catalog.database.read() as session:
        return tags_beginning(session, start, 5)


def damaged(catalog: SampleCatalog, ids: list[int]) -> list[int]:
    with catalog.database.read() as session:
        return check_descriptions(session, ids, catalog.model).damaged


def test_photos_are_found_by_whole_words_of_their_tags(any_catalog: SampleCatalog) -> None:
    cat, boat = add(any_catalog, 1, CAT, LIGHT), add(any_catalog, 2, BOAT, LIGHT)
    add(any_catalog, 3)
    assert tagged(any_catalog, "cat") == tagged(any_catalog, "EGYPTIAN  mau") == [cat]
    assert tagged(any_catalog, "catamaran") == [boat]
    assert tagged(any_catalog, "traffic light") == tagged(any_catalog, "Light") == [cat, boat]
    for nothing in ("light traffic", "cata", "ca", "%", "_", "dog", "!"):
        assert tagged(any_catalog, nothing) == []


def test_tag_begins_with_what_is_typed_and_says_how_many_photos_have_it(
    any_catalog: SampleCatalog,
) -> None:
    add(any_catalog, 1, CAT, LIGHT)
    add(any_catalog, 2, LIGHT)
    assert beginning(any_catalog, "Li") == [("traffic light", 1.0)]
    assert beginning(any_catalog, "eg") == [("Egyptian Mau", 0.5)]
    assert beginning(any_catalog, "ight") == beginning(any_catalog, "") == []


def test_tags_are_replaced_copied_and_removed_with_their_photo(any_catalog: SampleCatalog) -> None:
    first = add(any_catalog, 1, CAT)
    assert add(any_catalog, 1, BOAT) == first
    assert (tagged(any_catalog, "cat"), tagged(any_catalog, "catamaran")) == ([], [first])
    with any_catalog.database.write() as session:
        second = copy_photo(session, first, any_catalog.root, FileStamp(b"copy.jpg", 1, 1))
    assert tagged(any_catalog, "catamaran") == [first, second]
    with any_catalog.database.write() as session:
        remove_photos(session, [first])
    assert tagged(any_catalog, "catamaran") == [second]
    assert damaged(any_catalog, [second]) == []


def test_damaged_tag_makes_a_damaged_description(any_catalog: SampleCatalog) -> None:
    key, other = add(any_catalog, 1, CAT), add(any_catalog, 2)
    assert damaged(any_catalog, [key, other]) == []
    with any_catalog.database.write() as session:
        session.execute(text("UPDATE photo_tag SET probability = 0.875"))
    assert damaged(any_catalog, [key, other]) == [key]
    with any_catalog.database.write() as session:
        session.execute(text("DELETE FROM photo_tag"))
    assert damaged(any_catalog, [key, other]) == [key]


def tagged_by(catalog: SampleCatalog, *words: str) -> dict[str, dict[int, float]]:
    """Photos and probabilities by the phrase that names their tags."""
    with catalog.database.read() as session:
        found = {}
        known = KnownTags(session)
        for phrase, ids in known.named(words).items():
            photos = known.photos(session, ids, 99)
            assert photos is not None
            found[phrase] = dict(zip(*(part.tolist() for part in photos), strict=True))
    return found


def test_text_names_tags_by_their_whole_name_and_by_their_kind(any_catalog: SampleCatalog) -> None:
    tabby = NewTag("tabby", "tabby cat", 0.125)
    cat, boat = add(any_catalog, 1, CAT, LIGHT, tabby), add(any_catalog, 2, BOAT, LIGHT)
    assert tagged_by(any_catalog, "a", "cat") == {"cat": {cat: 0.875}}
    assert tagged_by(any_catalog, "egyptian", "mau") == {"egyptian mau": {cat: 0.75}}
    both = tagged_by(any_catalog, "egyptian", "mau", "cat")
    assert both == {"egyptian mau cat": {cat: 0.75}, "cat": {cat: 0.125}}
    lights = tagged_by(any_catalog, "the", "traffic", "light")
    assert lights == {"traffic light": {cat: 0.25, boat: 0.25}}
    for nothing in (("light",), ("light", "traffic"), ("mau",), ("%",), ("_",), ()):
        assert tagged_by(any_catalog, *nothing) == {}


def test_of_two_models_the_surer_one_counts(any_catalog: SampleCatalog) -> None:
    key = add(any_catalog, 1, LIGHT)
    surer = replace(new_photo(b"1.jpg", 1), tags=(replace(LIGHT, probability=0.5),))
    any_catalog.add([surer], any_catalog.other_model())
    assert tagged_by(any_catalog, "traffic", "light") == {"traffic light": {key: 0.5}}


def test_tag_of_too_many_photos_is_told(any_catalog: SampleCatalog) -> None:
    for number in range(3):
        add(any_catalog, number, LIGHT)
    with any_catalog.database.read() as session:
        known = KnownTags(session)
        [ids] = known.named(("traffic", "light")).values()
        assert known.photos(session, ids, 2) is None
        photos = known.photos(session, ids, 3)
        assert photos is not None
        assert len(photos[0]) == 3
