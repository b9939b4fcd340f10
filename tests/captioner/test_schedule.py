"""Learning rates warm up and fall."""

import pytest

from captioner.training.schedule import half_cosine, warm_up


def test_a_rate_warms_up_in_equal_steps_and_stays() -> None:
    assert [warm_up(step, 4) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_a_rate_falls_from_all_to_nothing_and_no_lower() -> None:
    shares = [half_cosine(step, 4) for step in range(7)]
    assert shares[:5] == pytest.approx([1.0, 0.85355, 0.5, 0.14645, 0.0], abs=1e-4)
    assert shares[5:] == [0.0, 0.0]


def test_a_stage_of_no_steps_has_no_rate_to_divide_by() -> None:
    assert half_cosine(0, 0) == 1.0
