"""Our arithmetic is pycocoevalcap's, and ranks are counted as they should be."""

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

from captioner.metrics import recall_at_k, recall_of_ranks, score_captions

_WORDS = [
    "a",
    "dog",
    "cat",
    "man",
    "woman",
    "runs",
    "sits",
    "on",
    "in",
    "the",
    "grass",
    "snow",
    "red",
    "blue",
    "ball",
    "with",
]


def _sentences(count: int, generator: np.random.Generator) -> list[list[str]]:
    return [generator.choice(_WORDS, generator.integers(4, 12)).tolist() for _ in range(count)]


def test_caption_scores_agree_with_pycocoevalcap() -> None:
    generator = np.random.default_rng(7)
    references = [_sentences(5, generator) for _ in range(40)]
    candidates = [
        others[0][:-1] + generator.choice(_WORDS, 2).tolist() if row % 2 else others[1]
        for row, others in enumerate(references)
    ]
    ours = score_captions(candidates, references)
    truth = {row: [" ".join(words) for words in others] for row, others in enumerate(references)}
    told = {row: [" ".join(words)] for row, words in enumerate(candidates)}
    bleus, _ = Bleu(4).compute_score(truth, told, verbose=0)
    assert ours.bleu1 == pytest.approx(100 * bleus[0], abs=0.1)
    assert ours.bleu4 == pytest.approx(100 * bleus[3], abs=0.1)
    assert ours.rouge_l == pytest.approx(100 * Rouge().compute_score(truth, told)[0], abs=0.1)
    assert ours.cider == pytest.approx(100 * Cider().compute_score(truth, told)[0], abs=0.1)


def test_captions_without_references_are_refused() -> None:
    with pytest.raises(ValueError, match="reference"):
        score_captions([["a"]], [[]])


def test_recall_counts_the_right_photo_and_ties_count_against() -> None:
    scores = np.array([[3.0, 1.0, 2.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    recall = recall_at_k(scores, np.array([0, 1, 0]))
    assert (recall.r1, recall.r5, recall.median_rank) == (33.33, 100.0, 2.0)


def test_recall_of_no_queries_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        recall_of_ranks(np.array([]))
