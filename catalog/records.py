"""Everything that indexing found out about a file, as it is handed over to be stored.

Knows nothing of SQL and torch: processes that only decode photos import it, and start quickly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class FileStamp:
    """A file as the file system shows it; `path` is relative to its root.

    `sidecars`: a stamp over names, sizes and times of the XMP files beside it, "" for none.
    """

    path: bytes
    size: int
    mtime_ns: int
    sidecars: str = ""


# Of the rules by which an origin is found; what was found by older ones is looked up again.
METADATA_VERSION = 4


@dataclass(frozen=True)
class Annotations:
    """What people wrote about a photo, in its file or in a sidecar; each text on one line.

    `rating`: 0 to 5 stars, -1 where it was rejected, None where nobody rated it. `keywords` and
    `people` (the names of who is on it): each once.
    """

    title: str | None = None
    description: str | None = None
    rating: int | None = None
    keywords: tuple[str, ...] = ()
    people: tuple[str, ...] = ()


NO_ANNOTATIONS = Annotations()


@dataclass(frozen=True)
class Origin:
    """When, with what and where a photo was taken, and what people wrote about it.

    `taken_at`: the clock where it was taken, labelled UTC. `taken_offset`: that clock's minutes
    ahead of UTC, None where nothing says. `taken_from`: how the date is known ("exif", "name",
    "xmp", "file"). Position in degrees. `lens`: its maker and model.
    """

    taken_at: datetime | None
    camera: str | None
    latitude: float | None
    longitude: float | None
    taken_offset: int | None = None
    taken_from: str | None = None
    metadata_version: int = METADATA_VERSION
    annotations: Annotations = NO_ANNOTATIONS
    lens: str | None = None


@dataclass(frozen=True)
class Metadata:
    """Size in upright pixels, format and origin of a photo; see Origin for the rest."""

    width: int
    height: int
    format: str
    taken_at: datetime | None
    camera: str | None
    latitude: float | None
    longitude: float | None
    taken_offset: int | None = None
    taken_from: str | None = None
    metadata_version: int = METADATA_VERSION
    annotations: Annotations = NO_ANNOTATIONS
    lens: str | None = None


@dataclass(frozen=True)
class NewTag:
    """What a classifier sees: a name, the same with its kind, and a probability, 0 to 1."""

    name: str
    sentence: str
    probability: float


@dataclass(frozen=True)
class NewPhoto:
    """Everything that indexing found out about a file.

    `captions`: (text, log-likelihood in nats), best first. `vectors`: kind ("caption", "visual")
    to a unit vector [D], stored as float16.
    """

    file: FileStamp
    content_hash: str
    metadata: Metadata
    captions: tuple[tuple[str, float], ...]
    vectors: Mapping[str, NDArray[Any]]
    state: bytes
    bias: float
    tags: tuple[NewTag, ...] = ()
