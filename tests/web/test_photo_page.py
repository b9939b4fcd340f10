"""The photo page: the photo among others, its file, and that nobody's text becomes markup."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete

from search.guess import Guess
from tests.web.live_server import visitor
from tests.web.odd_photos import SCRIPT
from tests.web.page_text import words_of
from tests.web.photo_queries import ALL_QUESTIONS, CAT_QUERY, found
from web import WebConfig
from web.pages.photo import photo_facts

if TYPE_CHECKING:
    from pathlib import Path

    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from catalog.database import Database
    from catalog.home import Home
    from catalog.views import PhotoView
    from search.engine import SearchEngine


# The photo among others


def test_similar_photos_are_those_of_the_api(client: FlaskClient, cat: int) -> None:
    told = client.get(f"/api/v1/photos/{cat}/similar?k=12").json["results"]
    html = client.get(f"/photos/{cat}").text
    part = html[html.index('id="alike-title"') :]
    linked = dict.fromkeys(re.findall(r'href="/photos/(\d+)"', part))
    assert list(linked) == [str(each["photo_id"]) for each in told]
    assert all(each["thumbnail_url"] in part for each in told)


def test_next_and_previous_follow_the_results(client: FlaskClient) -> None:
    query = {"q": CAT_QUERY, "not": "a dog"}
    keys = found(client, **query)
    for place, key in enumerate(keys[:-1]):
        answer = client.get(f"/photos/{key}/beside", query_string={**query, "step": "1"})
        assert urlsplit(answer.location).path == f"/photos/{keys[place + 1]}"
        assert parse_qs(urlsplit(answer.location).query) == {"q": [CAT_QUERY], "not": ["a dog"]}
        back = client.get(f"/photos/{keys[place + 1]}/beside", query_string={**query, "step": "-1"})
        assert urlsplit(back.location).path == f"/photos/{key}"


def test_past_the_ends_are_the_results(client: FlaskClient) -> None:
    keys = found(client)
    for key, step in ((keys[0], "-1"), (keys[-1], "1")):
        answer = client.get(f"/photos/{key}/beside", query_string={"q": CAT_QUERY, "step": step})
        assert answer.location == "/?q=a+cat+looks+at+the+camera"


def test_way_back_leads_to_the_page_that_one_walked_to(engine: SearchEngine) -> None:
    client = visitor(engine, WebConfig(page_size=5))
    keys = found(client, k=12)
    onward = client.get(f"/photos/{keys[4]}/beside", query_string={"q": CAT_QUERY, "step": "1"})
    assert parse_qs(urlsplit(onward.location).query)["offset"] == ["5"]
    again = {"q": CAT_QUERY, "offset": "5", "step": "-1"}
    back = client.get(f"/photos/{keys[5]}/beside", query_string=again)
    assert "offset" not in parse_qs(urlsplit(back.location).query)


def test_forms_and_links_keep_the_search(client: FlaskClient, cat: int) -> None:
    address = f"/photos/{cat}?q=a+cat&not=a+dog&not=snow&stage=retrieve&sentence=a+cat"
    html = client.get(address).text
    for form in re.findall(r'<form class="ask.*?</form>', html, re.S):
        hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
        assert hidden == [("q", "a cat"), ("not", "a dog"), ("not", "snow"), ("stage", "retrieve")]
    assert 'href="/?q=a+cat&amp;not=a+dog&amp;not=snow&amp;stage=retrieve"' in html


# The file


def shown(client: FlaskClient, view: PhotoView, query: str = "") -> dict[str, object]:
    with client.application.test_request_context():
        photo = photo_facts(view, Guess(), query)
    links = {"camera": photo.by_camera, "day": photo.by_day, "folder": photo.by_folder}
    return {
        name: {key: values[0] for key, values in parse_qs(urlsplit(link).query).items()}
        if link
        else None
        for name, link in links.items()
    }


def test_camera_day_and_folder_lead_to_photos_that_share_them(
    client: FlaskClient, engine: SearchEngine
) -> None:
    view = replace(
        engine.photo(1), camera="Canon & Co", taken_at=datetime(2021, 12, 31, 23, 59, tzinfo=UTC)
    )
    assert shown(client, view, "a cat") == {
        "camera": {"q": "a cat", "camera": "Canon & Co"},
        "day": {"q": "a cat", "after": "2021-12-31", "before": "2022-01-01"},
        "folder": {"q": "a cat", "folder": str(view.full_path.parent)},
    }


def test_links_of_a_photo_that_no_search_found_look_for_its_caption(
    client: FlaskClient, engine: SearchEngine
) -> None:
    view = replace(engine.photo(1), taken_at=None)
    links = shown(client, view)
    assert links["camera"] is links["day"] is None
    assert links["folder"] == {
        "q": view.captions[0][0],
        "folder": str(view.full_path.parent),
    }


def test_last_day_and_folder_that_is_no_text_have_no_link(
    client: FlaskClient, engine: SearchEngine
) -> None:
    view = replace(
        engine.photo(1),
        root=b"/photos/\xff\xfe",
        taken_at=datetime(9999, 12, 31, tzinfo=UTC),
    )
    assert shown(client, view)["day"] is None
    assert shown(client, view)["folder"] is None


def test_photo_that_another_model_indexed_is_shown_without_questions(
    home: Home,
    database: Database,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    sample_photos: Path,
    tmp_path: Path,
) -> None:
    from catalog.models import State
    from indexer.pipeline import Indexer
    from search.engine import SearchEngine

    folder = tmp_path / "photos"
    folder.mkdir()
    os.link(sample_photos / "cat.png", folder / "cat.png")
    Indexer(home, database, captioner, embedder).index([folder])
    with database.write() as session:
        session.execute(delete(State))
    client = visitor(SearchEngine(home, database, captioner, embedder))
    response = client.get("/photos/1", query_string=ALL_QUESTIONS)
    assert response.status_code == 200
    assert "has not seen this photo yet" in words_of(response.text)
    assert 'class="ask' not in response.text


@pytest.mark.parametrize("address", ["/photos/999999", "/photos/999999/beside?q=a&step=1"])
def test_photo_that_is_not_there_is_no_failure(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code in {302, 404}


def test_texts_never_become_markup(odd_client: FlaskClient, odd_photos: dict[str, int]) -> None:
    texts = dict.fromkeys((*ALL_QUESTIONS, "camera", "x"), f'"{SCRIPT} a cat')
    for key in odd_photos.values():
        response = odd_client.get(f"/photos/{key}", query_string=texts)
        assert response.status_code == 200
        assert "<script>document" not in response.text
        assert "<img src=x" not in response.text


def test_page_with_all_answers_holds_nothing_inline(client: FlaskClient, cat: int) -> None:
    html = client.get(f"/photos/{cat}", query_string=ALL_QUESTIONS).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src)", html)
