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
    """A file as the file system shows it; `path` is relative to its root."""

    path: bytes
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Metadata:
    """What a photo says about itself; sizes in upright pixels, `taken_at` aware, degrees."""

    width: int
    height: int
    format: str
    taken_at: datetime | None
    camera: str | None
    latitude: float | None
    longitude: float | None


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
