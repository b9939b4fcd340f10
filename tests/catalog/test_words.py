"""How paths and sentences are cut into words."""

import pytest

from catalog.fulltext import words_in, words_of_photo


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
    ],
)
def test_a_sentence_is_cut_into_folded_words(text: str, words: tuple[str, ...]) -> None:
    assert words_in(text) == words


def words(root: bytes, path: bytes, *captions: str) -> set[str]:
    return set(words_of_photo(root, path, captions).split())


def test_a_photo_is_found_by_its_path_its_folder_and_its_captions() -> None:
    found = words(b"/home/ada/Lisbon", b"day 1/IMG_2041.JPG", "a dog runs", "a dog")
    assert found == {"lisbon", "day", "1", "img", "2041", "jpg", "a", "dog", "runs"}


def test_what_is_written_together_counts_whole_and_in_parts() -> None:
    assert words(b"/", b"LisbonTrip2019.png") == {
        "lisbontrip2019", "lisbon", "trip", "2019", "png",
    }  # fmt: skip
    assert {"img", "2041", "img2041"} <= words(b"/", b"IMG2041")
    assert {"strasse", "strasse12"} <= words(b"/", "Straße12".encode())


def test_a_path_that_is_no_text_keeps_the_words_around() -> None:
    assert words(b"/photos", b"m\xfcnze dog.png") == {"photos", "m", "nze", "dog", "png"}
