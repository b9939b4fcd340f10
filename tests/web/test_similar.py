"""Photos like another one, stored or sent."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.web.api_answers import error_of, found_ids
from tests.web.live_server import running, visitor
from web import WebConfig

if TYPE_CHECKING:
    from search.engine import SearchEngine

FIELDS = {
    "photo_id",
    "path",
    "caption",
    "caption_probability",
    "similarity",
    "url",
    "thumbnail_url",
}
SEARCH = "/api/v1/search"


def test_photos_like_a_stored_one_come_best_first_without_it(client: FlaskClient) -> None:
    [first] = client.get("/api/v1/search?q=a+cat&k=1").json["results"]
    response = client.get(f"{first['url']}/similar")
    answer = response.json
    similarities = [result["similarity"] for result in answer["results"]]
    assert answer["photo_id"] == first["photo_id"]
    assert len(answer["results"]) == 11
    assert first["photo_id"] not in found_ids(response)
    assert similarities == sorted(similarities, reverse=True)
    assert all(set(result) == FIELDS for result in answer["results"])
    assert client.get(answer["results"][0]["thumbnail_url"]).mimetype == "image/jpeg"


def test_k_says_how_many(client: FlaskClient) -> None:
    [first] = client.get("/api/v1/search?q=a+cat&k=1").json["results"]
    address = f"{first['url']}/similar"
    assert found_ids(client.get(f"{address}?k=3")) == found_ids(client.get(address))[:3]


@pytest.mark.parametrize("k", ["0", "201", "-1", "many", "1.5"])
def test_wrong_k_is_refused_by_name(client: FlaskClient, k: str) -> None:
    [first] = client.get("/api/v1/search?q=a+cat&k=1").json["results"]
    for response in (
        client.get(f"{first['url']}/similar?k={k}"),
        client.post(f"{SEARCH}?k={k}", data=b"x", content_type="image/png"),
    ):
        assert response.status_code == 400
        assert error_of(response)["hint"] == "Check the parameter k."


@pytest.mark.parametrize("content_type", ["image/png", "image/x-any", "application/octet-stream"])
def test_picture_in_the_body_finds_its_like(
    client: FlaskClient, sample_photos: Path, content_type: str
) -> None:
    data = (sample_photos / "coffee.png").read_bytes()
    response = client.post(f"{SEARCH}?k=3", data=data, content_type=content_type)
    results = response.json["results"]
    assert response.status_code == 200
    assert len(results) == 3
    assert results[0]["path"].endswith("/coffee.png")
    assert results[0]["similarity"] == pytest.approx(1, abs=0.01)
    assert all(set(result) == FIELDS for result in results)


def test_picture_in_a_form_finds_its_like(client: FlaskClient, sample_photos: Path) -> None:
    form = {"image": (sample_photos / "rocket.jpg", "../../any name.exe")}
    response = client.post(SEARCH, data=form)
    assert response.status_code == 200
    assert response.json["results"][0]["path"].endswith("/rocket.jpg")


def test_sent_picture_is_not_kept(client: FlaskClient, sample_photos: Path) -> None:
    before = client.get("/api/v1/status").json
    client.post(SEARCH, data=(sample_photos / "cat.png").read_bytes(), content_type="image/png")
    assert client.get("/api/v1/status").json == before


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"content_type": "image/png"},
        {"data": {"q": "a cat"}},
        {"data": {"picture": (io.BytesIO(b"x"), "a.png")}},
        {"data": {"image": (io.BytesIO(b""), "a.png")}},
        {"data": {"image": "no file"}, "content_type": "multipart/form-data"},
        {"data": b"{}", "content_type": "application/json"},
        {"data": b"x", "content_type": "multipart/form-data"},
        {"data": b"--b\r\nbroken", "content_type": "multipart/form-data; boundary=b"},
    ],
)
def test_request_without_a_picture_is_told_what_to_send(
    client: FlaskClient, sent: dict[str, object]
) -> None:
    response = client.post(SEARCH, **sent)
    error = error_of(response)
    assert response.status_code == 400
    assert error["code"] == "invalid_query"
    assert "send a picture" in error["message"]


def test_bytes_that_are_no_picture_are_refused_in_a_sentence(
    client: FlaskClient, sample_photos: Path
) -> None:
    whole = (sample_photos / "coffee.png").read_bytes()
    for data in (b"MZ no picture", b"<svg/>", whole[: len(whole) // 2], b"%!PS-Adobe"):
        response = client.post(SEARCH, data=data, content_type="image/png")
        error = error_of(response)
        assert response.status_code == 400
        assert error["code"] == "unreadable_photo"
        assert error["message"].endswith(".")
        assert "JPEG" in error["hint"]


def test_picture_of_too_many_pixels_is_refused_before_it_is_decoded(client: FlaskClient) -> None:
    bomb = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(bomb, "PNG")
    assert len(bomb.getvalue()) < 200_000
    response = client.post(SEARCH, data=bomb.getvalue(), content_type="image/png")
    error = error_of(response)
    assert response.status_code == 400
    assert error["code"] == "unreadable_photo"
    assert "144 megapixels" in error["message"]


@pytest.mark.parametrize("form", [True, False])
def test_picture_may_have_as_many_bytes_as_the_limit_and_no_more(
    engine: SearchEngine, sample_photos: Path, form: bool
) -> None:
    data = (sample_photos / "coffee.png").read_bytes()
    for limit, status in ((len(data), 200), (len(data) - 1, 413)):
        client = visitor(engine, WebConfig(max_upload_bytes=limit))
        sent: object = {"image": (io.BytesIO(data), "a.png")} if form else data
        options = {} if form else {"content_type": "image/png"}
        response = client.post(SEARCH, data=sent, **options)  # type: ignore[arg-type]
        assert response.status_code == status
    assert error_of(response)["code"] == "too_large"


def test_limit_is_twenty_megabytes(client: FlaskClient) -> None:
    noise = zlib.compress(b"x") + bytes(20_000_000)
    response = client.post(SEARCH, data=noise, content_type="image/png")
    assert response.status_code == 413
    declared = {"CONTENT_LENGTH": str(10**12)}
    response = client.post(SEARCH, content_type="image/png", environ_overrides=declared)
    assert response.status_code == 413
    response = client.post(SEARCH, data=bytes(19_999_999), content_type="image/png")
    assert error_of(response)["code"] == "unreadable_photo"


def test_real_server_takes_a_large_picture(engine: SearchEngine, sample_photos: Path) -> None:
    from urllib.request import Request, urlopen

    picture = io.BytesIO()
    with Image.open(sample_photos / "coffee.png") as photo:
        photo.convert("RGB").resize((2400, 1600)).save(picture, "BMP")
    assert len(picture.getvalue()) > 10_000_000
    headers = {"Content-Type": "image/bmp"}
    with running(engine) as url:
        sent = Request(f"{url}api/v1/search?k=1", picture.getvalue(), headers)
        with urlopen(sent, timeout=60) as answer:
            assert b"coffee.png" in answer.read()
