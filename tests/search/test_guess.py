"""Captions as guesses: probable ones are shown, others give way to tags or to nothing."""

import math
from datetime import UTC, datetime
from pathlib import Path

import pytest

from captioner.captioner import CaptionFit
from captioner.dataset import CaptionedPhoto
from captioner.tags import Tag
from catalog.views import PhotoView
from search.calibration import caption_probability
from search.engine import SearchEngine
from search.evaluation.caption_fit import fit_captions, is_right
from search.guess import LEAST_PROBABILITY, Guess, is_probable, make_guess

FIT = CaptionFit(log_likelihood=2.0, words=-0.1, offset=3.0)
TAGS = (Tag("espresso", "espresso", 0.6), Tag("cup", "cup", 0.2))
LIKELY, DOUBTED = [("a cup of coffee", -2.5)], [("a dog in the snow", -30.0)]


def test_probability_is_of_the_log_likelihood_a_word_and_of_the_length() -> None:
    logit = 3 + 2 * -2.5 / 5 - 0.1 * 5
    assert caption_probability(FIT, LIKELY) == pytest.approx(1 / (1 + math.exp(-logit)))


def test_a_photo_without_a_caption_has_no_probable_one() -> None:
    assert caption_probability(FIT, []) == caption_probability(FIT, [("", 0.0)]) == 0


def test_an_absurd_likelihood_overflows_nothing() -> None:
    assert 0 <= caption_probability(FIT, [("a", -1e9)]) < caption_probability(FIT, [("a", 1e9)])


def test_a_probable_caption_is_the_guess_and_a_doubted_one_gives_way_to_tags() -> None:
    assert make_guess(FIT, LIKELY, TAGS) == Guess(caption="a cup of coffee")
    assert make_guess(FIT, DOUBTED, TAGS) == Guess(tags=("espresso", "cup"))
    assert make_guess(FIT, DOUBTED, ()) == Guess()
    assert [str(make_guess(FIT, each, TAGS)) for each in (LIKELY, DOUBTED)] == [
        "a cup of coffee",
        "espresso, cup",
    ]


def test_every_photo_has_a_guess_or_none_as_its_caption_is_probable(engine: SearchEngine) -> None:
    views = engine.photos(engine.sample(100))
    guesses = engine.guesses(views.values())
    fit = engine.captioner.provenance.ranking.caption_fit
    assert guesses.keys() == views.keys()
    for key, view in views.items():
        shown = caption_probability(fit, view.captions) >= LEAST_PROBABILITY
        assert (guesses[key].caption != "") == shown == is_probable(fit, view.captions)


WRITTEN = ["A woman rides a horse on the beach.", "Somebody on a horse by the sea"]


@pytest.mark.parametrize(
    ("caption", "right"),
    [
        ("a man is riding a horse", True),  # people are one thing
        ("horses on a beach", True),
        ("a horse and a dog on a beach", False),
        ("it is red", False),  # names no thing
    ],
)
def test_a_caption_is_right_where_people_name_all_that_it_names(caption: str, right: bool) -> None:
    assert is_right(caption, WRITTEN) == right


def _described(count: int, likely_are_right: bool) -> list[tuple[CaptionedPhoto, PhotoView]]:
    pairs = []
    for number in range(count):
        likely = number % 2 == 0
        # Two in ten are not as the others.
        right = (likely == likely_are_right) != (number % 10 in (4, 5))
        text = "a dog runs" if right else "a boat sails"
        caption = (text, -2.0 - number % 3 if likely else -12.0 - number % 3)
        pairs.append((CaptionedPhoto(Path("x.jpg"), ("a brown dog",)), _view((caption,))))
    return pairs


def _view(captions: tuple[tuple[str, float], ...]) -> PhotoView:
    return PhotoView(
        1, b"/", b"x.jpg", "", 1, 1, 1, 1, "JPEG", None, None, None, None,
        datetime(2026, 1, 1, tzinfo=UTC), captions,
    )  # fmt: skip


def test_likelier_captions_are_fitted_as_more_probable() -> None:
    fit = fit_captions(_described(200, likely_are_right=True))
    assert fit.log_likelihood > 0
    high, low = (caption_probability(fit, [("a dog runs", each)]) for each in (-2.0, -13.0))
    assert high == pytest.approx(0.8, abs=0.1)
    assert low == pytest.approx(0.2, abs=0.1)


def test_from_too_few_captions_nothing_is_fitted() -> None:
    assert fit_captions(_described(10, likely_are_right=True)) == CaptionFit()
    assert fit_captions([]) == CaptionFit()
