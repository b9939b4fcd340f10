"""Long lists in pieces, since a statement takes only so many parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

# SQLite refuses a statement with too many parameters.
CHUNK = 500


def chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    """Yield the items in order, at most CHUNK at a time."""
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
