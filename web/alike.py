"""A similar photo as the pages show it: shape, link and thumbnail.

Knows nothing about Flask's request, nor how photos are compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from catalog.views import PhotoView
from search.engine import SearchEngine
from search.query import SimilarPhoto
from web.cards import shape_class, version_of


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
