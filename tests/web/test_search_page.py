"""The search page as HTML: filters, exclusions, the line of weak results, the offered command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from search.request import SearchRequest
from search.weak_results import Judge, first_run
from tests.web.live_server import visitor
from tests.web.odd_photos import SCRIPT
from web import WebConfig
from web.pages.cards import exclude_links
from web.pages.search_url import curl_line, read_search_url

if TYPE_CHECKING:
    from search.engine import SearchEngine

QUERY = "a cat looks at the camera"
LINE = "Below this line"


def words_of(html: str) -> str:
    """The text of a page, as a person reads it."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def links_of(html: str) -> list[str]:
    return [unescape(link) for link in re.findall(r'href="([^"]+)"', html)]


def shown_ids(html: str) -> list[int]:
    return [int(number) for number in re.findall(r'id="photo-(\d+)"', html)]


def fields_of(link: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(link).query)


def flags(client: FlaskClient, query: str) -> list[bool]:
    """Of every photo, best first, whether the search calls it weak."""
    answer = client.get("/api/v1/search", query_string={"q": query, "k": 12}).json
    return [result["weak"] for result in answer["results"]]


# Filters


@pytest.mark.parametrize(
    "narrowed", ["orientation=square", "format=jpeg", "not=a+cat", "rather_than=a+dog+in+the+snow"]
)
def test_page_shows_what_the_api_finds(client: FlaskClient, narrowed: str) -> None:
    answer = client.get(f"/api/v1/search?q=a+cat&k=25&{narrowed}").json
    expected = [result["photo_id"] for result in answer["results"]]
    assert shown_ids(client.get(f"/?q=a+cat&{narrowed}").text) == expected
    assert expected


def test_filter_is_shown_with_a_way_to_remove_it(client: FlaskClient) -> None:
    html = client.get("/?q=a+cat&not=a+dog&not=grass&orientation=square").text
    text = words_of(html)
    assert "Not a dog" in text
    assert "Shape square" in text
    assert "/?q=a+cat&not=grass&orientation=square" in links_of(html)
    assert "/?q=a+cat&not=a+dog&not=grass" in links_of(html)
    assert "/?q=a+cat" in links_of(html)


def test_form_keeps_what_was_filled_in(client: FlaskClient) -> None:
    html = client.get("/?q=a+cat&not=a+dog&folder=/&format=png&after=0001-01-02").text
    for typed in ("a dog", "/", "0001-01-02"):
        assert f'value="{typed}"' in html
    assert '<option value="PNG" selected>' in html


def test_address_says_only_what_was_filled_in(client: FlaskClient) -> None:
    filled = "q=a+cat&not=&not=a+dog&rather_than=&after=&before=&folder=&camera=+&format=&stage="
    response = client.get(f"/?{filled}")
    assert response.status_code == 302
    assert response.headers["Location"] == "/?q=a+cat&not=a+dog"


def test_links_keep_every_filter(engine: SearchEngine) -> None:
    client = visitor(engine, WebConfig(page_size=2))
    asked = "q=a+cat&not=a+dog&rather_than=grass&orientation=square&stage=likelihood"
    html = client.get(f"/?{asked}").text
    links = links_of(html)
    expected = sorted(parse_qsl(asked))
    (onward,) = re.findall(r'rel="next" href="([^"]+)"', html)
    assert sorted(fields_of(unescape(onward))) == sorted([*expected, ("offset", "2")])
    photos = [link for link in links if link.startswith("/photos/")]
    assert photos
    assert all(sorted(fields_of(link)) == expected for link in photos)
    (as_json,) = {link for link in links if link.startswith("/api/v1/search")}
    assert sorted(fields_of(as_json)) == sorted([*expected, ("k", "2")])


def test_plain_choices_are_left_out_of_links() -> None:
    asked = read_search_url(MultiDict([("q", " a cat "), ("k", "25"), ("stage", "combined")]), 25)
    assert asked.query_string == "?q=a+cat"


def test_narrowing_goes_back_to_the_first_page() -> None:
    asked = read_search_url(
        MultiDict([("q", "a cat"), ("not", "dog"), ("k", "75"), ("offset", "5")]), 25
    )
    assert asked.without("not", "dog").query_string == "?q=a+cat"
    assert asked.with_also("not", "grass").query_string == "?q=a+cat&not=dog&not=grass"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("after=yesterday", "Taken from must be a date"),
        ("before=2021-13-01", "Taken before must be a date"),
        ("after=2021-02-01&before=2021-01-01", "Taken from must be earlier"),
        ("folder=Pictures", "Folder must be a full path"),
        ("format=docx", "Format must be one of"),
        ("orientation=round", "Shape must be one of"),
        ("stage=guess", "Ranked by must be one of"),
        ("rather_than=...", "has no words"),
        ("not=" + "a" * 301, "at most 300 are read"),
    ],
)
def test_wrong_filter_is_explained_at_its_field(
    client: FlaskClient, wrong: str, message: str
) -> None:
    response = client.get(f"/?q=a+cat&{wrong}")
    assert response.status_code == 400
    name, typed = parse_qsl(wrong)[0]
    field = re.search(
        rf'<(?:input|select)[^>]*name="{name}"[^>]*aria-invalid="true"[^>]*>', response.text
    )
    assert field
    assert f'aria-describedby="wrong-{name}"' in field[0]
    told = re.search(rf'id="wrong-{name}" role="alert">([^<]+)<', response.text)
    assert told
    assert message in unescape(told[1])
    assert f'value="{typed}"' in response.text
    assert '<details class="filters" open>' in response.text


def test_filters_that_no_photo_passes_say_so(client: FlaskClient) -> None:
    text = words_of(client.get("/?q=a+cat&camera=no+such+camera").text)
    assert "No photo passes these filters" in text
    assert "tellshow index" not in text


def test_one_photo_is_no_plural(client: FlaskClient) -> None:
    html = client.get("/?q=a+cat&k=1").text
    assert "The best one of 12 considered" in words_of(html)


def test_filters_never_become_markup(client: FlaskClient) -> None:
    hostile = f'"{SCRIPT} a cat'
    for name in ("not", "rather_than", "camera", "after", "format", "folder", "stage"):
        html = client.get("/", query_string={"q": hostile, name: hostile}).text
        assert "<script>document" not in html
        assert "&lt;script&gt;document" in html


# Exclusion from a card


def test_card_offers_to_leave_out_what_its_caption_shows(client: FlaskClient) -> None:
    result = client.get("/api/v1/search?q=qwertzuiop&k=1").json["results"][0]
    links = links_of(client.get("/?q=qwertzuiop&k=1").text)
    shown = [text for link in links for name, text in fields_of(link) if name == "not"]
    assert shown[-1] == result["caption"]
    assert set(shown[:-1]) <= set(result["caption"].split())
    assert len(shown) > 2


def test_what_is_asked_for_is_not_offered_to_be_left_out() -> None:
    asked = read_search_url(MultiDict([("q", "a dog runs"), ("not", "ball")]), 25)
    found = exclude_links(asked, "a dog runs after a red ball in the snow")
    texts = [each.text for each in found]
    assert texts == ["after", "red", "snow", "a dog runs after a red ball in the snow"]
    assert found[1].link == "?q=a+dog+runs&not=ball&not=red"


def test_no_more_is_offered_once_as_much_is_left_out_as_can_be() -> None:
    fields = [("q", "a dog"), *(("not", f"word{number}") for number in range(8))]
    assert exclude_links(read_search_url(MultiDict(fields), 25), "a red ball") == []


# The line


# Of the twelve sample photos, in the order in which they are found: w is weak.
MARKS = {
    "below the first three": "...wwwwwwwww",
    "after stray weak ones": ".w.ww.www.ww",
    "on top": "www.wwwwwwww",
    "at the end": "...........w",
    "where none is weak": "............",
}


@pytest.fixture
def mark(engine: SearchEngine, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes photos weak by the place where they are found, whatever the model says of them."""
    places = [result.photo_id for result in engine.search(SearchRequest(QUERY, k=12)).results]

    def set_to(marks: str) -> None:
        weak = {key for key, mark in zip(places, marks, strict=True) if mark == "w"}
        monkeypatch.setattr(
            Judge,
            "weak",
            lambda judge, ranked: np.isin(ranked.found.ids, list(weak)),
        )

    return set_to


def above_the_line(engine: SearchEngine, size: int) -> tuple[list[int], bool]:
    """The photos above the line on pages of a size, and whether there is a line at all."""
    client = visitor(engine, WebConfig(page_size=size))
    above: list[int] = []
    for offset in range(0, 12, size):
        html = client.get("/", query_string={"q": QUERY, "offset": offset}).text
        before, line, _ = html.partition(LINE)
        above += shown_ids(before)
        if line:
            return above, True
    return above, False


@pytest.mark.parametrize("marks", MARKS.values(), ids=MARKS)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 12])
def test_line_falls_in_the_same_place_however_pages_are_cut(
    engine: SearchEngine, mark: Callable[[str], None], marks: str, size: int
) -> None:
    mark(marks)
    expected = first_run([each == "w" for each in marks])
    above, line = above_the_line(engine, size)
    assert (len(above), line) == (expected, expected < 12)


def test_line_stands_on_top_where_the_best_are_weak_and_a_later_one_is_not(
    engine: SearchEngine, client: FlaskClient, mark: Callable[[str], None]
) -> None:
    mark("www.wwwwwwww")
    html = client.get("/", query_string={"q": QUERY}).text
    text = words_of(html)
    assert text.count(LINE) == 1
    assert "Probably none" not in text
    before, _, below = html.partition(LINE)
    assert (shown_ids(before), len(shown_ids(below))) == ([], 12)
    marks = [" weak" in card for card in re.findall(r'<li class="(card[^"]*)"', html)]
    assert marks == [place != 3 for place in range(12)]


def test_weak_photos_are_marked(client: FlaskClient) -> None:
    html = client.get("/", query_string={"q": QUERY}).text
    marks = [" weak" in card for card in re.findall(r'<li class="(card[^"]*)"', html)]
    assert marks == flags(client, QUERY)
    assert any(marks)


@pytest.mark.parametrize("size", [5, 12])
def test_search_that_nothing_fits_says_so_instead_of_drawing_a_line(
    engine: SearchEngine, mark: Callable[[str], None], size: int
) -> None:
    mark("w" * 12)
    above, line = above_the_line(engine, size)
    assert (len(above), line) == (12, False)
    html = visitor(engine, WebConfig(page_size=size)).get("/", query_string={"q": QUERY}).text
    assert "Probably none of your photos shows this" in words_of(html)


# Words


def test_legend_explains_the_marks_in_words(client: FlaskClient) -> None:
    text = words_of(client.get("/?q=a+cat").text)
    assert "The photo makes your word less likely a bit more much more likely" in text


def test_unknown_word_is_named_with_what_it_was_read_as(client: FlaskClient) -> None:
    query = "a sorrel pony"
    answer = client.get("/api/v1/search", query_string={"q": query}).json
    text = words_of(client.get("/", query_string={"q": query}).text)
    for word in answer["unknown_words"]:
        near = answer["nearest_words"].get(word)
        assert (f"{word} (read as “{near}”)" if near else word) in text
    assert answer["unknown_words"]


def test_misspelled_word_is_offered_as_it_was_meant(client: FlaskClient) -> None:
    html = client.get("/?q=a+dgo+runs&orientation=landscape").text
    assert "Did you mean a dog runs ?" in words_of(html)
    assert "/?q=a+dog+runs&orientation=landscape" in links_of(html)
    assert "Did you mean" not in client.get("/?q=a+dog+runs").text


def test_query_in_another_language_is_met_by_one_sentence(client: FlaskClient) -> None:
    text = words_of(client.get("/?q=ein+hund+im+schnee").text)
    assert "The model reads English alone." in text
    assert "never learned" not in text
    assert "Probably none" not in text


def test_photo_found_by_its_name_says_so(client: FlaskClient) -> None:
    names = ["galaxies", "retina", "gravel", "astronaut"]
    answers = [client.get("/api/v1/search", query_string={"q": name}).json for name in names]
    unknown = [answer["query"] for answer in answers if answer["unknown_words"]]
    assert unknown
    html = client.get("/", query_string={"q": f"a photo of {unknown[0]}"}).text
    assert f"Named {unknown[0]}" in words_of(re.findall(r'<li class="card.*?</li>', html, re.S)[0])
    assert html.count('class="named"') == 1
    html = client.get("/?q=a+cat+looks").text
    assert "Named cat" in words_of(re.findall(r'<li class="card.*?</li>', html, re.S)[0])
    assert html.count('class="named"') == 1


# For programs


def test_page_offers_the_command_for_its_own_search(client: FlaskClient) -> None:
    html = client.get("/?q=a+cat%27s+%22eye%22&not=a+dog", headers={"Host": "localhost:8765"}).text
    (line,) = re.findall(r'<code id="curl">([^<]+)</code>', html)
    program, quiet, address = shlex.split(unescape(line))
    assert (program, quiet) == ("curl", "-s")
    assert address.startswith("http://localhost:8765/api/v1/search?")
    assert fields_of(address) == [("q", 'a cat\'s "eye"'), ("not", "a dog"), ("k", "25")]
    found = client.get(address.removeprefix("http://localhost:8765")).json["results"]
    assert [result["photo_id"] for result in found] == shown_ids(html)
    assert "/api/v1/docs" in links_of(html)


def test_command_is_safe_to_paste_whatever_was_searched_for() -> None:
    address = 'http://localhost/?q=$(touch x)`id`\'; rm -r "~" \\\n!'
    assert shlex.split(curl_line(address, needs_token=False)) == ["curl", "-s", address]


def test_command_says_where_the_token_goes_and_never_what_it_is(engine: SearchEngine) -> None:
    client = visitor(engine, WebConfig(token="secret-token"))
    html = client.get("/?q=a+cat", headers={"Authorization": "Bearer secret-token"}).text
    assert 'Authorization: Bearer $TOKEN"' in unescape(html)
    assert "secret-token" not in html
