"""One search result as the page shows it: shape, caption, tinted words, what to leave out.

Knows nothing about Flask's request, nor how scores come about.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from catalog.views import PhotoView
from search.engine import SearchEngine
from search.query import SearchResult, WordGain
from web.asked import Asked
from web.leaveout import LeaveOut, leave_outs

# Steps of the tint, in nats: how much more probable the photo makes the word.
_TINTS = ((3.0, "gain-4"), (1.5, "gain-3"), (0.7, "gain-2"), (0.2, "gain-1"), (-0.2, "gain-0"))
_SHAPES = range(7, 23)  # tenths of width / height that the style sheet has a class for


@dataclass(frozen=True)
class TintedWord:
    """A word of the query with the class that colours it and a sentence that says why."""

    word: str
    tint: str
    reason: str


@dataclass(frozen=True)
class Card:
    """A result together with what the grid needs to lay it out."""

    result: SearchResult
    photo: PhotoView
    rank: int
    shape: str
    version: str
    words: tuple[TintedWord, ...]
    leave_outs: tuple[LeaveOut, ...]


def make_cards(
    engine: SearchEngine, results: Iterable[SearchResult], first: int, asked: Asked
) -> list[Card]:
    """Cards for `results`, ranked from `first` on; photos removed meanwhile are left out."""
    ranked = list(enumerate(results, start=first))
    photos = engine.photos([result.photo_id for _, result in ranked])
    return [
        _card(result, photos[result.photo_id], rank, asked)
        for rank, result in ranked
        if result.photo_id in photos
    ]


def _card(result: SearchResult, photo: PhotoView, rank: int, asked: Asked) -> Card:
    return Card(
        result=result,
        photo=photo,
        rank=rank,
        shape=shape_class(photo.width, photo.height),
        version=version_of(photo),
        words=tuple(tinted(word) for word in result.words),
        leave_outs=tuple(leave_outs(asked, result.caption)),
    )


def shape_class(width: int, height: int) -> str:
    """The style class of a photo's width / height, in tenths, within what fits a row."""
    tenths = round(10 * width / max(height, 1))
    return f"shape-{min(max(tenths, _SHAPES[0]), _SHAPES[-1])}"


def version_of(photo: PhotoView) -> str:
    """A short name of the photo's content, for URLs that browsers may keep for ever."""
    return photo.content_hash[:12]


def tinted(word: WordGain) -> TintedWord:
    """`word` with its colour step; a gain is in nats, 0 = no likelier with this photo."""
    tint = next((name for least, name in _TINTS if word.gain >= least), "gain-less")
    return TintedWord(word.word, tint, _reason(word))


def _reason(word: WordGain) -> str:
    if abs(word.gain) < 0.05:
        return f"“{word.word}”: this photo says nothing about it"
    direction = "likelier" if word.gain > 0 else "less likely"
    return f"“{word.word}”: {abs(word.gain):.2f} nats {direction} with this photo"
