"""What people wrote about photos: stored, checked, found by its words and filtered by."""

from dataclasses import replace

import pytest
from alembic import command
from sqlalchemy import text

from catalog.checksums import damaged_descriptions, sound_photos
from catalog.database import migration_config
from catalog.doctor import Doctor, Problem
from catalog.filters import PhotoFilter, passing_photos
from catalog.fulltext import Lookup, photos_named_around, words_of
from catalog.keywords import keywords_beginning
from catalog.photos import copy_photo, forget_photos, move_photo, remove_photos, touch_photo
from catalog.records import Annotations, FileStamp, Origin
from catalog.views import view_photos
from tests.catalog.factories import SampleCatalog, find, new_photo

ODD = Annotations("nul \0 and half \ud800", "東京タワー", -1, ("Harvest festival", "a%b"), ("Zoë",))


def add(catalog: SampleCatalog, number: int, **written: object) -> int:
    plain = new_photo(b"%d.jpg" % number, number)
    annotations = Annotations(**written)  # type: ignore[arg-type]
    return catalog.add([replace(plain, metadata=replace(plain.metadata, annotations=annotations))])[
        0
    ]


def origin(annotations: Annotations) -> Origin:
    return Origin(None, None, None, None, annotations=annotations)


def passing(catalog: SampleCatalog, **wanted: object) -> list[int]:
    with catalog.database.read() as session:
        ids = passing_photos(session, PhotoFilter(**wanted))  # type: ignore[arg-type]
    assert ids is not None
    return list(ids.tolist())


def named(catalog: SampleCatalog, word: str) -> list[int]:
    with catalog.database.read() as session:
        ids = find(session, Lookup.name, word)
        assert ids is not None
        assert find(session, Lookup.word, word) == ids
    return ids


def test_annotations_are_shown_as_they_were_written(any_catalog: SampleCatalog) -> None:
    odd, plain = add(any_catalog, 1, **vars(ODD)), add(any_catalog, 2)
    with any_catalog.database.read() as session:
        views = view_photos(session, [odd, plain])
        assert sound_photos(session, [odd, plain]) == [odd, plain]
    seen = views[odd]
    assert (seen.title, seen.description, seen.rating) == ("nul  and half ?", "東京タワー", -1)
    assert (seen.keywords, seen.people) == (ODD.keywords, ODD.people)
    seen = views[plain]
    assert (seen.title, seen.description, seen.rating) == (None, None, None)
    assert (seen.keywords, seen.people) == ((), ())


def test_every_word_that_people_wrote_finds_its_photo(any_catalog: SampleCatalog) -> None:
    key = add(any_catalog, 1, title="The old mill", description="Before the flood", rating=5,
              keywords=("Harvest festival", "LisbonTrip"), people=("Zoë O'Hara",))  # fmt: skip
    add(any_catalog, 2, keywords=("harvester",))
    for word in ("mill", "FLOOD", "harvest", "festival", "harvest festival", "harvestfestival",
                 "lisbon", "lisbontrip", "zoe", "o'hara"):  # fmt: skip
        assert named(any_catalog, word) == [key], word
    assert named(any_catalog, "5") == []
    with any_catalog.database.read() as session:
        around = photos_named_around(session, "flo", 9)
        assert around is not None
        assert around.tolist() == [key]
        assert {"flood", "zoe", "mill"} <= words_of(session, [key])[key]


def test_word_inside_a_keyword_finds_it_in_scripts_without_spaces(
    any_catalog: SampleCatalog,
) -> None:
    key = add(any_catalog, 1, keywords=("東京タワー",))
    with any_catalog.database.read() as session:
        around = photos_named_around(session, "東京", 9)
    assert around is not None
    assert around.tolist() == [key]


def test_photos_pass_by_whole_words_of_a_keyword(any_catalog: SampleCatalog) -> None:
    both = add(any_catalog, 1, keywords=("Harvest festival", "Lisbon"))
    one = add(any_catalog, 2, keywords=("lisbon",))
    add(any_catalog, 3, title="Lisbon", people=("Lisbon",))
    assert passing(any_catalog, keyword="LISBON") == [both, one]
    assert passing(any_catalog, keyword="festival") == [both]
    assert passing(any_catalog, keyword="harvest  festival") == [both]
    for nothing in ("fest", "festival harvest", "%", "_", "!"):
        assert passing(any_catalog, keyword=nothing) == []


def test_rating_passes_so_many_stars_or_more(any_catalog: SampleCatalog) -> None:
    ids = {stars: add(any_catalog, 9 + (stars or 0), rating=stars) for stars in (-1, 1, 4, 5)}
    ids[None] = add(any_catalog, 1)
    assert passing(any_catalog, rating=4) == sorted([ids[4], ids[5]])
    assert passing(any_catalog, rating=5) == [ids[5]]
    assert passing(any_catalog, rating=0) == sorted([ids[1], ids[4], ids[5], ids[None]])
    assert passing(any_catalog, rating=-1) == [ids[-1]]


def test_keyword_begins_with_what_is_typed_and_says_how_many_photos_have_it(
    any_catalog: SampleCatalog,
) -> None:
    add(any_catalog, 1, keywords=("Harvest festival", "Lisbon"))
    add(any_catalog, 2, keywords=("Lisbon",))
    with any_catalog.database.read() as session:
        assert keywords_beginning(session, "Fest", 5) == [("Harvest festival", 0.5)]
        assert keywords_beginning(session, "l", 5) == [("Lisbon", 1.0)]
        assert keywords_beginning(session, "", 5) == keywords_beginning(session, "isbon", 5) == []


def test_annotations_follow_a_photo_that_is_touched_copied_moved_and_removed(
    any_catalog: SampleCatalog,
) -> None:
    key = add(any_catalog, 1, keywords=("Lisbon",))
    new = origin(Annotations(keywords=("Porto",), people=("Ada",)))
    with any_catalog.database.write() as session:
        touch_photo(session, key, FileStamp(b"1.jpg", 1, 2, "stamp"), new)
        same = copy_photo(session, key, any_catalog.root, FileStamp(b"same.jpg", 1, 2))
        other = copy_photo(session, key, any_catalog.root, FileStamp(b"c.jpg", 1, 2), origin(ODD))
    assert passing(any_catalog, keyword="lisbon") == named(any_catalog, "lisbon") == []
    assert passing(any_catalog, keyword="porto") == named(any_catalog, "ada") == [key, same]
    assert passing(any_catalog, keyword="festival") == named(any_catalog, "festival") == [other]
    with any_catalog.database.write() as session:
        move_photo(session, same, any_catalog.root, FileStamp(b"moved.jpg", 1, 2), origin(ODD))
        remove_photos(session, [other])
        assert sound_photos(session, [key, same]) == [key, same]
        assert damaged_descriptions(session, any_catalog.model) == []
    assert passing(any_catalog, keyword="festival") == named(any_catalog, "zoe") == [same]


def told(catalog: SampleCatalog, *, mend: bool = False) -> dict[Problem, tuple[str, ...]]:
    found = Doctor(catalog.home, catalog.database, mend=mend).examine().findings
    wanted = (Problem.WORDS, Problem.DAMAGED)
    return {each.problem: each.examples for each in found if each.problem in wanted}


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM photo_keyword",
        "UPDATE keyword SET words = ' faro '",
        "UPDATE keyword SET name = CAST(x'62ff73' AS TEXT) WHERE name = 'Porto'",
        "DELETE FROM keyword",
    ],
)
def test_doctor_mends_the_index_of_keywords(catalog: SampleCatalog, damage: str) -> None:
    key = add(catalog, 1, keywords=("Lisbon", "Porto"))
    with catalog.database.write() as session:
        session.execute(text(damage))
    assert told(catalog) == told(catalog, mend=True) == {Problem.WORDS: ("the index of keywords",)}
    assert told(catalog) == {}
    assert passing(catalog, keyword="lisbon") == passing(catalog, keyword="porto") == [key]


def test_doctor_mends_words_that_people_wrote(catalog: SampleCatalog) -> None:
    key = add(catalog, 1, title="The mill")
    with catalog.database.write() as session:
        session.execute(text("UPDATE photo_text SET written = 'other'"))
    assert told(catalog, mend=True)[Problem.WORDS] == (str(catalog.folder / "1.jpg"),)
    assert named(catalog, "mill") == [key]


@pytest.mark.parametrize("column", ["title", "description", "keywords", "people"])
def test_text_that_is_none_any_more_is_damage_and_stops_nothing(
    catalog: SampleCatalog, column: str
) -> None:
    key = add(catalog, 1, **vars(replace(ODD, title="The mill")))
    with catalog.database.write() as session:
        session.execute(text(f"UPDATE photo SET {column} = CAST(x'62ff73' AS TEXT)"))
    assert set(told(catalog, mend=True)) >= {Problem.DAMAGED}
    with catalog.database.write() as session:
        assert sound_photos(session, [key]) == []
        forget_photos(session, [key], catalog.model)
        assert view_photos(session, [key]) == {}


def test_downgrade_keeps_the_words_of_names(any_catalog: SampleCatalog) -> None:
    key = add(any_catalog, 1, keywords=("Lisbon",))
    plain = add(any_catalog, 2)
    config = migration_config(any_catalog.home.database_url)
    command.downgrade(config, "0007")
    command.upgrade(config, "head")
    assert named(any_catalog, "1") == [key]
    assert named(any_catalog, "lisbon") == passing(any_catalog, keyword="lisbon") == []
    with any_catalog.database.read() as session:
        assert sound_photos(session, [plain]) == [plain]
