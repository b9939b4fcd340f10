"""An answer under load is judged by the answers without load."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.answer_check import DRIFT, Truth, difference, fault
from benchmarks.clients import Asked

# Photos 1 to 5 were there before; 9 was added, and pushed 5 out of the candidates.
BEFORE = {1: 9.0, 2: 8.0, 3: 7.0, 4: 6.0, 5: 5.5}
AFTER = {1: 9.0, 9: 8.5, 2: 8.0, 3: 7.0, 4: 6.0}
TRUTH = Truth(frozenset(BEFORE), BEFORE, AFTER)


def asked(scores: dict[int, float]) -> Asked:
    return Asked("a dog", 1.0, "a dog", tuple(scores), tuple(scores.values()))


@pytest.mark.parametrize(
    "scores",
    [
        {1: 9.0, 2: 8.0, 3: 7.0},
        {1: 9.0, 9: 8.5, 2: 8.0},
        BEFORE,
        AFTER,
        {1: 9.0, 2: 8.0, 3: 7.0000004},
    ],
    ids=["before", "one added", "all before", "all after", "last digit"],
)
def test_right_answer_is_found_right(scores: dict[int, float]) -> None:
    assert fault(asked(scores)) is None
    assert difference(asked(scores), TRUTH) is None


@pytest.mark.parametrize(
    ("scores", "complaint"),
    [
        ({1: 9.0, 3: 7.0, 4: 6.0}, "lacks photo 2"),
        ({9: 8.5, 2: 8.0, 3: 7.0}, "lacks photo 1"),
        ({1: 9.0, 2: 8.5, 3: 7.0}, "photo 2 has 8.500"),
    ],
    ids=["one missing", "first missing", "another score"],
)
def test_answer_unlike_the_one_without_load_is_told(
    scores: dict[int, float], complaint: str
) -> None:
    assert complaint in str(difference(asked(scores), TRUTH))


def test_photo_that_was_no_candidate_is_told() -> None:
    truth = replace(TRUTH, known=frozenset({*BEFORE, 7}))
    assert "photo 7" in str(difference(asked({1: 9.0, 7: 8.5, 2: 8.0}), truth))


def test_score_that_moved_may_lie_about_where_it_was_and_where_it_is() -> None:
    truth = replace(TRUTH, after={**AFTER, 2: 8.2})
    assert difference(asked({1: 9.0, 2: 8.1, 3: 7.0}), truth) is None
    assert difference(asked({1: 9.0, 2: 8.2 + DRIFT / 2, 3: 7.0}), truth) is None
    assert "photo 2 has 8.300" in str(difference(asked({1: 9.0, 2: 8.3, 3: 7.0}), truth))
    assert "photo 2 has 7.900" in str(difference(asked({1: 9.0, 2: 7.9, 3: 7.0}), truth))


def test_photo_whose_score_falls_may_be_below_the_last_one() -> None:
    truth = replace(TRUTH, after={**AFTER, 4: 4.0})
    assert difference(asked({1: 9.0, 2: 8.0, 3: 7.0, 5: 5.5}), truth) is None


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (asked({1: 8.0, 2: 9.0}), "order"),
        (replace(asked({1: 9.0}), echoed="a cat"), "'a cat'"),
        (replace(asked({}), ids=(), scores=()), "empty"),
        (replace(asked({}), ids=(1, 1), scores=(9.0, 9.0)), "twice"),
    ],
    ids=["order", "query", "empty", "twice"],
)
def test_answer_wrong_in_itself_is_told(answer: Asked, complaint: str) -> None:
    assert complaint in str(fault(answer))
