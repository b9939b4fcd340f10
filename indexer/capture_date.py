"""The date a photo was taken, from EXIF, XMP, the name of its file, or the file's time.

All of them are written by anything and checked by nothing: what makes no sense is left out.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from indexer.xmp import EXIF, PHOTOSHOP, XAP, Xmp

FIRST_PHOTOGRAPH = 1826
FIRST_DIGITAL_CAMERA = 1990
EARLIEST_FILE = datetime(FIRST_DIGITAL_CAMERA, 1, 1, tzinfo=UTC).timestamp()
LONGEST_OFFSET = 14 * 60  # minutes; Kiribati's


@dataclass(frozen=True)
class CaptureDate:
    """The clock where a photo was taken, labelled UTC, and its minutes ahead of UTC if known."""

    clock: datetime
    offset: int | None = None


_ZONE = r"(?P<zone>Z|[+-]\d{1,2}(?::?\d{2})?)"
_CLOCK = (
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{1,2})(?:[:.](?P<second>\d{1,2})(?:[.,]\d*)?)?"
    rf"\s?(?P<half>[AP]M)?\s?{_ZONE}?"
)
_TAG_DATES = (
    re.compile(
        r"(?P<year>\d{4})[:/.-] ?(?P<month>\d{1,2})[:/.-] ?(?P<day>\d{1,2})"
        rf"(?:$|(?:T|,? ){_CLOCK}(?!\d))",
        re.ASCII | re.IGNORECASE,
    ),
    re.compile(
        r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"
        rf"(?:$|[T ]?(?P<hour>\d{{2}})(?P<minute>\d{{2}})(?P<second>\d{{2}})?{_ZONE}?(?!\d))",
        re.ASCII | re.IGNORECASE,
    ),
)
_OFFSET = re.compile(
    r"(?P<sign>[+-])(?P<hours>\d{1,2}):?(?P<minutes>\d{2})?|Z|UTC|GMT",
    re.ASCII,
)


def parse_date(text: str, offset: str = "") -> CaptureDate | None:
    """The date in the text of a tag; `offset` ("+02:00") counts where the text names none.

    Takes EXIF's form and ISO 8601's, either with dashes, slashes or dots, with or without
    seconds, a time, and a zone. Hour 24 is 0 of the same day, as cameras write it.
    """
    for pattern in _TAG_DATES:
        found = pattern.match(text)
        if found is not None:
            fields = found.groupdict()
            zone = fields.get("zone")
            minutes = _offset(offset) if zone is None else _offset(zone.upper())
            return _capture_date(fields, FIRST_PHOTOGRAPH, 9998, minutes)
    return None


def _offset(text: str) -> int | None:
    """Minutes ahead of UTC; None for nonsense."""
    found = _OFFSET.fullmatch(text.strip())
    if found is None:
        return None
    if found["sign"] is None:
        return 0
    minutes = 60 * int(found["hours"]) + int(found["minutes"] or 0)
    if minutes > LONGEST_OFFSET or int(found["minutes"] or 0) > 59:
        return None
    return -minutes if found["sign"] == "-" else minutes


def _capture_date(
    fields: Mapping[str, str | None], first_year: int, last_year: int, offset: int | None = None
) -> CaptureDate | None:
    try:
        year, month, number = (int(fields[part] or "") for part in ("year", "month", "day"))
        day = datetime(year, month, number, tzinfo=UTC)
        clock = day + _since_midnight(fields)
    except ValueError:
        return None
    return CaptureDate(clock, offset) if first_year <= day.year <= last_year else None


def _since_midnight(fields: Mapping[str, str | None]) -> timedelta:
    """Raises ValueError for a time that no clock shows."""
    hour, minute, second = (int(fields.get(part) or 0) for part in ("hour", "minute", "second"))
    half = (fields.get("half") or "").upper()
    if half:
        if not 1 <= hour <= 12:
            raise ValueError(f"no hour {hour} {half}")
        hour = hour % 12 + (12 if half == "PM" else 0)
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        raise ValueError(f"no time {hour}:{minute}:{second}")
    return timedelta(hours=hour % 24, minutes=minute, seconds=min(second, 59))


# Dates in file names, as phones, messengers and screenshot programs write them

_NAME_DATES = (
    (  # 2021-07-14, 2021_07_14, 2021.07.14
        re.compile(
            r"(?<!\d)(?P<year>\d{4})(?P<mark>[-_. ])(?P<month>\d{2})(?P=mark)(?P<day>\d{2})(?!\d)",
            re.ASCII,
        ),
        FIRST_PHOTOGRAPH,
    ),
    (  # 20210714, with or without 153000 and milliseconds right behind it
        re.compile(
            r"(?<!\d)(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?=\D|$|\d{6}(?:\d{3})?(?!\d))",
            re.ASCII,
        ),
        FIRST_DIGITAL_CAMERA,
    ),
    (  # 14.07.2021
        re.compile(
            r"(?<!\d)(?P<day>\d{2})\.(?P<month>\d{2})\.(?P<year>\d{4})(?!\d)",
            re.ASCII,
        ),
        FIRST_PHOTOGRAPH,
    ),
)
_NAME_TIMES = (
    re.compile(
        r"\D{0,5}(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})(?:\d{3})?(?!\d)", re.ASCII
    ),
    re.compile(
        r"\D{1,5}(?P<hour>\d{1,2})(?P<mark>[-_.:h ])(?P<minute>\d{2})"
        r"(?:(?P=mark)(?P<second>\d{2}))?(?!\d)(?:\s?(?P<half>[AP]M)\b)?",
        re.ASCII | re.IGNORECASE,
    ),
)


def date_in_name(path: bytes) -> CaptureDate | None:
    """The date in a file's name, with its time where there is one; midnight where there is none."""
    name = os.path.splitext(os.fsdecode(os.path.basename(path)))[0]
    # Behind next year it is a number of another kind.
    last_year = time.localtime().tm_year + 1
    for pattern, first_year in _NAME_DATES:
        for found in pattern.finditer(name):
            date = _capture_date(found.groupdict(), first_year, last_year)
            if date is not None:
                return _with_time(date, found.groupdict(), name[found.end() :], last_year)
    return None


def _with_time(
    day: CaptureDate, fields: Mapping[str, str | None], rest: str, last_year: int
) -> CaptureDate:
    for pattern in _NAME_TIMES:
        found = pattern.match(rest)
        if found is not None:
            fields = {**fields, **found.groupdict()}
            return _capture_date(fields, FIRST_PHOTOGRAPH, last_year) or day
    return day


# Dates in XMP packets, inside of files and beside them

# When the picture was taken, or made digital; not when it was changed.
_XMP_DATES = (
    f"{{{EXIF}}}DateTimeOriginal",
    f"{{{PHOTOSHOP}}}DateCreated",
    f"{{{XAP}}}CreateDate",
    f"{{{EXIF}}}DateTimeDigitized",
)


def date_in_xmp(xmp: Xmp) -> CaptureDate | None:
    """The date in an XMP packet or sidecar."""
    found = (parse_date(value.strip()) for name in _XMP_DATES for value in xmp.values(name)[:1])
    return next((date for date in found if date is not None), None)


def date_of_file(mtime_ns: int) -> CaptureDate | None:
    """A file's time of modification, by this machine's clock; None where it was lost.

    Archives and cameras without a clock leave 1970 and 1980.
    """
    seconds = mtime_ns / 1e9
    if not EARLIEST_FILE <= seconds <= time.time() + 24 * 3600:
        return None
    local = datetime.fromtimestamp(mtime_ns // 10**9)
    return CaptureDate(local.replace(tzinfo=UTC))
