"""Requests that are hard on a server: endless JSON, odd ranges, files that are others by now."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient

from tests.web.live_server import visitor
from web import InvalidToken, WebConfig
from web.middleware.rate_limit import IMAGES_PER_REQUEST, WRONG_TOKENS

if TYPE_CHECKING:
    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from catalog.database import Database
    from catalog.home import Home


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 100_000, b'{"sentences": ' + b"[" * 99_999]
)
def test_json_nested_without_end_is_a_bad_request(
    client: FlaskClient, cat: int, body: bytes
) -> None:
    response = client.post(f"/api/v1/photos/{cat}/rank", data=body, content_type="application/json")
    assert response.status_code == 400
    assert response.json["error"]["code"] == "bad_request"


def test_original_with_a_line_break_in_its_name_is_sent(
    odd_client: FlaskClient, odd_photos: dict[str, int]
) -> None:
    response = odd_client.get(f"/api/v1/photos/{odd_photos['line break']}/original")
    assert response.status_code == 200
    assert "two_lines_[2J.png" in response.headers["Content-Disposition"]


@pytest.mark.parametrize("image", ["original", "thumbnail"])
def test_several_ranges_get_the_whole(client: FlaskClient, cat: int, image: str) -> None:
    address = f"/api/v1/photos/{cat}/{image}"
    whole = client.get(address).data
    response = client.get(address, headers={"Range": "bytes=0-9,20-29"})
    assert response.status_code == 200
    assert response.data == whole


def test_one_range_gets_its_part(client: FlaskClient, cat: int) -> None:
    address = f"/api/v1/photos/{cat}/original"
    whole = client.get(address).data
    response = client.get(address, headers={"Range": "bytes=10-19"})
    assert response.status_code == 206
    assert response.data == whole[10:20]
    assert response.headers["Content-Range"] == f"bytes 10-19/{len(whole)}"
    assert client.get(address, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416


@pytest.mark.parametrize("image", ["original", "thumbnail"])
def test_failed_precondition_has_no_body(client: FlaskClient, cat: int, image: str) -> None:
    response = client.get(f"/api/v1/photos/{cat}/{image}", headers={"If-Match": '"another"'})
    assert response.status_code == 412
    assert response.data == b""


def test_known_original_is_not_sent_again(client: FlaskClient, cat: int) -> None:
    address = f"/api/v1/photos/{cat}/original"
    tag = client.get(address).headers["ETag"]
    response = client.get(address, headers={"If-None-Match": tag})
    assert response.status_code == 304
    assert response.data == b""


@pytest.fixture
def album_client(
    album: Path,
    home: Home,
    database: Database,
    captioner: Captioner,
    embedder: SentenceEmbedder,
) -> FlaskClient:
    """A client of a server over two photos that a test may change."""
    from indexer.pipeline import Indexer
    from search.engine import SearchEngine

    Indexer(home, database, captioner, embedder).index([album])
    return visitor(SearchEngine(home, database, captioner, embedder))


def original_of(client: FlaskClient, name: str) -> str:
    results = client.get("/api/v1/search?q=a+photo").json["results"]
    (photo_id,) = (each["photo_id"] for each in results if each["path"].endswith(name))
    return f"/api/v1/photos/{photo_id}/original"


@pytest.mark.parametrize("placed", ["a link to a secret", "a link to another photo", "a folder"])
def test_what_took_the_place_of_a_photo_is_not_served(
    album_client: FlaskClient, album: Path, tmp_path: Path, placed: str
) -> None:
    address = original_of(album_client, "cat.png")
    assert album_client.get(address).status_code == 200
    photo, secret = album / "cat.png", tmp_path / "secret"
    secret.write_text("root:x:0:0")
    photo.unlink()
    if placed == "a folder":
        photo.mkdir()
    else:
        photo.symlink_to(secret if placed == "a link to a secret" else album / "rocket.jpg")
    response = album_client.get(address)
    assert response.status_code == 404
    assert response.json["error"]["code"] == "image_missing"


def test_photo_that_was_a_link_when_it_was_indexed_is_served(
    album: Path,
    home: Home,
    database: Database,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    tmp_path: Path,
) -> None:
    from indexer.pipeline import Indexer
    from search.engine import SearchEngine

    archive = tmp_path / "archive"
    archive.mkdir()
    shutil.move(album / "cat.png", archive / "cat.png")
    (album / "best.png").symlink_to(archive / "cat.png")
    Indexer(home, database, captioner, embedder).index([album])
    client = visitor(SearchEngine(home, database, captioner, embedder))
    assert client.get(original_of(client, "best.png")).status_code == 200


@pytest.mark.parametrize("token", ["", " ", "two words", "a\nb"])
def test_token_that_protects_nothing_is_refused(token: str) -> None:
    with pytest.raises(InvalidToken, match="at least one character"):
        WebConfig(token=token)


def test_guesses_of_the_token_are_limited(engine: object) -> None:
    client = visitor(engine, WebConfig(token="right", rate_limit=0))  # type: ignore[arg-type]
    guess = {"Authorization": "Bearer wrong"}
    seen = {client.get("/api/v1/status", headers=guess).status_code for _ in range(WRONG_TOKENS)}
    assert seen == {401}
    for address in ("/api/v1/status", "/api/v1/photos/1/thumbnail", "/"):
        response = client.get(address, headers=guess)
        assert response.status_code == 429
        assert int(response.headers["Retry-After"]) > 0
    assert client.get("/?token=right").status_code == 429  # a right guess tells nothing either


def test_visitor_with_a_session_is_not_locked_out_by_another_guesser(engine: object) -> None:
    client = visitor(engine, WebConfig(token="right"))  # type: ignore[arg-type]
    assert client.get("/?token=right").status_code == 303
    guesser = client.application.test_client()
    for _ in range(WRONG_TOKENS + 1):
        guesser.get("/api/v1/status?token=wrong")
    assert guesser.get("/api/v1/status?token=wrong").status_code == 429
    assert client.get("/api/v1/status").status_code == 200


def test_images_have_a_wider_limit_but_have_one(engine: object, cat: int) -> None:
    client = visitor(engine, WebConfig(rate_limit=2))  # type: ignore[arg-type]
    address = f"/api/v1/photos/{cat}/thumbnail"
    codes = [client.get(address).status_code for _ in range(2 * IMAGES_PER_REQUEST + 1)]
    assert codes == [200] * (2 * IMAGES_PER_REQUEST) + [429]
