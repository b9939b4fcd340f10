"""Metrics: recall at k and median rank; BLEU, ROUGE-L and CIDEr-D of captions.

All are computed from plain scores or words, without a model. Percentages are 0 to 100, and so
are the scores of captions.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

Words = Sequence[str]
_Vector = dict[tuple[str, ...], float]


@dataclass(frozen=True)
class Recall:
    """Recall at 1, 5 and 10 in percent, and the median rank (1 is best)."""

    r1: float
    r5: float
    r10: float
    median_rank: float

    def to_json(self) -> dict[str, float]:
        """By the names of its fields."""
        return asdict(self)


def recall_of_ranks(ranks: np.ndarray) -> Recall:
    """Ranks [Q], 1 for the top -> recall; raises ValueError for no ranks."""
    if not len(ranks):
        raise ValueError("recall needs at least one query")
    r1, r5, r10 = (round(100 * float(np.mean(ranks <= k)), 2) for k in (1, 5, 10))
    return Recall(r1, r5, r10, float(np.median(ranks)))


def recall_at_k(scores: np.ndarray, owners: np.ndarray) -> Recall:
    """Scores [Q,N] and the right column of each row [Q] -> recall; ties count as worse.

    Raises ValueError for no rows.
    """
    right = scores[np.arange(len(scores)), owners][:, None]
    return recall_of_ranks((scores >= right).sum(axis=1))


@dataclass(frozen=True)
class CaptionScores:
    """Caption metrics over a corpus, all times 100."""

    bleu1: float
    bleu4: float
    rouge_l: float
    cider: float

    def to_json(self) -> dict[str, float]:
        """By the names of its fields."""
        return asdict(self)


def score_captions(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]]
) -> CaptionScores:
    """BLEU, ROUGE-L and CIDEr-D of one tokenised candidate a photo, against its references.

    Raises ValueError where a candidate has no reference, or there is no candidate.
    """
    if not candidates or len(candidates) != len(references) or not all(references):
        raise ValueError("every candidate needs at least one reference sentence")
    bleus = bleu(candidates, references)
    return CaptionScores(
        bleu1=round(100 * bleus[0], 2),
        bleu4=round(100 * bleus[3], 2),
        rouge_l=round(100 * rouge_l(candidates, references), 2),
        cider=round(100 * cider(candidates, references), 2),
    )


def bleu(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], order: int = 4
) -> list[float]:
    """Corpus BLEU-1 to BLEU-`order` (Papineni et al. 2002), closest reference length."""
    hits, totals, length, wanted = [0] * order, [0] * order, 0, 0
    for words, others in zip(candidates, references, strict=True):
        length += len(words)
        wanted += min((abs(len(other) - len(words)), len(other)) for other in others)[1]
        for n in range(1, order + 1):
            found = _ngrams(words, n)
            ceiling: Counter[tuple[str, ...]] = Counter()
            for other in others:
                ceiling |= _ngrams(other, n)
            hits[n - 1] += sum((found & ceiling).values())
            totals[n - 1] += max(len(words) - n + 1, 0)
    brevity = 1.0 if length > wanted else math.exp(1 - wanted / max(length, 1))
    return _geometric_means(hits, totals, brevity)


def _geometric_means(hits: list[int], totals: list[int], brevity: float) -> list[float]:
    scores, logarithm = [], 0.0
    for n, (hit, total) in enumerate(zip(hits, totals, strict=True), start=1):
        logarithm += math.log(max(hit, 1e-15) / max(total, 1e-9))
        scores.append(brevity * math.exp(logarithm / n))
    return scores


def rouge_l(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], beta: float = 1.2
) -> float:
    """Mean F-measure of the longest common subsequence (Lin 2004, eq. 2 to 4)."""
    total = 0.0
    for words, others in zip(candidates, references, strict=True):
        common = [_common_subsequence(words, other) for other in others]
        precision = max(length / max(len(words), 1) for length in common)
        recall = max(length / len(other) for length, other in zip(common, others, strict=True))
        if precision and recall:
            total += (1 + beta**2) * precision * recall / (recall + beta**2 * precision)
    return total / len(candidates)


def _common_subsequence(first: Words, second: Words) -> int:
    row = [0] * (len(second) + 1)
    for word in first:
        diagonal = 0
        for column, other in enumerate(second, start=1):
            above = row[column]
            row[column] = diagonal + 1 if word == other else max(above, row[column - 1])
            diagonal = above
    return row[-1]


def cider(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], sigma: float = 6.0
) -> float:
    """CIDEr-D (Vedantam et al. 2015, sec. 5); document frequencies from the references."""
    frequency: Counter[tuple[str, ...]] = Counter()
    for others in references:
        frequency.update({gram for other in others for gram in _all_ngrams(other)})
    documents = math.log(len(references))
    total = 0.0
    for words, others in zip(candidates, references, strict=True):
        mine = _tf_idf(words, frequency, documents)
        for other in others:
            theirs = _tf_idf(other, frequency, documents)
            penalty = math.exp(-((len(words) - len(other)) ** 2) / (2 * sigma**2))
            total += 10 * penalty * _clipped_cosine(mine, theirs) / len(others)
    return total / len(candidates)


def _tf_idf(words: Words, frequency: Counter[tuple[str, ...]], documents: float) -> list[_Vector]:
    vectors: list[_Vector] = [{}, {}, {}, {}]
    for gram, count in _all_ngrams(words).items():
        weight = documents - math.log(max(frequency[gram], 1))
        vectors[len(gram) - 1][gram] = count * weight
    return vectors


def _clipped_cosine(mine: list[_Vector], theirs: list[_Vector]) -> float:
    """Mean over n-gram orders; a candidate's weight counts up to the reference's."""
    total = 0.0
    for own, other in zip(mine, theirs, strict=True):
        norms = math.hypot(*own.values()) * math.hypot(*other.values())
        shared = sum(min(own[gram], other[gram]) * other[gram] for gram in own.keys() & other)
        total += shared / norms if norms else 0.0
    return total / len(mine)


def _ngrams(words: Words, n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))


def _all_ngrams(words: Words) -> Counter[tuple[str, ...]]:
    grams: Counter[tuple[str, ...]] = Counter()
    for n in range(1, 5):
        grams.update(_ngrams(words, n))
    return grams
