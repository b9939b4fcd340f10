"""When a photo was taken, and how that is known, on its page and in the API."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from catalog.views import PhotoView
from search.engine import SearchEngine

CLOCK = datetime(2021, 7, 14, 23, 30, tzinfo=UTC)


def dated(
    engine: SearchEngine, monkeypatch: pytest.MonkeyPatch, source: str, offset: int | None
) -> None:
    """Let photo 1 have another date."""
    photo = engine.photo

    def view(photo_id: int) -> PhotoView:
        return replace(photo(photo_id), taken_at=CLOCK, taken_offset=offset, taken_from=source)

    monkeypatch.setattr(engine, "photo", view)


@pytest.mark.parametrize(
    ("source", "offset", "text"),
    [
        ("exif", -420, "2021-07-14T23:30:00-07:00"),
        ("name", None, "2021-07-14T23:30:00"),
        ("file", None, "2021-07-14T23:30:00"),
    ],
)
def test_api_gives_the_clock_its_zone_if_known_and_its_source(
    client: FlaskClient,
    engine: SearchEngine,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    offset: int | None,
    text: str,
) -> None:
    dated(engine, monkeypatch, source, offset)
    answer = client.get("/api/v1/photos/1").json
    assert (answer["taken_at"], answer["taken_from"]) == (text, source)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("exif", "14 July 2021, 23:30</time> <a"),
        ("name", "14 July 2021, 23:30</time> (by the file&#39;s name)"),
        ("xmp", "14 July 2021, 23:30</time> (by its XMP)"),
        ("file", "14 July 2021, 23:30</time> (when the file was written)"),
    ],
)
def test_page_shows_the_clock_and_how_the_date_is_known(
    client: FlaskClient,
    engine: SearchEngine,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    said: str,
) -> None:
    dated(engine, monkeypatch, source, -420)
    page = client.get("/photos/1").text
    assert said in page
    assert "after=2021-07-14&amp;before=2021-07-15" in page
