"""The pages as HTML: what they say, where they lead, and that nobody's text becomes markup."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient

from search.calibration import percentage
from search.rerank import WordGain
from tests.web.live_server import visitor
from tests.web.odd_photos import SCRIPT
from tests.web.page_text import words_of
from web import WebConfig
from web.pages.cards import shape_class, tinted

if TYPE_CHECKING:
    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from catalog.database import Database
    from catalog.home import Home
    from search.engine import SearchEngine


def test_welcome_counts_the_photos_and_offers_examples(client: FlaskClient) -> None:
    html = client.get("/").text
    assert "12 photos ready to be found" in words_of(html)
    assert re.search(r'<section class="examples".*?href="/\?q=\w+.*?</section>', html, re.S)


def test_welcome_to_an_empty_collection_says_how_to_fill_it(
    home: Home, database: Database, captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    from search.engine import SearchEngine

    client = visitor(SearchEngine(home, database, captioner, embedder))
    assert "tellshow index" in words_of(client.get("/").text)
    assert "No photos are indexed yet" in words_of(client.get("/?q=a+dog").text)


def test_results_show_picture_name_and_probability(client: FlaskClient) -> None:
    result = client.get("/api/v1/search?q=a+cat+sits&k=1").json["results"][0]
    html = client.get("/?q=a+cat+sits").text
    assert html.count('<li class="card') == 12
    assert result["thumbnail_url"] in html
    assert Path(result["path"]).name in words_of(html)
    assert f"Fits by {percentage(result['probability'])}" in words_of(html)


def test_score_stands_in_the_details_of_a_result(client: FlaskClient) -> None:
    result = client.get("/api/v1/search?q=a+cat+sits&k=1").json["results"][0]
    html = client.get("/?q=a+cat+sits&k=1").text
    score = f"{result['score']:.2f}".replace("-", "\N{MINUS SIGN}")
    assert f"fits your sentence. Score {score}:" in html
    assert score not in words_of(html)


def test_words_of_the_query_are_tinted(client: FlaskClient) -> None:
    html = client.get("/?q=a+dog+sits").text
    tinted_words = re.findall(r'<span class="word gain-\w+" title="[^"]+">(\w+)</span>', html)
    assert tinted_words.count("dog") == 12


@pytest.mark.parametrize(
    ("gain", "tint"),
    [(5.0, "gain-4"), (1.6, "gain-3"), (0.7, "gain-2"), (0.3, "gain-1"), (0.0, "gain-0")],
)
def test_tint_grows_with_gain(gain: float, tint: str) -> None:
    assert tinted(WordGain("snow", gain)).tint == tint


def test_word_the_photo_speaks_against_is_marked() -> None:
    word = tinted(WordGain("snow", -1.25))
    assert word.tint == "gain-less"
    assert word.reason == "“snow”: 1.25 nats less likely with this photo"


@pytest.mark.parametrize(
    ("size", "shape"),
    [((300, 200), "shape-15"), ((100, 1000), "shape-7"), ((9000, 10), "shape-22")],
)
def test_every_shape_of_photo_has_a_class(size: tuple[int, int], shape: str) -> None:
    assert shape_class(*size) == shape


def test_unknown_word_is_named(client: FlaskClient) -> None:
    text = words_of(client.get("/?q=a+qwertzuiop+in+the+grass").text)
    assert "The model never learned: qwertzuiop" in text


def test_pages_of_results_are_linked_both_ways(engine: SearchEngine) -> None:
    client = visitor(engine, WebConfig(page_size=5))
    first = client.get("/?q=a+cat").text
    assert 'rel="next" href="/?q=a+cat&amp;offset=5"' in first
    assert 'rel="prev"' not in first
    last = client.get("/?q=a+cat&offset=10").text
    assert 'rel="prev" href="/?q=a+cat&amp;offset=5"' in last
    assert 'rel="next"' not in last


def test_links_keep_how_the_search_was_made(engine: SearchEngine) -> None:
    client = visitor(engine, WebConfig(page_size=5))
    html = client.get("/?q=a+cat&k=3&stage=retrieve").text
    assert 'href="/?q=a+cat&amp;k=3&amp;stage=retrieve&amp;offset=3"' in html


@pytest.mark.parametrize("query", ["q=", "q=+", "q=dog&k=none", "q=" + "a" * 301])
def test_wrong_query_is_explained_beside_the_query_box(client: FlaskClient, query: str) -> None:
    response = client.get(f"/?{query}")
    assert response.status_code == 400
    assert 'role="alert"' in response.text
    assert 'name="q"' in response.text


def test_photo_page_shows_captions_and_file(client: FlaskClient) -> None:
    result = client.get("/api/v1/search?q=a+cat&k=1").json["results"][0]
    photo = client.get(result["url"]).json
    html = client.get(f"/photos/{photo['photo_id']}?q=a+cat").text
    for caption in photo["captions"]:
        assert caption["text"] in words_of(html)
        assert f"{caption['log_likelihood']:.2f}".replace("-", "\N{MINUS SIGN}") in html
    assert photo["path"] in words_of(html)
    assert photo["original_url"] in html
    assert 'href="/?q=a+cat"' in html


def test_photo_browsers_cannot_draw_shows_its_thumbnail(
    odd_client: FlaskClient, odd_photos: dict[str, int]
) -> None:
    html = odd_client.get(f"/photos/{odd_photos['tiff']}").text
    assert f'src="/api/v1/photos/{odd_photos["tiff"]}/thumbnail' in html
    assert "browsers do not draw TIFF files" in words_of(html)


def test_photo_out_of_reach_shows_its_thumbnail(
    odd_client: FlaskClient, odd_photos: dict[str, int]
) -> None:
    html = odd_client.get(f"/photos/{odd_photos['vanished']}").text
    assert f'src="/api/v1/photos/{odd_photos["vanished"]}/thumbnail' in html
    assert "cannot be reached" in words_of(html)


@pytest.mark.parametrize("address", ["/photos/999999", "/nothing", "/photos/x"])
def test_missing_page_is_explained_in_html(client: FlaskClient, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 404
    assert response.mimetype == "text/html"
    assert "Search for photos" in words_of(response.text)


def test_query_never_becomes_markup(client: FlaskClient) -> None:
    for address in ("/", "/photos/1"):
        html = client.get(address, query_string={"q": f'"{SCRIPT} a cat'}).text
        assert "<script>document" not in html
        assert 'value="&#34;&lt;script&gt;' in html


def test_names_captions_and_exif_never_become_markup(
    odd_client: FlaskClient, odd_photos: dict[str, int]
) -> None:
    for address in ("/?q=a+photo", f"/photos/{odd_photos['script']}"):
        html = odd_client.get(address).text
        assert "&lt;script&gt;document" in html
        assert "<script>document" not in html
        assert "<img src=x" not in html


def test_pages_hold_nothing_inline(client: FlaskClient) -> None:
    browse = ("/browse", "/browse/folders", "/browse/tags", "/browse/places?zoom=2&at=48,8")
    for address in ("/", "/?q=a+cat", "/photos/1?q=a+cat", "/nothing", *browse):
        html = client.get(address).text.replace('href="https://', 'data-away="')
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src)", html)
        assert not re.search(r'(?:src|href|action)="(?!/|\?)', html.replace('href="#main"', ""))
