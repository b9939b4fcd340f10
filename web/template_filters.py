"""Template filters: numbers, sizes, times and sentences as short texts."""

from __future__ import annotations

from datetime import datetime

from flask import Flask

from search.calibration import percentage
from search.limits import MAX_CANDIDATES, MAX_QUERY_LENGTH, MAX_RESULTS
from web.context import current_config
from web.kept import is_writable


def register(app: Flask) -> None:
    """Give the templates of `app` the filters, the limits of a search, and the title as `site`.

    `writable`: whether something can be kept in the home.
    """
    app.add_template_filter(sentence)
    app.add_template_filter(grouped)
    app.add_template_filter(file_size)
    app.add_template_filter(disk_size)
    app.add_template_filter(day)
    app.add_template_filter(day_and_time)
    app.add_template_filter(date_source)
    app.add_template_filter(signed)
    app.add_template_filter(percentage)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        MAX_CANDIDATES=MAX_CANDIDATES,
        MAX_QUERY_LENGTH=MAX_QUERY_LENGTH,
        MAX_RESULTS=MAX_RESULTS,
    )
    app.context_processor(lambda: {"site": current_config().title, "writable": is_writable()})


def sentence(text: str) -> str:
    """`text` with a capital at its start and a full stop at its end."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def grouped(number: int) -> str:
    """1234567 -> 1,234,567."""
    return f"{number:,}"


def signed(number: float) -> str:
    """Two decimals, with a true minus sign."""
    return f"{number:.2f}".replace("-", "\N{MINUS SIGN}")


def file_size(size: int) -> str:
    """Bytes in the unit people would use."""
    if size < 1000:
        return f"{size} bytes"
    if size < 1_000_000:
        return f"{size / 1000:.0f} KB"
    return f"{size / 1_000_000:.1f} MB"


def disk_size(size: int) -> str:
    """Bytes of many files together, without more digits than anybody wants."""
    for unit, name in ((10**12, "TB"), (10**9, "GB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size / 1_000_000:.0f} MB" if size >= 10_000_000 else file_size(size)


def day(moment: datetime) -> str:
    """14 July 2019."""
    return f"{moment.day} {moment:%B %Y}"


def day_and_time(moment: datetime) -> str:
    """14 July 2019, 15:32."""
    return f"{moment.day} {moment:%B %Y, %H:%M}"


_DATE_SOURCES = {
    "name": " (by the file's name)",
    "xmp": " (by its XMP)",
    "file": " (when the file was written)",
}


def date_source(source: str | None) -> str:
    """How a photo's date is known, in words to follow it; none for the camera's own date."""
    return _DATE_SOURCES.get(source or "", "")
