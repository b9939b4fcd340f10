"""Thousands of searches by one server, whose memory is watched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlencode

from tests.torture.server import serving
from tests.torture.setting import Setting
from tests.torture.table import Outcome, Row, timed

SUBJECTS = (
    "a man", "two dogs", "a child", "a woman in red", "a cat", "people", "an old boat", "a horse",
    "a bird", "three girls",
)  # fmt: skip
DEEDS = (
    "runs", "sits on a bench", "is jumping", "looks at the camera", "with a ball", "sleeping",
    "plays in the sand", "climbs", "rides a bike", "in a hat",
)  # fmt: skip
PLACES = (
    "in the snow", "at the beach", "on grass", "in a street", "near water", "at night", "indoors",
    "under trees", "in Lisbon", "on a hill",
)  # fmt: skip
WARM = 500
# Allocators keep what a thread once needed; a leak of a kilobyte a search would be more than this.
MOST_GROWTH = 48 << 20


def run(setting: Setting) -> Iterator[Row]:
    """Search, and compare the first answers with the last."""
    row = Row("searches by one server")
    count = setting.times(5000)
    with timed(row), setting.copied_home() as home:
        with serving(home) as served:
            first, warm = _answer(served.ask(_address(0))[1]), 0
            for number in range(count):
                status, body = served.ask(_address(number))
                is_right = status == 200 and (number % 1000 or _answer(body) == first)
                row.judge(bool(is_right), f"search {number}: {status} {body[:300]!r}")
                if number == min(WARM, count - 1):
                    warm = served.memory()
            grown = served.memory() - warm
        row.remarks.append(
            f"The server's memory was {warm >> 20} MiB after {min(WARM, count)} searches, and "
            f"{grown / 2**20:+.1f} MiB after {count}."
        )
        if grown > MOST_GROWTH:
            row.add(Outcome.WRONG, f"the memory grew by {grown} bytes")
        if served.ended and "Traceback" in served.ended.output:
            row.add(Outcome.WRONG, served.ended.output)
    yield row


def _address(number: int) -> str:
    """Another query each time, for a thousand; every second one with another request behind."""
    place, number = divmod(number % 1000, 100)[0], number % 1000
    words = f"{SUBJECTS[number % 10]} {DEEDS[number // 10 % 10]} {PLACES[place]}"
    return f"api/v1/search?{urlencode({'q': words, 'k': 1 + number % 7})}"


def _answer(body: bytes) -> object:
    """An answer without the time that it took."""
    return {**json.loads(body), "took_ms": 0}
