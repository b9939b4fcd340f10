"""Statements over many rows: parameters in chunks, and options for bulk execution."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

# SQLite refuses a statement with too many parameters.
CHUNK = 500

# A session holds no loaded rows that these bulk statements could make stale.
NO_SYNC = {"synchronize_session": False}

# Without this, rows with a None and rows without would be sent apart.
ONE_SHAPE = {"render_nulls": True}


def chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    """Yield the items in order, at most CHUNK at a time."""
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
