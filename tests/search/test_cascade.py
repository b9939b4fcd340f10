"""Candidates are scored only as far as they are looked at, and come in the order of all scores."""

import numpy as np
import pytest
from numpy.typing import NDArray

from captioner.captioner import Captioner
from captioner.machine import ONNX, runtime_for
from search.cascade import FEWEST, Cascade
from search.engine import SearchEngine
from search.lexical import NO_HITS
from search.request import SearchRequest
from search.rerank import Ranked
from search.retrieval import Candidates

COUNT = 200
QUERY = "a cat on a sofa"
Scores = NDArray[np.float32]


class MadeUp:
    """Photos 0, 1 and so on with scores, and estimates that are off by up to an error.

    `spread`: how much of the scores is not known before they are estimated.
    """

    def __init__(self, error: float, spread: float = 0.3, count: int = COUNT) -> None:
        random = np.random.default_rng(0)
        self.known, told = random.standard_normal((2, count)).astype(np.float32)
        self.scores = self.known + np.float32(spread) * told
        errors = random.uniform(-1, 1, count).astype(np.float32)
        self.estimates = self.scores + np.float32(error) * errors
        self.estimated: list[int] = []
        self.read: list[int] = []

    def estimate(self, rows: NDArray[np.int64]) -> Scores:
        """Estimate some of them."""
        self.estimated += rows.tolist()
        return self.estimates[rows]

    def rank(self, rows: NDArray[np.int64]) -> Ranked:
        """Score some of them, in the order given."""
        self.read += rows.tolist()
        zeros = np.zeros(len(rows), np.float32)
        return Ranked(Candidates(rows, zeros, zeros), self.scores[rows], zeros, None)

    def cascade(self) -> Cascade:
        """A search that begins anew."""
        self.read.clear()
        self.estimated.clear()
        return Cascade(self.known, self.estimate, self.rank, NO_HITS)

    @property
    def best_first(self) -> list[int]:
        """All photos, by their scores."""
        return np.argsort(-self.scores, kind="stable").tolist()


def test_order_is_that_of_all_scores_and_scores_are_their_own() -> None:
    photos = MadeUp(error=0.1)
    whole = photos.cascade().whole
    assert whole.found.ids.tolist() == photos.best_first
    assert whole.score.tolist() == photos.scores[photos.best_first].tolist()


def test_a_page_is_right_though_few_are_scored() -> None:
    photos = MadeUp(error=0.1)
    page = photos.cascade().page(0, 20)
    assert page.found.ids.tolist() == photos.best_first[:20]
    assert len(photos.read) < COUNT / 2
    assert len(set(photos.read)) == len(photos.read)


def test_a_page_is_right_though_estimates_misplace_its_photos() -> None:
    photos = MadeUp(error=0.3)
    nearly = np.argsort(-photos.estimates, kind="stable")[:24].tolist()
    assert not set(photos.best_first[:20]) <= set(nearly)
    assert photos.cascade().page(0, 20).found.ids.tolist() == photos.best_first[:20]
    assert len(photos.read) < COUNT / 2


def test_a_page_is_right_though_few_are_estimated() -> None:
    photos = MadeUp(error=0.1)
    assert photos.cascade().page(0, 20).found.ids.tolist() == photos.best_first[:20]
    assert len(photos.read) < len(photos.estimated) < COUNT / 2
    assert len(set(photos.estimated)) == len(photos.estimated)


def test_what_may_belong_to_the_page_is_estimated_though_it_seemed_far_behind() -> None:
    photos = MadeUp(error=0.1, spread=1.5)
    first = np.argsort(-photos.known, kind="stable")[:72].tolist()
    assert not set(photos.best_first[:20]) <= set(first)
    assert photos.cascade().page(0, 20).found.ids.tolist() == photos.best_first[:20]
    assert len(photos.estimated) > 72


@pytest.mark.parametrize(("error", "spread"), [(0.0, 0.0), (0.1, 0.5), (5.0, 0.5), (0.1, 9.0)])
@pytest.mark.parametrize("size", [1, 7, 20, 199])
def test_pages_are_parts_of_one_order_however_far_estimates_are_off(
    error: float, spread: float, size: int
) -> None:
    photos = MadeUp(error, spread)
    whole = photos.cascade().whole.found.ids.tolist()
    assert sorted(whole) == list(range(COUNT))
    anew = [
        photos.cascade().page(start, start + size).found.ids.tolist()
        for start in range(0, COUNT, size)
    ]
    assert [key for page in anew for key in page] == whole
    one = photos.cascade()
    again = [one.page(start, start + size).found.ids.tolist() for start in range(0, COUNT, size)]
    assert again == anew


def test_nothing_is_scored_for_places_behind_the_last() -> None:
    photos = MadeUp(error=0.1)
    assert not len(photos.cascade().page(COUNT, COUNT + 20))
    assert not len(photos.cascade().page(20, 20))
    assert photos.read == []
    assert len(photos.cascade().page(COUNT - 2, COUNT + 20)) == 2


def test_parts_hold_every_photo_once_and_begin_with_those_scored() -> None:
    photos = MadeUp(error=0.1)
    cascade = photos.cascade()
    cascade.page(0, 20)
    before = len(photos.read)
    first = next(cascade.parts())
    assert len(first) >= 20
    assert len(photos.read) == before
    ids = [key for part in cascade.parts() for key in part.found.ids.tolist()]
    assert sorted(ids) == list(range(COUNT))


def test_candidates_that_were_scored_already_are_as_they_were() -> None:
    photos = MadeUp(error=0.0)
    ranked = photos.rank(np.array(photos.best_first))
    made = Cascade.of(ranked)
    assert len(made) == COUNT
    assert made.page(3, 9).found.ids.tolist() == photos.best_first[3:9]
    assert not len(Cascade.of(Ranked.empty()).whole)


def test_photos_that_look_all_alike_are_put_in_order_by_their_scores() -> None:
    photos = MadeUp(error=0.1)
    photos.known[:] = 0
    whole = photos.cascade().whole.found.ids.tolist()
    assert whole == photos.best_first


def test_a_search_shows_what_scoring_every_candidate_would(
    many: SearchEngine, captioner: Captioner
) -> None:
    question = many.read(SearchRequest(QUERY))
    every = many.rank(question)
    assert len(every) == 200 >= FEWEST
    page = many.order(question).page(0, 20)
    scores = dict(zip(every.found.ids.tolist(), every.score.tolist(), strict=True))
    shown = [scores[key] for key in page.found.ids.tolist()]
    assert page.score.tolist() == pytest.approx(shown, abs=1e-3)
    assert shown == pytest.approx(every.score[:20].tolist(), abs=1e-3)  # copies may change places
    assert page.likelihoods is not None
    assert every.likelihoods is not None


def test_estimates_are_near_the_likelihoods(many: SearchEngine, captioner: Captioner) -> None:
    state = many.states(many.sample(100))
    assert state is not None
    words = QUERY.split()
    if runtime_for("cpu") != ONNX:
        assert not captioner.can_estimate
        return
    estimate = captioner.estimate(words, state)
    exact = captioner.score_words(words, state).log_likelihood
    assert (estimate - exact).std() < exact.std() / 4
    alone = captioner.estimate(words, state[:1])
    assert alone == pytest.approx(exact[:1], abs=2)
