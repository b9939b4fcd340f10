"""Filters parsed from text, as options and parameters give them, into the catalog's PhotoFilter."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone

from captioner.formats import FORMATS
from catalog.filters import ORIENTATIONS, PhotoFilter
from catalog.remote_folders import is_remote
from search.request import InvalidQuery

RATINGS = ("-1", "0", "1", "2", "3", "4", "5")
_LONGEST = 4096  # characters, as many as a path may have
_INSTANT = timezone(timedelta(0), "instant")
# As files are named -> as decoders name what they found.
_OTHER_NAMES = {"JPG": "JPEG", "HEIC": "HEIF", "TIF": "TIFF", "JP2": "JPEG2000"}
# Some cameras put two pictures in a JPEG, which makes it an MPO.
_COUNT_AS = {"JPEG": ("JPEG", "MPO")}


def read_filter(
    *,
    after: str | None = None,
    before: str | None = None,
    folder: str | None = None,
    camera: str | None = None,
    format: str | None = None,
    orientation: str | None = None,
    tag: str | None = None,
    keyword: str | None = None,
    rating: str | None = None,
    lens: str | None = None,
    place: str | None = None,
) -> PhotoFilter:
    """A filter from text; None and empty text let every photo pass.

    Raises InvalidQuery, which names the part that cannot be understood.
    """
    wanted = PhotoFilter(
        after=_moment("after", after),
        before=_moment("before", before),
        folder=_folder(folder),
        camera=(camera or "").strip() or None,
        formats=_formats(format),
        orientation=_orientation(orientation),
        tag=(tag or "").strip() or None,
        keyword=(keyword or "").strip() or None,
        rating=_rating(rating),
        lens=(lens or "").strip() or None,
        place=(place or "").strip() or None,
    )
    if wanted.after and wanted.before and wanted.after >= wanted.before:
        raise InvalidQuery("after", "after must be earlier than before: no date is between them")
    return wanted


def _moment(field: str, text: str | None) -> datetime | None:
    """A date means its first moment. Without a zone it is a clock's where photos were taken."""
    if not text or not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        # An instant is told from a clock by its zone, which for a clock is UTC itself.
        return moment.astimezone(_INSTANT) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        example = "2021-07-14 or 2021-07-14T15:30"
        raise InvalidQuery(
            field, f"{field} must be a date such as {example}, not {text[:40]!r}"
        ) from error


def _folder(text: str | None) -> bytes | None:
    if not text:
        return None
    path = os.fsencode(os.path.normpath(text))
    known = os.path.isabs(text) or is_remote(path)
    if not known or len(text) > _LONGEST or "\0" in text:
        raise InvalidQuery(
            "folder", f"folder must be a full path such as /home/ada/Pictures, not {text[:40]!r}"
        )
    return path


def _rating(text: str | None) -> int | None:
    stars = (text or "").strip()
    if stars and stars not in RATINGS:
        raise InvalidQuery(
            "rating", f"rating must be a whole number from -1 to 5, not {stars[:40]!r}"
        )
    return int(stars) if stars else None


def _formats(text: str | None) -> tuple[str, ...]:
    name = (text or "").strip().upper()
    if not name:
        return ()
    name = _OTHER_NAMES.get(name, name)
    if name not in FORMATS:
        known = ", ".join(FORMATS)
        raise InvalidQuery("format", f"format must be one of {known}, not {name[:40]!r}")
    return _COUNT_AS.get(name, (name,))


def _orientation(text: str | None) -> str | None:
    name = (text or "").strip().lower()
    if name and name not in ORIENTATIONS:
        known = ", ".join(ORIENTATIONS)
        raise InvalidQuery("orientation", f"orientation must be one of {known}, not {name[:40]!r}")
    return name or None
