"""One search result as the page shows it: shape, caption, tinted words, what to leave out.

Knows nothing about Flask's request, nor how scores come about.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from captioner.vocabulary import tokenise
from catalog.views import PhotoView
from search.engine import SearchEngine
from search.request import MAX_EXCLUDED
from search.rerank import WordGain
from search.results import SearchResult, SimilarPhoto
from web.images import version_of
from web.pages.search_url import Asked

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


def tinted(word: WordGain) -> TintedWord:
    """`word` with its colour step; a gain is in nats, 0 = no likelier with this photo."""
    tint = next((name for least, name in _TINTS if word.gain >= least), "gain-less")
    return TintedWord(word.word, tint, _reason(word))


def _reason(word: WordGain) -> str:
    if abs(word.gain) < 0.05:
        return f"“{word.word}”: this photo says nothing about it"
    direction = "likelier" if word.gain > 0 else "less likely"
    return f"“{word.word}”: {abs(word.gain):.2f} nats {direction} with this photo"


# A similar photo as the pages show it: shape, link and thumbnail


@dataclass(frozen=True)
class Alike:
    """A photo like another one, with what the grid needs to lay it out."""

    photo: PhotoView
    caption: str
    similarity: float
    shape: str
    version: str


def make_alike(engine: SearchEngine, found: Iterable[SimilarPhoto]) -> list[Alike]:
    """Cards for similar photos, in their order; photos removed meanwhile are left out."""
    similar = list(found)
    photos = engine.photos([each.photo_id for each in similar])
    return [_alike(each, photos[each.photo_id]) for each in similar if each.photo_id in photos]


def _alike(similar: SimilarPhoto, photo: PhotoView) -> Alike:
    return Alike(
        photo,
        similar.caption,
        similar.similarity,
        shape_class(photo.width, photo.height),
        version_of(photo),
    )


# What of a photo's caption somebody may want to leave out of a search

# Words that show nothing by themselves, as captions use them.
_SHOWING_NOTHING = frozenset(
    tokenise(
        "a an the his her its their some and or of in on at by with from to into onto over under "
        "up down through behind near front next while as is are was were be being has have having "
        "there that this it he she they them him 's out off for who which each other another"
    )
)


@dataclass(frozen=True)
class LeaveOut:
    """A text to exclude, and `link`, the search that excludes it."""

    text: str
    link: str


def leave_outs(asked: Asked, caption: str) -> list[LeaveOut]:
    """The words of `caption` that show something, then all of it; none where no more may be."""
    already = asked.values("not")
    if len(already) >= MAX_EXCLUDED:
        return []
    wanted = {*tokenise(asked.value("q")), *_SHOWING_NOTHING, *already}
    words = [word for word in dict.fromkeys(tokenise(caption)) if word not in wanted]
    texts = [*words, caption] if caption and caption not in already else words
    return [LeaveOut(text, asked.with_also("not", text).query_string) for text in texts]
