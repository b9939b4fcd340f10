"""Years, gear, places and folders of the collection, offered by the page and told by the API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import pytest
from flask.testing import FlaskClient
from PIL import ExifTags, Image

from catalog.database import open_database
from catalog.home import open_home
from indexer.pipeline import Indexer
from search.engine import SearchEngine
from tests.web.live_server import opened, running, visitor
from tests.web.page_text import words_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder

PLACES = ("trips/Lisbon/IMG_20190704_1.jpg", "trips/Porto/IMG_20190705_2.jpg", "20200101_3.jpg")
CAMERA, LENS = "Fuji X", "Fujinon 35 mm"
# North 47° 33' 20", east 7° 35' 20".
IN_BASEL = {1: "N", 2: (47.0, 33.0, 20.0), 3: "E", 4: (7.0, 35.0, 20.0)}
BASEL = "Basel, Basel-City, Switzerland"


@pytest.fixture(scope="module")
def trips(
    tmp_path_factory: pytest.TempPathFactory,
    sample_photos: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
) -> Iterator[SearchEngine]:
    """Three photos in folders, of two years, one of them by a camera with a name."""
    album = tmp_path_factory.mktemp("trips") / "album"
    for place in PLACES:  # no two of them copies
        (album / place).parent.mkdir(parents=True, exist_ok=True)
        (album / place).write_bytes((sample_photos / "rocket.jpg").read_bytes() + place.encode())
    with Image.open(sample_photos / "rocket.jpg") as picture:
        exif = Image.Exif()
        exif[272] = CAMERA  # the model
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.LensModel] = LENS
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(IN_BASEL)
        picture.save(album / PLACES[2], exif=exif)
    home = open_home(album.parent / "home")
    database = open_database(home)
    Indexer(home, database, captioner, embedder).index([album])
    yield SearchEngine(home, database, captioner, embedder)
    database.close()


@pytest.fixture
def client(trips: SearchEngine) -> FlaskClient:
    return visitor(trips)


def album_of(engine: SearchEngine) -> str:
    return engine.status().roots[0].path


def test_api_tells_what_there_is_to_choose_from(client: FlaskClient) -> None:
    assert client.get("/api/v1/filters").json == {
        "cameras": [{"name": CAMERA, "photos": 1}],
        "lenses": [{"name": LENS, "photos": 1}],
        "places": [
            {"name": "Switzerland", "town": "", "photos": 1},
            {"name": BASEL, "town": "Basel, Basel-City", "photos": 1},
        ],
        "years": [{"year": 2020, "photos": 1}, {"year": 2019, "photos": 2}],
    }


def test_year_is_one_step_away_and_one_chip(client: FlaskClient) -> None:
    year = "after=2019-01-01&amp;before=2020-01-01"
    html = client.get("/?q=a+rocket&format=JPEG").text
    assert f'href="/?q=a+rocket&amp;{year}&amp;format=JPEG"' in html
    html = client.get("/?q=a+rocket&after=2019-01-01&before=2020-01-01").text
    assert "Taken in 2019 ×" in words_of(html)
    assert 'aria-current="true">2019' in html
    [chips] = re.findall(r'<ul class="chips".*?</ul>', html, re.S)
    assert re.findall(r'href="([^"]*)"', chips) == ["/?q=a+rocket"]
    assert len(re.findall('class="card ', html)) == 2


def test_dates_that_are_no_year_stay_two_chips(client: FlaskClient) -> None:
    html = client.get("/?q=a+rocket&after=2019-01-01&before=2019-07-05").text
    assert "Taken from 2019-01-01 ×" in words_of(html)
    assert "Taken before 2019-07-05 ×" in words_of(html)


def test_cameras_of_the_collection_are_a_list(client: FlaskClient) -> None:
    html = client.get(f"/?q=a+rocket&camera={CAMERA.replace(' ', '+')}").text
    assert f'<option value="{CAMERA}" selected>{CAMERA} (1)</option>' in html
    assert '<option value="uji" selected>uji</option>' in client.get("/?q=a&camera=uji").text


def test_lenses_and_places_of_the_collection_are_lists(client: FlaskClient) -> None:
    html = client.get(f"/?q=a+rocket&lens={quote_plus(LENS)}&place=basel").text
    assert f'<option value="{LENS}" selected>{LENS} (1)</option>' in html
    assert '<option value="Switzerland">Switzerland (1)</option>' in html
    assert f'<option value="{BASEL}">– Basel, Basel-City (1)</option>' in html
    assert '<option value="basel" selected>basel</option>' in html
    assert "Lens Fujinon 35 mm ×" in words_of(html)


def test_lens_and_place_narrow_a_search_and_lead_on_from_a_photo(client: FlaskClient) -> None:
    def found(**filters: str) -> int:
        query = {"q": "a rocket", **filters}
        return len(client.get("/api/v1/search", query_string=query).json["results"])

    assert found() == 3
    assert found(lens="fujinon") == found(place="Basel, Switzerland") == found(place=BASEL) == 1
    assert found(lens="Nikkor") == found(place="Basel, Italy") == found(place=",") == 0
    [result] = client.get("/api/v1/search?q=a+rocket&lens=fujinon").json["results"]
    photo = client.get(result["url"]).json
    assert (photo["lens"], photo["place"]["town"]) == (LENS, "Basel")
    page = client.get(f"/photos/{result['photo_id']}?q=a+rocket").text
    assert f'href="/?q=a+rocket&amp;lens={quote_plus(LENS)}">same lens' in page
    assert f'href="/?q=a+rocket&amp;place={quote_plus(BASEL)}">same place' in page


def test_folders_are_a_tree_that_is_open_down_to_the_one_asked_for(
    trips: SearchEngine, client: FlaskClient
) -> None:
    album = album_of(trips)
    closed = words_of(client.get("/?q=a+rocket").text)
    assert f"{album} 3 photos" in closed
    assert "Lisbon 1 photo" not in closed
    html = client.get("/", query_string={"q": "a rocket", "folder": f"{album}/trips"}).text
    assert f'href="/?q=a+rocket&amp;folder={quote_plus(f"{album}/trips/Lisbon")}"' not in html
    html = client.get("/", query_string={"q": "a rocket", "folder": f"{album}/trips/Porto"}).text
    assert f'href="/?q=a+rocket&amp;folder={quote_plus(f"{album}/trips/Lisbon")}"' in html
    assert 'aria-current="true">Porto' in html


def test_filters_are_picked_from_lists_and_closed_by_escape(
    browser: Browser, trips: SearchEngine
) -> None:
    complaints: list[str] = []
    with running(trips) as site, opened(browser, site, complaints) as page:
        page.set_default_timeout(20_000)
        page.goto("/?q=a+rocket")
        summary = page.get_by_text("Filters", exact=True)
        summary.click()
        page.get_by_label("Format").focus()
        page.keyboard.press("Escape")
        assert page.locator(".filters[open]").count() == 0
        assert page.evaluate("document.activeElement.textContent") == "Filters"
        summary.click()
        page.get_by_label("Format").select_option("JPEG")
        page.get_by_role("link", name="2019 2 photos").click()
        page.wait_for_url("/?q=a+rocket&after=2019-01-01&before=2020-01-01&format=JPEG")
        page.get_by_text("Filters", exact=True).click()
        page.get_by_text("Choose a folder").click()
        page.locator(".twist").first.click()
        page.get_by_role("button", name="Folders in trips").click()
        page.get_by_role("link", name="Lisbon 1").click()
        page.wait_for_url("**Lisbon*")
        assert page.locator(".card").count() == 1
        assert page.locator(".chips li").count() == 4  # year, folder, format, and all of them
    assert complaints == []
