"""The rows of an export: all that is known of each photo, for other programs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select

from captioner.tags import Tag
from catalog.filters import PhotoFilter, filter_clauses
from catalog.models import Photo
from catalog.paths import show_path
from catalog.views import PhotoView
from search.calibration import caption_probability
from search.engine import SearchEngine
from search.guess import LEAST_PROBABILITY

# Of a table, in the order of ExportRow.to_json.
COLUMNS = (
    "photo_id", "path", "width", "height", "format", "size", "taken_at", "taken_from", "camera",
    "lens", "latitude", "longitude", "title", "description", "rating", "keywords", "people",
    "caption", "caption_probability", "tags",
)  # fmt: skip
_AT_ONCE = 500  # photos, of which states take 5 MB


@dataclass(frozen=True)
class ExportRow:
    """A photo, its best caption, the probability that it is right, and tags, likeliest first."""

    photo: PhotoView
    caption: str
    caption_probability: float
    tags: tuple[Tag, ...]

    @property
    def is_probable(self) -> bool:
        """Whether the caption is probable enough to be shown."""
        return bool(self.caption) and self.caption_probability >= LEAST_PROBABILITY

    def to_json(self) -> dict[str, object]:
        """Its fields by the names that they have in the JSON API."""
        photo = self.photo
        return {
            "photo_id": photo.photo_id,
            "path": show_path(os.fsencode(photo.full_path)),
            "width": photo.width,
            "height": photo.height,
            "format": photo.format,
            "size": photo.size,
            "taken_at": photo.taken.isoformat() if photo.taken else None,
            "taken_from": photo.taken_from,
            "camera": photo.camera,
            "lens": photo.lens,
            "latitude": photo.latitude,
            "longitude": photo.longitude,
            "title": photo.title,
            "description": photo.description,
            "rating": photo.rating,
            "keywords": list(photo.keywords),
            "people": list(photo.people),
            "caption": self.caption,
            "caption_probability": self.caption_probability,
            "tags": [{"name": tag.name, "probability": tag.probability} for tag in self.tags],
        }

    def to_csv(self) -> dict[str, object]:
        """The same with a text for each list, "; " between its parts."""
        told = self.to_json()
        lists = {"keywords": self.photo.keywords, "people": self.photo.people}
        texts = {name: "; ".join(parts) for name, parts in lists.items()}
        return {**told, **texts, "tags": "; ".join(tag.name for tag in self.tags)}


def export_rows(engine: SearchEngine, filters: PhotoFilter) -> Iterator[ExportRow]:
    """The rows of all photos that pass, in order of id; those that are damaged are left out.

    Raises DatabaseUnavailable.
    """
    with engine.database.read() as session:
        query = select(Photo.id).where(*filter_clauses(session, filters)).order_by(Photo.id)
        ids = list(session.scalars(query))
    fit = engine.captioner.provenance.ranking.caption_fit
    for start in range(0, len(ids), _AT_ONCE):
        part = ids[start : start + _AT_ONCE]
        photos, tags = engine.photos(part), engine.tags_of(part)
        for key in part:
            if key in photos:
                captions = photos[key].captions
                right = caption_probability(fit, captions)
                best = captions[0][0] if captions else ""
                yield ExportRow(photos[key], best, right, tags.get(key, ()))
