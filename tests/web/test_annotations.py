"""What people wrote about photos, on the pages and in the API: shown, filtered by, a reason."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.database import open_database
from catalog.home import open_home
from indexer.pipeline import Indexer
from search.engine import SearchEngine
from tests.indexer.annotated_photos import annotated, bag, in_languages, packet, write_sidecar
from tests.web.live_server import visitor
from tests.web.page_text import words_of

WRITTEN = {
    "cat.png": packet(
        'xmp:Rating="4"',
        bag("dc:subject", ["Harvest festival", "R&amp;B"])
        + in_languages("dc:title", x_default="Rex")
        + in_languages("dc:description", x_default="At the old mill")
        + bag("Iptc4xmpExt:PersonInImage", ["Ada Lovelace"]),
    ),
    "coins.png": annotated(["regatta"], rating=-1),
}


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory,
    sample_photos: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
) -> Iterator[FlaskClient]:
    """A visitor of three photos, two of them with sidecars."""
    album = tmp_path_factory.mktemp("annotated") / "album"
    album.mkdir()
    for name in (*WRITTEN, "rocket.jpg"):
        shutil.copy(sample_photos / name, album / name)
    for name, content in WRITTEN.items():
        write_sidecar(album / name, content)
    home = open_home(album.parent / "home")
    database = open_database(home)
    Indexer(home, database, captioner, embedder).index([album])
    yield visitor(SearchEngine(home, database, captioner, embedder))
    database.close()


def found(client: FlaskClient, **asked: str) -> dict[str, int]:
    """Photos that a search finds, by name, in order."""
    answer = client.get("/api/v1/search", query_string={"q": "a dog", **asked}).json
    return {Path(each["path"]).name: each["photo_id"] for each in answer["results"]}


def test_api_tells_what_people_wrote(client: FlaskClient) -> None:
    ids = found(client)
    told = [client.get(f"/api/v1/photos/{ids[name]}").json for name in ("cat.png", "rocket.jpg")]
    fields = ("title", "description", "rating", "keywords", "people")
    assert [[each[name] for name in fields] for each in told] == [
        ["Rex", "At the old mill", 4, ["Harvest festival", "R&B"], ["Ada Lovelace"]],
        [None, None, None, [], []],
    ]


def test_api_filters_by_keyword_and_rating(client: FlaskClient) -> None:
    assert set(found(client, keyword="festival")) == {"cat.png"}
    assert set(found(client, keyword="R&B")) == {"cat.png"}
    assert set(found(client, rating="4")) == {"cat.png"}
    assert set(found(client, rating="0")) == {"cat.png", "rocket.jpg"}
    assert set(found(client, rating="-1")) == {"coins.png"}
    assert set(found(client, keyword="fest")) == set()


@pytest.mark.parametrize("rating", ["6", "-2", "4.5", "many", "４"])
def test_rating_that_is_none_is_refused(client: FlaskClient, rating: str) -> None:
    asked = {"q": "a dog", "rating": rating}
    answer = client.get("/api/v1/search", query_string=asked)
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == "invalid_query"
    assert "from -1 to 5" in answer.json["error"]["message"]
    assert "Rating must be a whole number from -1 to 5" in client.get("/", query_string=asked).text


def test_photo_page_shows_it_under_name_and_date(client: FlaskClient) -> None:
    ids = found(client)
    page = client.get(f"/photos/{ids['cat.png']}?q=a+cat").text
    [header] = re.findall(r"<header>.*?</header>", page.split('class="told-of"')[1], re.S)
    text = words_of(header)
    order = ["cat.png", "Rex", "At the old mill", "Rated 4 of 5 stars", "Keywords",
             "Harvest festival", "R&B", "People", "Ada Lovelace"]  # fmt: skip
    places = [text.index(each) for each in order]
    assert places == sorted(places)
    assert 'href="/?q=a+cat&amp;keyword=Harvest+festival"' in header
    assert 'href="/?q=Ada+Lovelace"' in header
    assert "Rejected" in words_of(client.get(f"/photos/{ids['coins.png']}").text)
    plain = client.get(f"/photos/{ids['rocket.jpg']}").text
    assert "Keywords" not in plain.split('class="told-of"')[1].split("</header>")[0]


def test_search_page_says_why_and_offers_the_filters(client: FlaskClient) -> None:
    page = client.get("/?q=a+harvest+with+Lovelace").text
    [first, *_] = re.findall(r'<li class="card.*?</li>', page, re.S)
    assert "Keyword Harvest festival" in words_of(first)
    assert "Person Ada Lovelace" in words_of(first)
    page = client.get("/?q=a+dog&keyword=festival&rating=4").text
    assert 'name="keyword"' in page
    assert '<option value="4" selected>★★★★ or more</option>' in page
    [chips] = re.findall(r'<ul class="chips".*?</ul>', page, re.S)
    assert {"Keyword festival ×", "Rating ★★★★ or more ×"} <= {
        words_of(each) for each in re.findall(r"<li>.*?</li>", chips, re.S)
    }


def test_keywords_are_completed(client: FlaskClient) -> None:
    answer = client.get("/api/v1/complete?q=at+the+harv&k=20").json
    assert "at the harvest festival" in [each["text"] for each in answer["completions"]]
