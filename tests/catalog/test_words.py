"""How paths and sentences are cut into words, and what is folded in them."""

from unicodedata import normalize

import pytest

from catalog.words import FILE, grams_of, joined_words, may_cross, words_in, words_of_photo


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("IMG_2041.JPG", ("img", "2041", "jpg")),
        ("a dog, a Dog!", ("a", "dog")),
        ("Zürich", ("zurich",)),
        ("Zu\N{COMBINING DIAERESIS}rich", ("zurich",)),
        ("Straße", ("strasse",)),
        ("東京 2020", ("東京", "2020")),
        (" ?! \0_", ()),
        ("½", ("1", "2")),
    ],
)
def test_a_sentence_is_cut_into_folded_words(text: str, words: tuple[str, ...]) -> None:
    assert words_in(text) == words


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("İstanbul", "istanbul"),
        ("DİYARBAKIR", "diyarbakır"),
        ("ISPARTA", "ısparta"),
        ("Straße", "STRASSE"),
        ("Đà Nẵng", "Da Nang"),
        ("Tromsø", "TROMSO"),
        ("Łódź", "lodz"),
        ("Þingvellir Æ", "thingvellir ae"),
        ("Αθήνα", "ΑΘΗΝΑ"),
        ("Σίσυφος", "ΣΙΣΥΦΟΣ"),
        ("Ёлка", "елка"),
        ("ｄｏｇ　２０１９", "dog 2019"),
        ("ｶﾞｽ", "ガス"),
        ("ﬁsh ① Ⅳ", "fish 1 iv"),
        ("٢٠١٩", "2019"),
        ("२०१९", "2019"),
        ("مُحَمَّد", "محمد"),
        ("أحـــمد", "احمد"),
        ("می\N{ZERO WIDTH NON-JOINER}خواهم", "ميخواهم"),
        ("کتاب", "كتاب"),
        ("שָׁלוֹם", "שלום"),
        ("❤️", "\N{HEAVY BLACK HEART}"),
        ("👩🏽\N{ZERO WIDTH JOINER}🚀", "👩\N{ZERO WIDTH JOINER}🚀"),
        ("1️⃣", "1"),
        ("co\N{SOFT HYPHEN}op", "coop"),
    ],
)
def test_what_is_written_in_more_than_one_way_is_one_word(written: str, typed: str) -> None:
    expected = words_in(typed)
    assert expected
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert words_in(normalize(form, written)) == words_in(normalize(form, typed)) == expected


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("दिल्ली", "दाल"),
        ("दिल", "दल"),
        ("हिंदी", "हद"),
        ("কলা", "কালা"),
        ("தமிழ்", "தமழ"),
        ("กา", "ก"),
        ("ป่า", "ป้า"),
        ("ハン", "バン"),
        ("か", "が"),
        ("ས\N{TIBETAN VOWEL SIGN U}", "ས"),
        ("ދި", "ދ"),
    ],
)
def test_marks_that_are_a_part_of_their_letter_stay(word: str, other: str) -> None:
    for form in ("NFC", "NFD"):
        [own] = words_in(normalize(form, word))
        assert own != "".join(words_in(normalize(form, other)))
        assert words_in(own) == (own,)


@pytest.mark.parametrize("name", ["서울", "각", "Zürich", "が", "दिल्ली", "Việt Nam", "น้ำ"])
def test_names_of_macos_have_the_same_words(name: str) -> None:
    assert words_in(normalize("NFD", name)) == words_in(name)
    assert joined_words(normalize("NFD", name)) == joined_words(name)


def test_emoji_and_symbols_are_words() -> None:
    assert words_in("🎂 party") == ("🎂", "party")
    assert words_in("♥♥ ★") == ("♥♥", "★")
    assert words_in("🇫🇷🇩🇪") == ("🇫🇷🇩🇪",)
    assert words_in("\U0001fae8") == ("\U0001fae8",)  # newer than Python 3.11
    assert words_in("a + b = c ^ ~ ` | < $") == ("a", "b", "c")


def test_words_are_cut_at_two_hundred_characters() -> None:
    assert words_in("a" * 300) == words_in("a" * 201) == ("a" * 200,)
    assert len(joined_words("ab " * 100)) == 200


def names(root: bytes, path: bytes, *captions: str) -> set[str]:
    return set(words_of_photo(root, path, captions).names.split())


def test_names_and_captions_are_kept_apart() -> None:
    found = words_of_photo(
        b"/home/ada/Lisbon", b"day 1/IMG_2041.JPG", ["a dog runs", "a dog", "Zürich"]
    )
    assert found.names == "lisbon day 1 img 2041 jpg"
    assert found.captions == "a dog runs zurich"


def test_what_is_written_together_counts_whole_and_in_parts() -> None:
    assert names(b"/", b"LisbonTrip2019.png") == {
        "lisbontrip2019", "lisbon", "trip", "2019", "png",
    }  # fmt: skip
    assert {"img", "2041", "img2041"} <= names(b"/", b"IMG2041")
    assert {"strasse", "strasse12"} <= names(b"/", "Straße12".encode())
    assert names(b"/", "東京Tower2019🎂party".encode()) == {
        "東京tower2019🎂party", "東京", "tower", "2019", "🎂", "party",
    }  # fmt: skip


def test_a_path_that_is_no_text_keeps_the_words_around() -> None:
    assert names(b"/photos", b"m\xfcnze dog.png") == {"photos", "m", "nze", "dog", "png"}


def test_file_and_folders_are_joined_as_one_word_each() -> None:
    joined = words_of_photo(b"/x/My Photos", b"2019-07 Lisbon/IMG_2041 (2).JPG", []).joined
    assert joined.split() == [
        "img20412", "img20412jpg", f"{FILE}img20412", f"{FILE}img20412jpg", "myphotos",
        "201907lisbon",
    ]  # fmt: skip
    assert words_in(FILE + "dog") == ("dog",)


def test_what_stands_inside_a_word_has_a_part_of_its_grams() -> None:
    around, tower = set(grams_of("schaeferhund")), set(grams_of("東京タワー2019"))
    assert around > set(grams_of("hund")) == {"hun", "und"}
    assert tower > set(grams_of("タワー")) == {"タ", "ワ", "ー"}
    assert tower > set(grams_of("京")) == {"京"}
    assert tower > set(grams_of("2019")) == {"201", "019"}
    assert grams_of("ab") == grams_of("20") == ()
    assert set(grams_of("🎂🎉")) > set(grams_of("🎉"))


def test_only_long_words_and_those_without_spaces_cross_words_of_a_name() -> None:
    assert [may_cross(word) for word in ("tom", "lisbontrip", "東京", "🎂")] == [
        False, True, True, False,
    ]  # fmt: skip
