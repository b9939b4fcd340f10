"""Photos are found by their names in every script, whole, in part and however they are typed."""

from dataclasses import replace
from functools import partial
from unicodedata import normalize

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.orm import Session

from catalog.database import open_database
from catalog.fulltext import Lookup, name_words, photos_named_around
from catalog.home import Home
from catalog.words import names_within
from tests.catalog.factories import SampleCatalog, find, new_photo, new_photos

NAMES = [
    "東京タワー2019.jpg", "दाल.jpg", "दिल्ली.jpg", "กรุงเทพ.jpg", "مُحَمَّد.jpg", "שָׁלוֹם.jpg",
    "İstanbul.jpg", "Zu\N{COMBINING DIAERESIS}rich.jpg", "🎂 party.jpg", "Schaeferhund.jpg",
    "hund.jpg", "My Lisbon Trip 2019.jpg", "photo match.jpg", "黒猫.jpg", "서울타워.jpg",
]  # fmt: skip


@pytest.fixture
def named(any_catalog: SampleCatalog) -> dict[int, str]:
    """Names of photos by id, in each kind of database."""
    photos = [new_photo(name.encode(), seed) for seed, name in enumerate(NAMES)]
    return dict(zip(any_catalog.add(photos), NAMES, strict=True))


def around(session: Session, word: str, most: int = 100) -> list[int] | None:
    ids = photos_named_around(session, word, most)
    return None if ids is None else ids.tolist()


def names(named: dict[int, str], ids: list[int] | None) -> list[str]:
    assert ids is not None
    return [named[key] for key in ids]


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("दिल्ली", "दिल्ली.jpg"),
        ("दाल", "दाल.jpg"),
        ("กรุงเทพ", "กรุงเทพ.jpg"),
        ("محمد", "مُحَمَّد.jpg"),
        ("مُحَمَّد", "مُحَمَّد.jpg"),
        ("שלום", "שָׁלוֹם.jpg"),
        ("istanbul", "İstanbul.jpg"),
        ("ISTANBUL", "İstanbul.jpg"),
        ("ıstanbul", "İstanbul.jpg"),
        ("Zürich", "Zu\N{COMBINING DIAERESIS}rich.jpg"),
        ("zurich", "Zu\N{COMBINING DIAERESIS}rich.jpg"),
        ("🎂", "🎂 party.jpg"),
        ("🎂\N{VARIATION SELECTOR-16}", "🎂 party.jpg"),
        ("東京タワー", "東京タワー2019.jpg"),
        ("２０１９ 東京タワー", "東京タワー2019.jpg"),
        ("MyLisbonTrip2019", "My Lisbon Trip 2019.jpg"),
    ],
)
def test_word_of_a_name_finds_it_in_every_script(
    any_catalog: SampleCatalog, named: dict[int, str], word: str, name: str
) -> None:
    for form in ("NFC", "NFD"):
        with any_catalog.database.read() as session:
            found = find(session, Lookup.name, normalize(form, word), 100)
            assert names(named, found) == [name]
            assert find(session, Lookup.word, normalize(form, word), 100) == found


@pytest.mark.parametrize("name", NAMES)
def test_file_is_found_by_its_own_name_however_it_is_typed(
    any_catalog: SampleCatalog, named: dict[int, str], name: str
) -> None:
    stem = name.removesuffix(".jpg")
    typed = {
        name, stem, name.upper(), name.lower(), stem.replace(" ", "_"), stem.replace(" ", ""),
        stem.replace(" ", " - "), f"  {stem}.JPG", normalize("NFD", name), normalize("NFKD", stem),
        "".join(chr(ord(c) + 0xFEE0) if "!" < c < "~" else c for c in name),
    }  # fmt: skip
    with any_catalog.database.read() as session:
        for each in typed:
            assert names(named, find(session, Lookup.file, each, 100)) == [name], each
        assert names(named, find(session, Lookup.file, stem[1:], 100)) == []


def test_name_of_a_folder_is_no_file_name(any_catalog: SampleCatalog) -> None:
    [key] = any_catalog.add([new_photo(b"Lisbon Trip/1.jpg", 1)])
    with any_catalog.database.read() as session:
        assert find(session, Lookup.file, "lisbon trip", 9) == []
        assert find(session, Lookup.name, "lisbontrip", 9) == [key]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("東京", ["東京タワー2019.jpg"]),
        ("タワー", ["東京タワー2019.jpg"]),
        ("ﾀﾜｰ", ["東京タワー2019.jpg"]),
        ("猫", ["黒猫.jpg"]),
        ("서울", ["서울타워.jpg"]),
        (normalize("NFD", "서울"), ["서울타워.jpg"]),
        ("hund", ["Schaeferhund.jpg", "hund.jpg"]),
        ("SCHAEFER", ["Schaeferhund.jpg"]),
        ("lisbontrip", ["My Lisbon Trip 2019.jpg"]),
        ("เทพ", ["กรุงเทพ.jpg"]),
        ("🎂", ["🎂 party.jpg"]),
        ("tom", []),  # no word of "photo match"
        ("hu", []),
        ("猫犬", []),
        ("lisbon trip", []),
        ("", []),
        ("%", []),
    ],
)
def test_word_inside_a_longer_one_finds_it(
    any_catalog: SampleCatalog, named: dict[int, str], word: str, expected: list[str]
) -> None:
    with any_catalog.database.read() as session:
        assert names(named, around(session, word)) == expected


def test_captions_are_no_names(any_catalog: SampleCatalog) -> None:
    described = replace(new_photo(b"1.jpg", 1), captions=(("a birthday cake", -1.0),))
    [key] = any_catalog.add([described])
    with any_catalog.database.read() as session:
        assert find(session, Lookup.word, "birthday", 9) == [key]
        assert find(session, Lookup.name, "birthday", 9) == []
        assert around(session, "birth") == []


def test_what_too_many_are_named_by_is_told_from_what_nobody_is(
    any_catalog: SampleCatalog,
) -> None:
    any_catalog.add(new_photos([1, 2, 3]))
    with any_catalog.database.read() as session:
        for found in (partial(find, session, Lookup.name), partial(around, session)):
            assert found("jpg", 2) is None
            assert found("png", 2) == []


def test_names_of_any_length_are_found(any_catalog: SampleCatalog) -> None:
    long = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 85  # 18 letters each, once folded
    photos = [new_photo(long.encode(), 1), new_photo(b"a" * 255, 2)]
    ids = any_catalog.add(photos)
    with any_catalog.database.read() as session:
        assert find(session, Lookup.file, long, 9) == ids[:1]
        assert find(session, Lookup.file, "A" * 255, 9) == ids[1:]


def test_every_look_up_uses_the_index(any_home: Home) -> None:
    database = open_database(any_home)
    SampleCatalog(any_home, database).add(new_photos(range(20)))
    asked: list[tuple[str, object]] = []

    def note(_: Connection, __: object, statement: str, parameters: object, *___: object) -> None:
        asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    with database.read() as session:
        photos_named_around(session, "best", 9)
        for kind in (Lookup.name, Lookup.file, Lookup.word):
            find(session, kind, "best", 9)
    selects = [each for each in asked if each[0].startswith("SELECT")]
    assert len(selects) == 4
    with database.read() as session:
        if database.engine.dialect.name == "sqlite":
            prefix = "EXPLAIN QUERY PLAN"
        else:
            session.execute(text("SET LOCAL enable_seqscan = off"))
            prefix = "EXPLAIN"
        for statement, parameters in selects:
            rows = session.connection().exec_driver_sql(f"{prefix} {statement}", parameters)  # type: ignore[arg-type]
            plan = " ".join(str(row) for row in rows)
            assert "photo_text_fts" in plan
            assert "SCAN photo_text " not in plan
            assert "Seq Scan" not in plan
    database.close()


def test_words_of_all_names_are_told_apart_by_script(
    named: dict[int, str], any_catalog: SampleCatalog
) -> None:
    with any_catalog.database.read() as session:
        words = name_words(session)
    assert {"東京タワー", "東京", "タワー", "黒猫", "lisbon", "zurich", "jpg"} <= words
    assert not {"東", "2019", "東京タワー2019"} & words


def test_names_are_found_within_a_text_without_spaces() -> None:
    known = {"東京", "東京タワー", "夜", "の", "กรุงเทพ"}
    assert names_within("去年の東京タワーの夜", known) == ("東京タワー", "夜")
    assert names_within("東京と東京タワー", known) == ("東京", "東京タワー")
    assert names_within("ภาพกรุงเทพ", known) == ("กรุงเทพ",)
    assert names_within("京都の写真", known) == ()
