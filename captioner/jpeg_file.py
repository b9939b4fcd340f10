"""The structure of a JPEG file (ITU-T T.81, annex B): its markers and scans, nothing decoded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

START = b"\xff\xd8\xff"
END = b"\xff\xd9"

_START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
# What stands without a length: TEM, restarts, the start and the end.
_BARE = frozenset({0x01, *range(0xD0, 0xDA)})
# Ends entropy-coded data: no stuffed zero, no restart, no fill byte.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_COEFFICIENTS = 64


@dataclass(frozen=True)
class Segment:
    """A marker, and the bytes that belong to it; of a scan its header."""

    marker: int
    content: bytes


def segments(data: bytes) -> Iterator[Segment]:
    """Yield the segments of a JPEG up to its end marker, or to where they make no sense."""
    place = 2
    while place + 1 < len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        if marker in _BARE:
            yield Segment(marker, b"")
            if marker == _END_OF_IMAGE:
                return
            place += 2
            continue
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        yield Segment(marker, data[place + 4 : place + 2 + length])
        place += 2 + max(length, 2)
        if marker == _START_OF_SCAN:
            found = _MARKER.search(data, place)
            place = found.start() if found else len(data)


def is_progressive(data: bytes) -> bool:
    """Whether all coefficients of a JPEG have to be held in memory to decode it."""
    frame = next((part for part in segments(data) if part.marker in _FRAMES), None)
    return frame is not None and frame.marker in _PROGRESSIVE


def with_end_marker(data: bytes) -> bytes:
    """The JPEG with an end marker behind it, where that alone seems to be missing.

    That the last scan is whole only a decoder can tell, by what it says of the bytes.
    """
    if data.endswith(END):
        return data
    found = list(segments(data))
    if any(part.marker == _END_OF_IMAGE for part in found) or not _has_every_scan(found):
        return data
    return data + END


def _has_every_scan(found: list[Segment]) -> bool:
    """Whether the scans give all coefficients of all components in full precision."""
    frame = next((part for part in found if part.marker in _FRAMES), None)
    if frame is None or len(frame.content) < 6:
        return False
    components = frame.content[6 : 6 + 3 * frame.content[5] : 3]
    whole: dict[int, set[int]] = {component: set() for component in components}
    for scan in (part.content for part in found if part.marker == _START_OF_SCAN):
        count = scan[0] if scan else 0
        if len(scan) < 4 + 2 * count:
            return False
        first, last, precision = scan[1 + 2 * count :][:3]
        if frame.marker not in _PROGRESSIVE:
            first, last, precision = 0, _COEFFICIENTS - 1, 0
        if precision & 0x0F == 0:  # no bits are left for a later scan
            for component in scan[1 : 1 + 2 * count : 2]:
                whole.setdefault(component, set()).update(range(first, last + 1))
    return all(len(given) == _COEFFICIENTS for given in whole.values())
