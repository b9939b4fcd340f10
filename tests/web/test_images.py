"""Thumbnails and originals: the right bytes, the right type, kept by browsers as long as true."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.web.live_server import visitor

if TYPE_CHECKING:
    from search.engine import SearchEngine


@pytest.fixture
def cat(client: FlaskClient) -> int:
    """The id of the photo of the cat."""
    results = client.get("/api/v1/search?q=a+cat&k=12").json["results"]
    (found,) = (row["photo_id"] for row in results if Path(row["path"]).name == "cat.png")
    return int(found)


@pytest.fixture
def own_client(own_engine: SearchEngine, album: Path) -> FlaskClient:
    """A client of a server over one photo whose files a test may change."""
    from indexer.pipeline import Indexer

    (album / "rocket.jpg").unlink()
    models = own_engine.captioner, own_engine.embedder
    Indexer(own_engine.home, own_engine.database, *models).index([album])
    return visitor(own_engine)


def test_thumbnail_is_a_small_jpeg(client: FlaskClient, cat: int) -> None:
    response = client.get(f"/api/v1/photos/{cat}/thumbnail")
    assert response.mimetype == "image/jpeg"
    with Image.open(BytesIO(response.data)) as image:
        assert image.format == "JPEG"
        assert max(image.size) <= 512


@pytest.mark.parametrize(
    ("accepted", "declared"),
    [
        ("*/*", "image/jpeg"),
        ("image/avif,image/webp,*/*;q=0.8", "image/jpeg"),
        ("application/octet-stream", "application/octet-stream"),
        ("text/html", "image/jpeg"),
    ],
)
def test_thumbnail_is_plain_bytes_for_who_accepts_no_image(
    client: FlaskClient, cat: int, accepted: str, declared: str
) -> None:
    response = client.get(f"/api/v1/photos/{cat}/thumbnail", headers={"Accept": accepted})
    assert response.mimetype == declared
    assert "Accept" in response.headers["Vary"]


@pytest.mark.parametrize("harm", ["flipped", "cut off", "emptied", "another file"])
def test_damaged_thumbnail_is_not_sent(
    own_client: FlaskClient, own_engine: SearchEngine, harm: str
) -> None:
    [key] = own_engine.sample(1)
    path = own_engine.home.thumbnail(own_engine.photo(key).content_hash)
    address, content = f"/api/v1/photos/{key}/thumbnail", path.read_bytes()
    assert own_client.get(address).data == content
    middle = len(content) // 2
    path.write_bytes(
        {
            "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "cut off": content[:middle],
            "emptied": b"",
            "another file": b"#!/bin/sh",
        }[harm]
    )
    response = own_client.get(address)
    assert response.status_code == 404
    assert response.json["error"]["code"] == "image_missing"
    assert "doctor" in response.json["error"]["hint"]


def test_known_thumbnail_is_not_sent_again(client: FlaskClient, cat: int) -> None:
    address = f"/api/v1/photos/{cat}/thumbnail"
    tag = client.get(address).headers["ETag"]
    again = client.get(address, headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert again.data == b""


def test_thumbnail_is_kept_for_ever_only_under_its_version(
    client: FlaskClient, engine: SearchEngine, cat: int
) -> None:
    address = f"/api/v1/photos/{cat}/thumbnail"
    version = engine.photo(cat).content_hash[:12]
    assert "immutable" in client.get(f"{address}?v={version}").headers["Cache-Control"]
    assert client.get(address).headers["Cache-Control"] == "private, no-cache"
    assert client.get(f"{address}?v=old").headers["Cache-Control"] == "private, no-cache"


def test_original_is_the_file_itself(client: FlaskClient, engine: SearchEngine, cat: int) -> None:
    response = client.get(f"/api/v1/photos/{cat}/original")
    assert response.data == engine.photo(cat).full_path.read_bytes()
    assert response.mimetype == "image/png"
    assert response.headers["Content-Disposition"] == "inline; filename=cat.png"
    tag = response.headers["ETag"]
    again = client.get(f"/api/v1/photos/{cat}/original", headers={"If-None-Match": tag})
    assert again.status_code == 304


def test_part_of_an_original_can_be_asked_for(client: FlaskClient, cat: int) -> None:
    response = client.get(f"/api/v1/photos/{cat}/original", headers={"Range": "bytes=0-7"})
    assert response.status_code == 206
    assert response.data == b"\x89PNG\r\n\x1a\n"


def test_part_that_is_not_there_is_refused_in_the_one_shape(client: FlaskClient, cat: int) -> None:
    beyond = {"Range": "bytes=99999999-"}
    response = client.get(f"/api/v1/photos/{cat}/original", headers=beyond)
    assert response.status_code == 416
    assert response.json["error"]["code"] == "http_error"


@pytest.mark.parametrize("kind", ["thumbnail", "original"])
def test_image_can_be_asked_about_without_its_bytes(
    client: FlaskClient, cat: int, kind: str
) -> None:
    address = f"/api/v1/photos/{cat}/{kind}"
    whole, asked = client.get(address), client.head(address)
    assert (asked.status_code, asked.data) == (200, b"")
    for name in ("ETag", "Content-Type", "Content-Length", "Cache-Control"):
        assert asked.headers[name] == whole.headers[name]


def test_original_browsers_cannot_draw_is_downloaded(
    odd_client: FlaskClient, odd_photos: dict[str, int]
) -> None:
    response = odd_client.get(f"/api/v1/photos/{odd_photos['tiff']}/original")
    assert response.mimetype == "image/tiff"
    assert response.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("odd", ["script", "no text"])
def test_original_with_an_odd_name_is_sent(
    odd_client: FlaskClient, odd_photos: dict[str, int], odd: str
) -> None:
    response = odd_client.get(f"/api/v1/photos/{odd_photos[odd]}/original")
    assert response.status_code == 200
    assert response.mimetype == "image/png"


def test_vanished_original_is_explained(
    odd_client: FlaskClient, odd_photos: dict[str, int]
) -> None:
    response = odd_client.get(f"/api/v1/photos/{odd_photos['vanished']}/original")
    assert response.status_code == 404
    assert response.json["error"]["code"] == "image_missing"
    assert "disk" in response.json["error"]["hint"]


def test_thumbnail_of_a_vanished_photo_is_still_there(
    odd_client: FlaskClient, odd_photos: dict[str, int]
) -> None:
    response = odd_client.get(f"/api/v1/photos/{odd_photos['vanished']}/thumbnail")
    assert response.status_code == 200
