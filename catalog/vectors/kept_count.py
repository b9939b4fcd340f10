"""A count that is kept until it is forgotten, by whichever thread."""

from __future__ import annotations

import time
from collections.abc import Callable


class KeptCount:
    """What `count` returned; one that was begun before forgetting is not kept."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._ask = count
        self._forgotten = 0
        self._kept = (-1, 0)  # how often it had been forgotten, and the count
        self._asked_at = 0.0

    def get(self) -> int:
        """The count, asked for where it is not known. Raises what asking raises."""
        forgotten, count = self._kept
        if forgotten != self._forgotten:
            forgotten, self._asked_at = self._forgotten, time.monotonic()
            count = self._ask()
            self._kept = forgotten, count
        return count

    def forget(self, *, many: int | None = None, seconds: float = 0.0) -> bool:
        """Ask next time; one above `many` only where it is older than so many seconds.

        Returns whether it will be asked for.
        """
        is_fresh = time.monotonic() - self._asked_at < seconds
        if many is not None and self._kept[1] > many and is_fresh:
            return False
        self._forgotten += 1
        return True
