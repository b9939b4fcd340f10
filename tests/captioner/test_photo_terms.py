"""Terms that are kept are those of their photos, and of no more photos than may be."""

from __future__ import annotations

import numpy as np
import pytest

from captioner.captioner import Floats
from captioner.photo_terms import PhotoTerms

FEATURES = np.arange(12, dtype=np.float16).reshape(4, 3)  # of four photos
SEED, VISUAL = FEATURES[:, :2], FEATURES[:, 2:]


class Counted:
    """Terms that tell which photos they are of, and how many were computed."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, seed: Floats, visual: Floats) -> Floats:
        self.count += len(seed)
        return np.concatenate([visual, seed], axis=1)


@pytest.fixture
def computed() -> Counted:
    return Counted()


def of(terms: PhotoTerms, rows: list[int]) -> list[list[float]]:
    found: list[list[float]] = terms.of(SEED[rows], VISUAL[rows]).tolist()
    return found


def test_each_photo_has_its_own_term_and_is_computed_once(computed: Counted) -> None:
    terms = PhotoTerms(computed)
    every = [[2, 0, 1], [5, 3, 4], [8, 6, 7], [11, 9, 10]]
    assert of(terms, [1, 0]) == [every[1], every[0]]
    assert of(terms, [3, 1, 2, 0, 1]) == [every[row] for row in (3, 1, 2, 0, 1)]
    assert computed.count == 4


def test_photo_that_is_described_anew_has_another_term(computed: Counted) -> None:
    terms = PhotoTerms(computed)
    assert of(terms, [0]) == [[2, 0, 1]]
    assert terms.of(SEED[:1] + np.float16(1), VISUAL[:1]).tolist() == [[2, 1, 2]]
    assert terms.of(SEED[:1], VISUAL[:1] + np.float16(1)).tolist() == [[3, 0, 1]]


def test_those_used_last_are_kept(computed: Counted) -> None:
    terms = PhotoTerms(computed, capacity=2)
    for rows in ([0], [1], [0], [2], [0]):
        of(terms, rows)
    assert computed.count == 3
    of(terms, [1])
    assert computed.count == 4
    assert of(terms, [0, 1, 2, 3]) == of(terms, [0, 1, 2, 3])
