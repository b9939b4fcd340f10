"""Explanation of a query on one photo: each word's gain in nats, and where it is seen.

A word's map says what hiding each place of the photo costs the word (captioner.occlusion), over the
whole upright photo squeezed to a square. benchmarks/pointing.py measures it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import product
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Captioner, PhotoState
from captioner.embedder import SentenceEmbedder
from captioner.scores import Occlusion
from search.parsed_query import FUNCTION_WORDS, parse_query
from search.request import check_text
from search.rerank import Likelihoods, WordGain, score_photos

# Rows from the top; none where no place speaks for the word.
Map = tuple[tuple[float, ...], ...]

# An answer may hold a hundred thousand of these numbers.
_DECIMALS = 6
# The salience from which a map is shown; fitted by benchmarks/pointing.py.
LEAST_SALIENCE = 0.18
# A place is worth naming where it gets this many times its share of an even look.
_SALIENT = 1.5
_ROWS = ("top", "middle", "bottom")
_COLUMNS = ("left", "centre", "right")


@dataclass(frozen=True)
class WordMap(WordGain):
    """A word's gain in nats, and where it is seen on the photo's grid, rows from the top.

    Each row goes from left to right, and all numbers together sum to 1; no rows where the photo
    does not speak for the word, or speaks as a whole, and for function words.
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
    hidden = captioner.occlude(parsed.words, state)
    return Explanation(
        query,
        parsed.unknown,
        parsed.nearest,
        float(scored.log_likelihood[0]),
        float(scored.evidence[0]),
        word_maps(scored.gains(0), hidden, 0),
        _costliest(captioner, parsed.words, state, scored),
    )


def word_maps(gains: tuple[WordGain, ...], hidden: Occlusion, row: int) -> tuple[WordMap, ...]:
    """Each word's gain and map on one of the photos."""
    maps = maps_of(hidden.drops[row], hidden.gain[row])
    return tuple(
        WordMap(each.word, each.gain, () if each.word in FUNCTION_WORDS else seen)
        for each, seen in zip(gains, maps, strict=True)
    )


def maps_of(drops: NDArray[np.float32], gain: NDArray[np.float32]) -> list[Map]:
    """Drops [T,P] and gains [T] of words, in nats -> their maps."""
    shown = salience(drops, gain) >= LEAST_SALIENCE
    return [_grid(drop) if each else () for drop, each in zip(drops, shown, strict=True)]


def salience(drops: NDArray[np.float32], gain: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much speaks for one place of a photo to show a word: [T], of drops [T,P] and gains [T].

    The largest drop, in nats, times the root of how many times likelier the photo makes the word:
    what no photo shows has its best place, too. Entropy and peak to mean tell less.
    """
    found: NDArray[np.float32] = drops.max(axis=-1) * np.exp(gain / 2)
    return found


def _grid(drop: NDArray[np.float32]) -> Map:
    """What a word loses at each place [P], above 0 there, as rows that sum to 1."""
    weights = drop.astype(np.float64).clip(min=0)
    side = isqrt(len(weights))
    rows = (weights / weights.sum()).reshape(side, side).round(_DECIMALS)
    return tuple(map(tuple, rows.tolist()))


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


def place_of(word: WordMap) -> str:
    """Where a word is seen, for people: "top left 38%", or "all over" where no ninth stands out.

    The share is that of the densest of nine parts, three by three. Without a map it is "as a whole"
    where the photo speaks for the word, "nowhere" where it does not.
    """
    if not word.map:
        return "as a whole" if word.gain > 0 else "nowhere"
    grid = np.array(word.map)
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
