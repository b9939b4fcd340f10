"""Whoever follows the pages of an answer, of either kind, meets every photo once."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from search.request import SearchRequest
from tests.search.many_photos import COUNT
from tests.web.live_server import visitor
from web import WebConfig

if TYPE_CHECKING:
    from search.engine import SearchEngine

QUERY = "a cat"


@pytest.fixture
def many_client(many: SearchEngine) -> FlaskClient:
    return visitor(many, WebConfig(page_size=120))


@pytest.fixture(scope="module")
def whole(many: SearchEngine) -> list[int]:
    """All photos in their order."""
    question = many.read(SearchRequest(QUERY))
    return many.order(question).page(0, COUNT + 1).found.ids.tolist()


def followed(client: FlaskClient, address: str | None) -> list[dict[str, Any]]:
    """The answers of the API from an address on, by their own links."""
    answers = []
    while address:
        answers.append(client.get(address).json)
        address = answers[-1]["next"]
    return answers


@pytest.mark.parametrize("k", [70, 200])
def test_links_of_the_api_lead_through_all_photos(
    many_client: FlaskClient, whole: list[int], k: int
) -> None:
    answers = followed(many_client, f"/api/v1/search?q=a+cat&k={k}")
    results = [result for answer in answers for result in answer["results"]]
    assert [result["photo_id"] for result in results] == whole
    assert {answer["candidates"] for answer in answers} == {200}
    assert len({answer["nothing_fits"] for answer in answers}) == 1


def test_links_of_the_page_lead_through_all_photos_but_copies_of_others(
    many: SearchEngine, many_client: FlaskClient, whole: list[int]
) -> None:
    address, found = "/?q=a+cat", list[int]()
    while address:
        html = many_client.get(address).text
        found += [int(number) for number in re.findall(r'id="photo-(\d+)"', html)]
        after = re.search(r'rel="next" href="([^"]+)"', html)
        address = unescape(after.group(1)) if after else ""
    shown, photos = set(found), many.photos(whole)
    assert found == [number for number in whole if number in shown]
    contents = {photos[number].content_hash for number in found}
    assert contents == {photo.content_hash for photo in photos.values()}
    assert "beyond the 200 considered" in html


def test_one_walks_from_photo_to_photo_past_the_candidates(
    many_client: FlaskClient, whole: list[int]
) -> None:
    for place in (199, 200, 239, COUNT - 2):
        query = {"q": QUERY, "offset": str(place - place % 120), "step": "1"}
        onward = many_client.get(f"/photos/{whole[place]}/beside", query_string=query)
        assert urlsplit(onward.location).path == f"/photos/{whole[place + 1]}"
        query = {"q": QUERY, "offset": str((place + 1) - (place + 1) % 120), "step": "-1"}
        back = many_client.get(f"/photos/{whole[place + 1]}/beside", query_string=query)
        assert urlsplit(back.location).path == f"/photos/{whole[place]}"


@pytest.mark.parametrize("k", [50, 200])
def test_links_among_similar_photos_lead_through_all(
    many_client: FlaskClient, whole: list[int], k: int
) -> None:
    answers = followed(many_client, f"/api/v1/photos/{whole[0]}/similar?k={k}")
    found = [result["photo_id"] for answer in answers for result in answer["results"]]
    assert sorted(found) == sorted(whole[1:])
    assert len(set(found)) == len(found)


def test_a_picture_finds_the_same_photos_first_however_many_are_asked_for(
    many_client: FlaskClient, sample_photos: Path
) -> None:
    data = (sample_photos / "cat.png").read_bytes()
    found = {
        k: many_client.post(f"/api/v1/search?k={k}", data=data, content_type="image/png").json
        for k in (1, 7, 50, 200)
    }
    for k, answer in found.items():
        assert answer["results"] == found[200]["results"][:k]


def test_links_that_cannot_be_followed_are_not_offered(many_client: FlaskClient) -> None:
    for address in ("/api/v1/search?q=a+cat&", "/api/v1/photos/1/similar?"):
        answer = many_client.get(f"{address}k=200&offset=5000").json
        assert (answer["results"], answer["next"]) == ([], None)
