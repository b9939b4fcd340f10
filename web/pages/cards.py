"""Cards of the photo grid: search results with tinted words and exclusions; similar photos."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from captioner.vocabulary import tokenise
from catalog.paths import show_path
from catalog.photos import ids_with_contents
from catalog.views import PhotoView
from search.engine import SearchEngine
from search.guess import Guess
from search.limits import MAX_EXCLUDED
from search.parsed_query import FUNCTION_WORDS
from search.rerank import WordGain
from search.results import SearchResult, SimilarPhoto
from web.images import browser_shows, version_of
from web.pages.search_url import SearchUrl

# Steps of the tint, in nats: how much more probable the photo makes the word.
_TINTS = ((3.0, "gain-4"), (1.5, "gain-3"), (0.7, "gain-2"), (0.2, "gain-1"), (-0.2, "gain-0"))
_SHAPES = range(7, 23)  # tenths of width / height that the style sheet has a class for


@dataclass(frozen=True)
class TintedWord:
    """A word of the query, the style class of its tint, and its gain as a sentence."""

    word: str
    tint: str
    reason: str


@dataclass(frozen=True)
class ExcludeLink:
    """A text to exclude, and `link`, the query string of the search that excludes it."""

    text: str
    link: str


@dataclass(frozen=True)
class Card:
    """A search result with what the grid shows of it; `rank` counts from 1 over all pages.

    `name`: the file's, as text; `shape` and `version`: see shape_class and web.images.version_of.
    `drawn`: whether browsers draw the original. `copies`: how many files have the same bytes.
    """

    result: SearchResult
    photo: PhotoView
    name: str
    guess: Guess
    rank: int
    shape: str
    version: str
    words: tuple[TintedWord, ...]
    exclude_links: tuple[ExcludeLink, ...]
    drawn: bool
    copies: int


@dataclass(frozen=True)
class SimilarCard:
    """A photo like another one, with what the grid shows of it; `similarity` is a cosine."""

    photo: PhotoView
    name: str
    guess: Guess
    similarity: float
    shape: str
    version: str
    drawn: bool
    copies: int


def make_cards(
    engine: SearchEngine, results: Iterable[SearchResult], first: int, asked: SearchUrl
) -> list[Card]:
    """Cards for `results`, ranked from `first` on; photos removed meanwhile are left out.

    Of photos with the same bytes the best one stands for all.
    """
    ranked = list(enumerate(results, start=first))
    photos = engine.photos([result.photo_id for _, result in ranked])
    guesses = engine.guesses(photos.values())
    copies = count_copies(engine, photos.values())
    best = first_of_copies((result.photo_id for _, result in ranked), photos)
    return [
        _card(result, photos[result.photo_id], guesses[result.photo_id], rank, asked, copies)
        for rank, result in ranked
        if result.photo_id in best
    ]


def first_of_copies(ids: Iterable[int], photos: Mapping[int, PhotoView]) -> set[int]:
    """Those of `ids` that are the first with their bytes; ids without a photo are left out."""
    found: dict[str, int] = {}
    for key in ids:
        if key in photos:
            found.setdefault(photos[key].content_hash, key)
    return set(found.values())


def count_copies(engine: SearchEngine, photos: Iterable[PhotoView]) -> Mapping[str, int]:
    """How many photos there are with the bytes of each of these, by content hash."""
    with engine.database.read() as session:
        found = ids_with_contents(session, [photo.content_hash for photo in photos])
    return {content_hash: len(ids) for content_hash, ids in found.items()}


def _card(
    result: SearchResult,
    photo: PhotoView,
    guess: Guess,
    rank: int,
    asked: SearchUrl,
    copies: Mapping[str, int],
) -> Card:
    return Card(
        result=result,
        photo=photo,
        name=file_name(photo),
        guess=guess,
        rank=rank,
        shape=shape_class(photo.width, photo.height),
        version=version_of(photo),
        words=tuple(tinted(word) for word in result.words),
        exclude_links=tuple(exclude_links(asked, result.caption)),
        drawn=browser_shows(photo),
        copies=copies.get(photo.content_hash, 1),
    )


def make_similar_cards(engine: SearchEngine, found: Iterable[SimilarPhoto]) -> list[SimilarCard]:
    """Cards for similar photos, in their order; photos removed meanwhile are left out."""
    similar = list(found)
    photos = engine.photos([each.photo_id for each in similar])
    guesses = engine.guesses(photos.values())
    copies = count_copies(engine, photos.values())
    best = first_of_copies((each.photo_id for each in similar), photos)
    return [
        _similar_card(each, photos[each.photo_id], guesses[each.photo_id], copies)
        for each in similar
        if each.photo_id in best
    ]


def _similar_card(
    similar: SimilarPhoto, photo: PhotoView, guess: Guess, copies: Mapping[str, int]
) -> SimilarCard:
    return SimilarCard(
        photo,
        file_name(photo),
        guess,
        similar.similarity,
        shape_class(photo.width, photo.height),
        version_of(photo),
        browser_shows(photo),
        copies.get(photo.content_hash, 1),
    )


def exclude_links(asked: SearchUrl, caption: str) -> list[ExcludeLink]:
    """Links that exclude a word of `caption`, or all of it; none once MAX_EXCLUDED texts are."""
    already = asked.values("not")
    if len(already) >= MAX_EXCLUDED:
        return []
    wanted = {*tokenise(asked.value("q")), *FUNCTION_WORDS, *already}
    words = [word for word in dict.fromkeys(tokenise(caption)) if word not in wanted]
    texts = [*words, caption] if caption and caption not in already else words
    return [ExcludeLink(text, asked.with_also("not", text).query_string) for text in texts]


def file_name(photo: PhotoView) -> str:
    """The name of a photo's file, as text."""
    return show_path(os.path.basename(photo.path))


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
