"""Similarities that are learned from other captioners."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from captioner.training.batches import Drawn
from captioner.training.distillation import Lessons, Teachers
from captioner.training.view_cache import Views

_ALL = Drawn(np.arange(5), np.arange(4), np.arange(3))


def _vectors(*shape: int) -> Tensor:
    return F.normalize(torch.randn(*shape, 8), dim=-1)


def _teachers(count: int) -> Teachers:
    torch.manual_seed(0)
    return Teachers(_vectors(count, 5), _vectors(count, 4), _vectors(count, 3))


def test_who_finds_things_as_alike_as_the_teacher_has_nothing_to_learn() -> None:
    teacher = _teachers(1)
    texts = torch.cat([teacher.captions[0], teacher.short[0]])
    # Similarities count, not the vectors: those of the learner may lie in another space.
    turn = torch.linalg.qr(torch.randn(8, 8))[0]
    loss = teacher.loss(teacher.photos[0] @ turn, texts @ turn, _ALL)
    assert loss.item() == pytest.approx(0, abs=1e-4)
    assert teacher.loss(_vectors(5), _vectors(7), _ALL) > 1


def test_the_mean_of_all_teachers_is_learned() -> None:
    teachers, visual = _teachers(3), _vectors(5)
    visual.requires_grad_()
    texts = _vectors(7)
    optimizer = torch.optim.Adam([visual], lr=0.05)
    before = teachers.loss(visual, texts, _ALL).item()
    for _ in range(50):
        optimizer.zero_grad()
        teachers.loss(visual, texts, _ALL).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert teachers.loss(visual, texts, _ALL).item() < before / 2


def test_rows_of_a_step_are_those_that_were_drawn() -> None:
    teacher = _teachers(1)
    drawn = Drawn(np.array([4, 0]), np.array([2, 3, 2]), np.array([1]))
    visual = teacher.photos[0][[4, 0]]
    texts = torch.cat([teacher.captions[0][[2, 3, 2]], teacher.short[0][[1]]])
    assert teacher.loss(visual, texts, drawn).item() == pytest.approx(0, abs=1e-4)


def test_a_step_without_short_queries_has_a_loss() -> None:
    drawn = Drawn(np.arange(5), np.arange(4), np.zeros(0, np.int64))
    assert torch.isfinite(_teachers(2).loss(_vectors(5), _vectors(4), drawn))


def test_photos_without_captions_are_drawn_with_numbers_after_the_others() -> None:
    stems = np.arange(2 * 2 * 4, dtype=np.float16).reshape(2, 2, 1, 2, 2)
    lessons = Lessons(_teachers(1), Views([stems]), np.array([[1.0], [2.0]], np.float16))
    assert lessons.captioned == 3
    drawn = lessons.draw(6, np.random.default_rng(0), torch.device("cpu"))
    assert drawn is not None
    rows, stem, whole = drawn
    assert set(rows) == {0, 1}
    assert stem.shape == (6, 1, 2, 2)
    assert whole is not None
    assert whole[:, 0].tolist() == [row + 1 for row in rows]
    assert Lessons(_teachers(1)).draw(6, np.random.default_rng(0), torch.device("cpu")) is None
