"""Explanation of a query on one photo: each word's gain in nats, and its attention map.

A word's map is the attention from which the captioner predicted it (Xu et al. 2015, section 4.2),
the mean of its heads, over the whole upright photo squeezed to a square.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import product
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Captioner, PhotoState
from captioner.embedder import SentenceEmbedder
from search.parsed_query import parse_query
from search.request import check_text
from search.rerank import Likelihoods, WordGain, score_photos

Map = tuple[tuple[float, ...], ...]

# An answer may hold a hundred thousand of these numbers.
_DECIMALS = 6
# A place is worth naming where it gets this many times its share of an even look.
_SALIENT = 1.5
_ROWS = ("top", "middle", "bottom")
_COLUMNS = ("left", "centre", "right")


@dataclass(frozen=True)
class WordMap(WordGain):
    """A word's gain in nats, and the attention over the photo's grid, rows from the top.

    Each row goes from left to right, and all numbers together sum to 1.
    """

    map: Map


@dataclass(frozen=True)
class CostliestWord:
    """The known word with the lowest gain, and what the query scores without it, in nats."""

    word: str
    gain: float
    without: str
    log_likelihood: float
    evidence: float


@dataclass(frozen=True)
class Explanation:
    """What a query's words say of one photo; as in a SearchResult where no word is known."""

    query: str
    unknown_words: tuple[str, ...]
    nearest_words: dict[str, str]
    log_likelihood: float
    evidence: float
    words: tuple[WordMap, ...]
    costliest: CostliestWord | None  # None: fewer than two known words, so nothing would be left

    def to_json(self) -> dict[str, object]:
        """The `explain --json` object, all but the photo's path."""
        return asdict(self)


def explain(
    captioner: Captioner, embedder: SentenceEmbedder, query: str, state: PhotoState
) -> Explanation:
    """Explain a query on one photo (a batch of one), found by it or not; weights are ignored.

    Raises InvalidQuery.
    """
    parsed = parse_query(check_text("q", query), captioner, embedder)
    if not parsed.words:
        return Explanation(query, parsed.unknown, parsed.nearest, 0.0, 0.0, (), None)
    scored = score_photos(captioner, parsed.words, state)
    return Explanation(
        query,
        parsed.unknown,
        parsed.nearest,
        float(scored.log_likelihood[0]),
        float(scored.evidence[0]),
        word_maps(scored, 0),
        _costliest(captioner, parsed.words, state, scored),
    )


def word_maps(scored: Likelihoods, row: int) -> tuple[WordMap, ...]:
    """Each word's gain and map on one of the photos."""
    attention = scored.with_photo.attention[row].numpy()  # [T+1,P]
    pairs = zip(scored.gains(row), attention[:-1], strict=True)
    return tuple(WordMap(gain.word, gain.gain, _grid(weights)) for gain, weights in pairs)


def _grid(attention: NDArray[np.float32]) -> Map:
    """Attention [P] as rows that sum to 1; even where a captioner has no attention."""
    weights = attention.astype(np.float64)
    total = weights.sum()
    weights = weights / total if total > 0 else np.full(len(weights), 1 / len(weights))
    side = isqrt(len(weights))
    return tuple(map(tuple, weights.reshape(side, side).round(_DECIMALS).tolist()))


def _costliest(
    captioner: Captioner, words: tuple[str, ...], state: PhotoState, scored: Likelihoods
) -> CostliestWord | None:
    if len(words) < 2:
        return None
    gains = scored.word_gains[0]
    place = int(gains.argmin())
    rest = words[:place] + words[place + 1 :]
    again = score_photos(captioner, rest, state)
    return CostliestWord(
        words[place],
        float(gains[place]),
        " ".join(rest).replace(" 's", "'s"),
        float(again.log_likelihood[0]),
        float(again.evidence[0]),
    )


def place_of(attention: Map) -> str:
    """Where a map looks, for people: "top left 38%", or "all over" where no ninth stands out.

    The share is that of the densest of nine parts, three by three.
    """
    grid = np.array(attention)
    parts = {
        _name(row, column): part
        for row, column in product(range(3), range(3))
        if (part := _part(grid, row, column)).size
    }
    name, part = max(parts.items(), key=lambda named: named[1].mean())
    salient = part.mean() >= _SALIENT / grid.size
    return f"{name} {100 * part.sum():.0f}%" if salient else "all over"


def _part(grid: NDArray[np.float64], row: int, column: int) -> NDArray[np.float64]:
    """One of nine parts of a square grid; those at the edges are the narrower ones."""
    third = len(grid) // 3
    cuts = (0, third, len(grid) - third, len(grid))
    return grid[cuts[row] : cuts[row + 1], cuts[column] : cuts[column + 1]]


def _name(row: int, column: int) -> str:
    if row == column == 1:
        return "centre"
    if column == 1:
        return _ROWS[row]
    return _COLUMNS[column] if row == 1 else f"{_ROWS[row]} {_COLUMNS[column]}"
