"""Albums, favourites, archives, shared links and saved searches: by the API and on the pages."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import text

from search.engine import SearchEngine
from tests.web.kept_photos import LENS, NAMES
from tests.web.live_server import visitor
from tests.web.page_text import words_of
from web import WebConfig
from web.api import kept_schemas as schemas
from web.zip_stream import zip_of

if TYPE_CHECKING:
    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder

OWN = {"Origin": "http://localhost"}


@pytest.fixture
def client(kept_engine: SearchEngine) -> FlaskClient:
    """A visitor of a home in which nothing is kept yet."""
    with kept_engine.database.write() as session:
        for table in ("share", "album", "favourite", "saved_search", "recent_search", "preference"):
            session.execute(text(f"DELETE FROM {table}"))
    return visitor(kept_engine)


@pytest.fixture
def ids(kept_engine: SearchEngine) -> dict[str, int]:
    """The photos by name."""
    photos = kept_engine.photos(range(1, 20))
    return {view.path.decode(): key for key, view in photos.items()}


def made(client: FlaskClient, *photos: int) -> str:
    """The address of a new album with these photos."""
    answer = client.post("/api/v1/albums", json={"name": "Summer", "photo_ids": photos}).json
    return str(answer["url"])


def shown(answer: dict[str, Any]) -> list[int]:
    return [each["photo_id"] for each in answer["results"]]


# Albums and favourites


def test_album_is_made_filled_ordered_renamed_and_deleted(
    client: FlaskClient, ids: dict[str, int]
) -> None:
    cat, coffee, copy, rocket = (ids[name] for name in NAMES)
    album = made(client, rocket)
    change = {"add": [cat, copy, coffee], "remove": [rocket]}
    changed = client.post(f"{album}/photos", json=change)
    assert changed.json == {"added": 2, "removed": 1}
    assert shown(client.get(album).json) == [cat, coffee]
    changed = client.patch(album, json={"name": "  Winter \n in snow ", "order": [coffee]})
    assert (shown(changed.json), changed.json["name"]) == ([coffee, cat], "Winter in snow")
    moved = client.patch(album, json={"order": [coffee], "after": copy})
    assert shown(moved.json) == [cat, coffee]
    refused = client.patch(album, json={"order": [coffee], "after": -1})
    assert refused.status_code == 400
    assert "after must be the number of a photo" in refused.json["error"]["message"]
    client.patch(album, json={"order": [coffee]})
    first = client.get(f"{album}?k=1").json
    assert (shown(first), first["photos"]) == ([coffee], 2)
    assert shown(client.get(first["next"]).json) == [cat]
    [listed] = client.get("/api/v1/albums").json["albums"]
    assert listed["cover_url"] == f"/api/v1/photos/{coffee}/thumbnail"
    assert client.delete(album).json == {"albums": []}
    assert client.get(album).json["error"]["code"] == "unknown_album"


def test_answers_are_as_they_are_described(client: FlaskClient, ids: dict[str, int]) -> None:
    album = made(client, ids["cat.png"])
    share = client.post("/api/v1/shares", json={"photo_ids": [ids["cat.png"]]})
    search = {"name": "Snow", "parameters": "q=snow"}
    for answer, model in (
        (client.get(album), schemas.AlbumAnswer),
        (client.get("/api/v1/albums"), schemas.AlbumsAnswer),
        (client.post(f"{album}/photos", json={}), schemas.ChangedAnswer),
        (client.get("/api/v1/favourites"), schemas.FavouritesAnswer),
        (share, schemas.NewShareAnswer),
        (client.get("/api/v1/shares"), schemas.SharesAnswer),
        (client.post("/api/v1/searches", json=search), schemas.SearchesAnswer),
    ):
        model.model_validate(answer.json, extra="forbid", strict=True)


@pytest.mark.parametrize(
    ("address", "body", "field"),
    [
        ("albums", {}, "name"),
        ("albums", {"name": " "}, "name"),
        ("albums", {"name": "a" * 101}, "name"),
        ("albums", {"name": "a", "photo_ids": ["1"]}, "photo_ids"),
        ("albums", {"name": "a", "photo_ids": [-1]}, "photo_ids"),
        ("favourites", {"add": 1}, "photo_ids"),
        ("shares", {"photo_ids": [1], "album_id": 1}, "album_id"),
        ("shares", {}, "album_id"),
        ("shares", {"album_id": "1"}, "album_id"),
        ("shares", {"album_id": 2**63}, "album_id"),
        ("shares", {"photo_ids": [1], "days": 0}, "days"),
        ("shares", {"photo_ids": [1], "days": 366}, "days"),
        ("searches", {"name": "a", "parameters": "?"}, "parameters"),
        ("searches", {"name": "a", "parameters": "q=\x00"}, "parameters"),
        ("zip", {}, "photo_ids"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_field(
    client: FlaskClient, address: str, body: dict[str, object], field: str
) -> None:
    answer = client.post(f"/api/v1/{address}", json=body)
    assert answer.status_code == 400
    assert answer.json["error"]["hint"] == f"Check the parameter {field}."


def test_home_that_can_only_be_read_refuses_in_a_sentence(
    kept_engine: SearchEngine, ids: dict[str, int], captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    home = replace(kept_engine.home, read_only=True)
    client = visitor(SearchEngine(home, kept_engine.database, captioner, embedder))
    answer = client.post("/api/v1/favourites", json={"add": [ids["cat.png"]]})
    assert answer.status_code == 409
    assert answer.json["error"]["code"] == "read_only_home"
    page = client.post("/albums", data={"name": "a"}, headers=OWN)
    assert (page.status_code, "this home can only be read" in page.text) == (409, True)
    assert " data-read-only>" in client.get("/albums").text
    assert "Make it" not in client.get("/albums").text


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("post", "/albums"), ("post", "/albums/1"), ("post", "/shares/1/revoke"),
        ("post", "/download"), ("post", "/saved"), ("post", "/saved/recent"),
        ("post", "/api/v1/favourites"), ("delete", "/api/v1/albums/1"),
        ("patch", "/api/v1/albums/1"), ("delete", "/api/v1/searches/recent"),
    ],
)  # fmt: skip
def test_page_of_another_site_changes_nothing(
    client: FlaskClient, method: str, address: str
) -> None:
    foreign = {"Origin": "https://elsewhere.example"}
    answer = getattr(client, method)(address, json={}, headers=foreign)
    assert answer.status_code == 403
    if not address.startswith("/api/"):
        assert client.post(address, data={"name": "a"}).status_code == 403  # says no page at all


def test_forms_make_rename_share_and_delete_an_album(client: FlaskClient) -> None:
    address = client.post("/albums", data={"name": "<b>Été</b>"}, headers=OWN).location
    assert "&lt;b&gt;Été&lt;/b&gt;" in client.get(address).text
    client.post(address, data={"deed": "rename", "name": "Winter"}, headers=OWN)
    shared = client.post(address, data={"deed": "share", "days": "7"}, headers=OWN).text
    link = shared.split('class="link" value="')[1].split('"')[0]
    assert "Winter" in client.get(link).text
    assert "Revoke the link to Winter" in words_of(client.get("/albums").text)
    wrong = client.post(address, data={"deed": "rename", "name": " "}, headers=OWN)
    assert (wrong.status_code, 'role="alert"' in wrong.text) == (400, True)
    assert client.post(address, data={"deed": "delete"}, headers=OWN).location == "/albums"
    assert client.get(address).status_code == client.get(link).status_code == 404


def test_favourites_have_a_page_and_say_so_on_the_photos(
    client: FlaskClient, ids: dict[str, int]
) -> None:
    marked = {"add": [ids["copy of cat.png"]]}
    assert client.post("/api/v1/favourites", json=marked).json == {"added": 1, "removed": 0}
    assert shown(client.get("/api/v1/favourites").json) == [ids["cat.png"]]
    assert 'aria-pressed="true"' in client.get(f"/photos/{ids['cat.png']}").text
    assert 'aria-pressed="true"' not in client.get(f"/photos/{ids['rocket.jpg']}").text
    assert "cat.png" in words_of(client.get("/favourites").text)


# Archives


def test_archive_has_the_originals_and_names_what_it_lacks(
    client: FlaskClient, kept_engine: SearchEngine, ids: dict[str, int]
) -> None:
    wanted = [*ids.values(), 999]
    answer = client.post("/api/v1/zip", json={"photo_ids": wanted, "name": "Été/../x"})
    assert answer.mimetype == "application/zip"
    assert ".zip" in answer.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert sorted(names) == sorted({*NAMES, "Photos left out.txt"} - {"coffee.png"})
        assert {each.compress_type for each in archive.infolist()} == {zipfile.ZIP_STORED}
        folder = kept_engine.photo(ids["cat.png"]).full_path.parent
        assert archive.read("rocket.jpg") == (folder / "rocket.jpg").read_bytes()
        assert b"coffee.png: The original of this photo cannot be reached" in archive.read(
            "Photos left out.txt"
        )
    form = client.post("/download", data={"photo_id": [ids["cat.png"], "no"]}, headers=OWN)
    album = client.get(f"{made(client, ids['cat.png'])}/zip")
    for again in (form, album):
        with zipfile.ZipFile(io.BytesIO(again.data)) as archive:
            assert archive.namelist() == ["cat.png"]


def test_same_name_in_two_folders_is_two_files(
    kept_engine: SearchEngine, ids: dict[str, int]
) -> None:
    data = b"".join(zip_of(kept_engine, [ids["cat.png"]] * 3))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["cat.png", "cat (2).png", "cat (3).png"]


def test_archive_is_never_in_memory_as_a_whole(
    kept_engine: SearchEngine, ids: dict[str, int]
) -> None:
    size = kept_engine.photo(ids["cat.png"]).size
    tracemalloc.start()
    sent = sum(len(piece) for piece in zip_of(kept_engine, [ids["cat.png"]] * 60))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sent > 60 * size > 10e6
    assert peak < 4e6


# Shared links


def test_link_shows_its_photos_and_nothing_else_without_the_servers_token(
    kept_engine: SearchEngine, client: FlaskClient, ids: dict[str, int]
) -> None:
    owner = visitor(kept_engine, WebConfig(token="secret"))
    bearer = {"Authorization": "Bearer secret"}
    body = {"photo_ids": [ids["rocket.jpg"], ids["cat.png"]], "title": "A <launch>"}
    share = owner.post("/api/v1/shares", json=body, headers=bearer).json
    guest = visitor(kept_engine, WebConfig(token="secret"))
    page = guest.get(share["link"])
    assert page.status_code == 200
    assert "A &lt;launch&gt;" in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    for private in ("rocket.jpg", "photos/", "Perhaps", "/api/", "Collection", 'role="search"'):
        assert private not in page.text
    large, small = (
        guest.get(each) for each in (part.split('"')[0] for part in (
            page.text.split('data-large="')[1], page.text.split('img src="')[1]))
    )  # fmt: skip
    for answer in (large, small):
        assert answer.mimetype == "image/jpeg"
        with Image.open(io.BytesIO(answer.data)) as picture:
            assert not picture.getexif()
    for beyond in ("/", "/albums", f"/api/v1/photos/{ids['cat.png']}", "/api/v1/shares"):
        assert guest.get(beyond).status_code == 401
    coffee = kept_engine.photo(ids["coffee.png"]).content_hash[:24]
    assert guest.get(f"{share['link']}/{coffee}/thumbnail").status_code == 404
    owner.delete(f"/api/v1/shares/{share['share_id']}", headers=bearer)
    gone = guest.get(share["link"])
    assert (gone.status_code, "Collection" in gone.text) == (404, False)


def test_guessed_tokens_are_counted(kept_engine: SearchEngine, client: FlaskClient) -> None:
    answers = [client.get(f"/s/{number}").status_code for number in range(40)]
    assert answers[0] == 404
    assert answers[-1] == 429


# Searches


def test_searches_are_saved_noted_and_switched_off(client: FlaskClient) -> None:
    client.post("/api/v1/searches/recent", json={"parameters": "q=a+dog&not=snow"})
    client.post("/saved", data={"name": "Cats", "parameters": "?q=a+cat&format=png"}, headers=OWN)
    page = words_of(client.get("/saved").text)
    assert "Cats" in page
    assert "a dog, not snow" in page
    welcome = client.get("/").text
    assert 'href="/?q=a+cat&amp;format=png"' in welcome
    assert "a dog, not snow" in words_of(welcome)
    client.post("/saved/recent", data={"deed": "off"}, headers=OWN)
    client.post("/api/v1/searches/recent", json={"parameters": "q=b"})
    told = client.get("/api/v1/searches").json
    assert (told["recent"], told["remember"]) == ([], False)
    [saved] = told["saved"]
    assert client.delete(f"/api/v1/searches/{saved['search_id']}").json["saved"] == []
    assert client.delete("/api/v1/searches/999").status_code == 404


# Copies, and the photo page


def test_copies_are_one_card_that_says_so(client: FlaskClient, ids: dict[str, int]) -> None:
    html = client.get("/?q=a+cat").text
    assert len(client.get("/api/v1/search?q=a+cat").json["results"]) == 4
    assert html.count('<li class="card') == 3
    assert words_of(html).count("2 copies") == 1
    places = words_of(client.get(f"/photos/{ids['cat.png']}").text)
    assert "The same photo also lies at" in places
    assert "copy of cat.png" in places
    assert "also lies at" not in client.get(f"/photos/{ids['rocket.jpg']}").text


def test_photo_page_tells_lens_exposure_and_place_before_the_model(
    client: FlaskClient, ids: dict[str, int]
) -> None:
    html = client.get(f"/photos/{ids['rocket.jpg']}?q=a+rocket").text
    told = words_of(html)
    order = ["rocket.jpg", "Folder", "Taken", "FUJIFILM X-T3", LENS,
             "35 mm, f/2.8, 1/250 s, ISO 400", "51.50000, 7.00000", "Ask the model",
             "Why this photo"]  # fmt: skip
    places = [told.index(each) for each in order]
    assert places == sorted(places)
    assert '<details class="model-part">' in html
    asked = client.get(f"/photos/{ids['rocket.jpg']}?sentence=a+rocket").text
    assert '<details class="model-part" open>' in asked
