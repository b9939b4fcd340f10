"""What the welcome page shows of one's own photos: the latest ones, and queries made of them.

The queries are captions that the model believes, of photos from all over the collection; where
there are too few, what people wrote and the model's tags take their place. The same collection has
always the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from captioner.vocabulary import tokenise
from catalog.label_counts import frequent_keywords, frequent_tags
from catalog.timeline import newest_photos
from catalog.views import PhotoView
from search.calibration import caption_probability
from search.engine import SearchEngine
from search.guess import LEAST_PROBABILITY
from search.parsed_query import FUNCTION_WORDS
from web.browsing import large_url, thumbnail_url
from web.pages.cards import file_name

_EXAMPLES = 4
_LATEST = 12
_SAMPLED = 60  # photos whose captions are looked at


@dataclass(frozen=True)
class Example:
    """A query, and the thumbnail of the photo that it was made of, if that is there."""

    query: str
    thumbnail: str | None


@dataclass(frozen=True)
class LatestPhoto:
    """A photo of the welcome page; see web.pages.browse.Tile."""

    photo: PhotoView
    name: str
    thumbnail: str
    large: str


def latest_photos(engine: SearchEngine) -> list[LatestPhoto]:
    """The photos that were taken last."""
    with engine.database.read() as session:
        ids = newest_photos(session, _LATEST)
    views = engine.photos(ids)
    return [
        LatestPhoto(view, file_name(view), thumbnail_url(view), large_url(view))
        for view in (views[key] for key in ids if key in views)
    ]


def examples_of(engine: SearchEngine) -> list[Example]:
    """Queries that this collection should answer well; none where nothing is known of its photos.

    No two have a content word in common.
    """
    chosen: list[Example] = []
    told: set[str] = set()
    for query, view in chain(_captions(engine), _labels(engine)):
        words = {*tokenise(query)} - FUNCTION_WORDS
        if words and not words & told:
            told |= words
            chosen.append(Example(query, thumbnail_url(view) if view else None))
        if len(chosen) == _EXAMPLES:
            break
    return chosen


def _captions(engine: SearchEngine) -> list[tuple[str, PhotoView]]:
    """Captions that are probably right, the surest first."""
    fit = engine.captioner.provenance.ranking.caption_fit
    views = engine.photos(engine.sample(_SAMPLED)).values()
    rated = [(caption_probability(fit, view.captions), view) for view in views if view.captions]
    believed = [(chance, view) for chance, view in rated if chance >= LEAST_PROBABILITY]
    believed.sort(key=lambda each: (-each[0], each[1].photo_id))
    return [(view.captions[0][0], view) for _, view in believed]


def _labels(engine: SearchEngine) -> Iterator[tuple[str, PhotoView | None]]:
    """The keywords and then the tags that most photos have, read when the first is asked for."""
    with engine.database.read() as session:
        found = [*frequent_keywords(session, _LATEST), *frequent_tags(session, _LATEST)]
    views = engine.photos([label.sample for label in found])
    for label in found:
        yield label.name, views.get(label.sample)
