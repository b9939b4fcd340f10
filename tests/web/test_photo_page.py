"""The photo page: why a photo was found, what it makes likelier, and why it is not found."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete

from search.image_to_text import RankedSentence
from search.rerank import WordGain
from tests.web.live_server import opened, visitor
from tests.web.odd_photos import SCRIPT
from tests.web.test_pages import words_of
from web import WebConfig
from web.pages.photo import photo_facts
from web.pages.sentence_scores import signed, times, tinted_sentence

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from catalog.database import Database
    from catalog.home import Home
    from catalog.views import PhotoView
    from search.engine import SearchEngine

QUERY = "a cat looks at the camera"
SENTENCES = ("a dog in the snow", "a cup of coffee", "a cat")
PHONE = {"width": 390, "height": 844}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
EVERYTHING = {
    "q": QUERY,
    "sentence": "a cat rides a motorcycle",
    "sentences": "\n".join(SENTENCES),
    "missed": "a dog in the snow",
}
# How much redder the glow is where the model looked than where it did not, 0 to 255.
CONTRAST = """canvas => {
  const pen = canvas.getContext("2d");
  const colours = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  const red = colours.filter((_, i) => i % 4 === 0).sort();
  return red[red.length - 1] - red[0];
}"""


@pytest.fixture
def cat(client: FlaskClient) -> int:
    """The photo that QUERY finds first."""
    [first] = client.get("/api/v1/search", query_string={"q": QUERY, "k": 1}).json["results"]
    return int(first["photo_id"])


def found(client: FlaskClient, **query: object) -> list[int]:
    answer = client.get("/api/v1/search", query_string={"q": QUERY, **query}).json
    return [result["photo_id"] for result in answer["results"]]


def section(html: str, name: str) -> str:
    """The part of a page with this id."""
    part = re.search(rf'<section id="{name}".*?</section>', html, re.S)
    assert part is not None
    return part.group()


def rows(html: str) -> list[list[str]]:
    """The cells of the table body that an answer has, as text."""
    body = re.search(r"<tbody>(.*?)</tbody>", html, re.S)
    assert body is not None
    found = re.findall(r"<tr>(.*?)</tr>", body.group(1), re.S)
    return [[words_of(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", r, re.S)] for r in found]


# Scoring a sentence


def test_bars_say_what_the_api_says(client: FlaskClient, cat: int) -> None:
    sentence = "a cat rides a motorcycle"
    told = client.get(f"/api/v1/photos/{cat}/explain", query_string={"q": sentence}).json
    html = section(client.get(f"/photos/{cat}?sentence={sentence}").text, "score")
    assert [row[0] for row in rows(html)] == sentence.split()
    assert [row[2] for row in rows(html)] == [signed(word["gain"]) for word in told["words"]]
    assert all(row[3] for row in rows(html))
    assert signed(told["evidence"]) in words_of(html)
    assert f"{told['log_likelihood']:.2f}".lstrip("-") in words_of(html)


def test_bars_are_as_long_as_the_gains_and_start_at_zero(client: FlaskClient, cat: int) -> None:
    html = section(client.get(f"/photos/{cat}?sentence=a+cat+rides+a+motorcycle").text, "score")
    gains = [float(row[2].replace("\N{MINUS SIGN}", "-")) for row in rows(html)]
    marks = [
        (float(x), float(width))
        for x, width in re.findall(r'<rect[^>]* x="([\d.]+)%"[^>]* width="([\d.]+)%"', html)
    ]
    [zero] = {float(x) for x in re.findall(r'x1="([\d.]+)%"', html)}
    assert min(gains) < 0 < max(gains)
    scale = max(width for _, width in marks) / max(map(abs, gains))
    for gain, (x, width) in zip(gains, marks, strict=True):
        assert width == pytest.approx(abs(gain) * scale, abs=0.5)
        assert (x if gain > 0 else x + width) == pytest.approx(zero, abs=0.05)
        assert 0 <= x <= x + width <= 100.02


def test_word_never_learned_is_named(client: FlaskClient, cat: int) -> None:
    html = section(client.get(f"/photos/{cat}?sentence=a+cat+qwertzuiop").text, "score")
    assert "never learned qwertzuiop" in words_of(html)
    assert [row[0] for row in rows(html)] == ["a", "cat"]


def test_sentence_without_a_known_word_has_no_score(client: FlaskClient, cat: int) -> None:
    response = client.get(f"/photos/{cat}?sentence=qwertzuiop")
    assert response.status_code == 200
    assert "cannot be scored" in words_of(section(response.text, "score"))


def test_query_that_led_here_is_scored_at_once(client: FlaskClient, cat: int) -> None:
    html = section(client.get(f"/photos/{cat}", query_string={"q": QUERY}).text, "why")
    assert f"Why this photo for “{QUERY}”" in words_of(html)
    assert [row[0] for row in rows(html)] == QUERY.split()


@pytest.mark.parametrize("query", ["", "...", "a" * 301])
def test_query_that_cannot_be_read_leaves_the_photo_to_see(
    client: FlaskClient, cat: int, query: str
) -> None:
    response = client.get(f"/photos/{cat}", query_string={"q": query})
    assert response.status_code == 200
    assert 'id="why"' not in response.text


@pytest.mark.parametrize("question", ["sentence", "sentences", "missed"])
def test_text_that_cannot_be_read_is_explained_where_it_was_typed(
    client: FlaskClient, cat: int, question: str
) -> None:
    response = client.get(f"/photos/{cat}", query_string={question: "a" * 301})
    assert response.status_code == 400
    name = {"sentence": "score", "sentences": "rank"}.get(question, question)
    html = section(response.text, name)
    assert 'role="alert"' in html
    assert "301 characters, at most 300 are read" in words_of(html)
    assert 'aria-invalid="true"' in html


@pytest.mark.parametrize(
    ("gain", "text"),
    [(1.234, "+1.23"), (-1.234, "\N{MINUS SIGN}1.23"), (0.004, "0.00"), (-0.004, "0.00")],
)
def test_gain_is_signed(gain: float, text: str) -> None:
    assert signed(gain) == text


@pytest.mark.parametrize(
    ("nats", "text"),
    [
        (0.01, "just as likely"),
        (0.7, "2 times likelier"),
        (-1.9, "6.7 times less likely"),
        (8.2, "3,600 times likelier"),
        (15.0, "3.3 million times likelier"),
        (-22.0, "3.6 billion times less likely"),
        (300.0, "over a thousand trillion times likelier"),
    ],
)
def test_evidence_is_told_as_people_say_it(nats: float, text: str) -> None:
    assert times(nats) == text


# Ranking sentences


def test_sentences_are_ranked_as_the_api_ranks_them(client: FlaskClient, cat: int) -> None:
    told = client.post(f"/api/v1/photos/{cat}/rank", json={"sentences": SENTENCES}).json
    answer = client.get(f"/photos/{cat}", query_string={"sentences": "\r\n\r\n".join(SENTENCES)})
    lines = re.findall(r"<li>(.*?)</li>", section(answer.text, "rank"), re.S)
    assert len(lines) == len(SENTENCES)
    for line, expected in zip(lines, told["sentences"], strict=True):
        assert expected["sentence"] in words_of(line)
        assert signed(expected["evidence"]) in words_of(line)


def test_without_sentences_captions_of_photos_nearby_are_ranked(
    client: FlaskClient, cat: int
) -> None:
    told = client.post(f"/api/v1/photos/{cat}/rank", json={"k": 12}).json
    html = section(client.get(f"/photos/{cat}?sentences=").text, "rank")
    links = re.findall(r'href="([^"]*sentence=[^"]*)"', html)
    ranked = [parse_qs(urlsplit(unescape(link)).query)["sentence"][0] for link in links]
    assert ranked == [each["sentence"] for each in told["sentences"]]


def test_too_many_sentences_are_refused(client: FlaskClient, cat: int) -> None:
    response = client.get(f"/photos/{cat}", query_string={"sentences": "a cat\n" * 201})
    assert response.status_code == 400
    assert "at most 200 sentences" in words_of(section(response.text, "rank")).lower()


def test_typed_sentence_keeps_its_letters_and_signs() -> None:
    words = (WordGain("a", 0.0), WordGain("dog", 3.2), WordGain("runs", 1.0))
    ranked = RankedSentence(
        "A Corgi, zzz, runs!", -9.0, 4.2, words, ("corgi", "zzz"), {"corgi": "dog"}
    )
    said = tinted_sentence(ranked)
    assert "".join(piece.text for piece in said.pieces) == ranked.sentence
    assert {piece.text: piece.tint for piece in said.pieces if piece.tint} == {
        "A": "gain-0",
        "Corgi": "gain-4",
        "zzz": "unread",
        "runs": "gain-2",
    }


def test_letters_that_grow_in_small_do_not_shift_the_words() -> None:
    ranked = RankedSentence("\u0130 cat", -9.0, 3.2, (WordGain("cat", 3.2),), ("i",), {})
    assert tinted_sentence(ranked).pieces[-1].text == "cat"


# Why it is not found


def test_photo_that_is_found_says_where(client: FlaskClient) -> None:
    keys = found(client)
    for rank, key in enumerate(keys[:3], start=1):
        text = words_of(section(client.get(f"/photos/{key}?missed={QUERY}").text, "missed"))
        place = "first" if rank == 1 else f"number {rank}"
        assert f"puts it {place} of the {len(keys)} photos considered" in text


def test_costliest_and_unknown_words_are_told_with_what_to_write_instead(
    client: FlaskClient, cat: int
) -> None:
    sentence = "a cat rides a motorcycle with a qwertzuiop"
    told = client.get(f"/api/v1/photos/{cat}/explain", query_string={"q": sentence}).json
    page = client.get(f"/photos/{cat}", query_string={"missed": sentence})
    text = words_of(section(page.text, "missed"))
    assert f"“{told['costliest']['word']}” costs it most" in text
    assert f"“{told['costliest']['without']}”" in text
    assert "never learned “qwertzuiop”" in text
    captions = client.get(f"/api/v1/photos/{cat}").json["captions"]
    assert any(f"“{caption['text']}”" in text for caption in captions)


# The photo among others


def test_similar_photos_are_those_of_the_api(client: FlaskClient, cat: int) -> None:
    told = client.get(f"/api/v1/photos/{cat}/similar?k=12").json["results"]
    html = client.get(f"/photos/{cat}").text
    part = html[html.index('id="alike-title"') :]
    assert re.findall(r'href="/photos/(\d+)"', part) == [str(each["photo_id"]) for each in told]
    assert all(each["thumbnail_url"] in part for each in told)


def test_next_and_previous_follow_the_results(client: FlaskClient) -> None:
    query = {"q": QUERY, "not": "a dog"}
    keys = found(client, **query)
    for place, key in enumerate(keys[:-1]):
        answer = client.get(f"/photos/{key}/beside", query_string={**query, "step": "1"})
        assert urlsplit(answer.location).path == f"/photos/{keys[place + 1]}"
        assert parse_qs(urlsplit(answer.location).query) == {"q": [QUERY], "not": ["a dog"]}
        back = client.get(f"/photos/{keys[place + 1]}/beside", query_string={**query, "step": "-1"})
        assert urlsplit(back.location).path == f"/photos/{key}"


def test_past_the_ends_are_the_results(client: FlaskClient) -> None:
    keys = found(client)
    for key, step in ((keys[0], "-1"), (keys[-1], "1")):
        answer = client.get(f"/photos/{key}/beside", query_string={"q": QUERY, "step": step})
        assert answer.location == "/?q=a+cat+looks+at+the+camera"


def test_way_back_leads_to_the_page_that_one_walked_to(engine: SearchEngine) -> None:
    client = visitor(engine, WebConfig(page_size=5))
    keys = found(client, k=12)
    onward = client.get(f"/photos/{keys[4]}/beside", query_string={"q": QUERY, "step": "1"})
    assert parse_qs(urlsplit(onward.location).query)["offset"] == ["5"]
    again = {"q": QUERY, "offset": "5", "step": "-1"}
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
        photo = photo_facts(view, query)
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
    view = engine.photo(1)
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
    response = client.get("/photos/1", query_string=EVERYTHING)
    assert response.status_code == 200
    assert "has not seen this photo yet" in words_of(response.text)
    assert 'class="ask' not in response.text


@pytest.mark.parametrize("address", ["/photos/999999", "/photos/999999/beside?q=a&step=1"])
def test_photo_that_is_not_there_is_no_failure(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code in {302, 404}


def test_texts_never_become_markup(odd_client: FlaskClient, odd_photos: dict[str, int]) -> None:
    texts = dict.fromkeys((*EVERYTHING, "camera", "x"), f'"{SCRIPT} a cat')
    for key in odd_photos.values():
        response = odd_client.get(f"/photos/{key}", query_string=texts)
        assert response.status_code == 200
        assert "<script>document" not in response.text
        assert "<img src=x" not in response.text


def test_page_with_all_answers_holds_nothing_inline(client: FlaskClient, cat: int) -> None:
    html = client.get(f"/photos/{cat}", query_string=EVERYTHING).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src)", html)


# In a browser


def ask(page: Page, name: str, text: str) -> None:
    """Type into one of the page's forms, and press its button."""
    form = page.locator(f"#{name} form")
    form.locator("input:not([type=hidden]), textarea").fill(text)
    form.get_by_role("button").click()


def test_all_is_asked_and_answered_without_javascript(
    browser: Browser, site: str, complaints: list[str], cat: int
) -> None:
    with opened(browser, site, complaints, java_script_enabled=False) as page:
        page.goto(f"/?q={QUERY}")
        page.locator(".card .picture").first.click()
        page.wait_for_url(f"**/photos/{cat}?*")
        assert page.locator("#why tbody tr").count() == len(QUERY.split())
        ask(page, "score", "a cat rides a motorcycle")
        page.wait_for_url("**sentence=*#score")
        assert page.locator("#score tbody tr").count() == 5
        ask(page, "rank", "\n".join(SENTENCES))
        page.wait_for_url("**sentences=*#rank")
        assert page.locator("#rank .ranking li").first.inner_text().split()[:2] == ["a", "cat"]
        ask(page, "missed", "a dog in the snow")
        page.wait_for_url("**missed=*#missed")
        assert "costs it most" in page.inner_text("#missed")
        page.get_by_role("link", name="Next").click()
        page.wait_for_url(lambda url: f"/photos/{cat}" not in url)
        page.get_by_role("link", name="Back to").click()
        assert page.locator(".card").count() == 12
    assert complaints == []


def test_answers_come_without_a_new_page(page: Page, cat: int) -> None:
    page.goto(f"/photos/{cat}?q={QUERY}")
    page.evaluate("window.same = true")
    ask(page, "score", "a cat rides a motorcycle")
    page.locator("#score tbody tr").nth(4).wait_for()
    ask(page, "rank", "\n".join(SENTENCES))
    page.locator("#rank .ranking li").nth(2).wait_for()
    ask(page, "missed", "a dog in the snow")
    page.locator("#missed .reasons").wait_for()
    assert page.evaluate("window.same")
    assert page.locator("#score tbody tr").count() == 5
    assert "missed=a+dog+in+the+snow" in page.url
    assert "costs it most" in page.get_by_role("status").filter(has_text="costs").inner_text()
    page.reload()
    assert "costs it most" in page.inner_text("#missed")


def test_refusal_comes_to_its_form_too(
    browser: Browser, site: str, complaints: list[str], cat: int
) -> None:
    with opened(browser, site, complaints) as page:
        page.goto(f"/photos/{cat}")
        ask(page, "score", "?!")
        page.locator("#score [role=alert]").wait_for()
        assert page.locator("#sentence").get_attribute("aria-invalid") == "true"
    assert all("400" in said for said in complaints)


def test_word_pointed_at_shows_where_the_model_looked(page: Page, cat: int) -> None:
    page.goto(f"/photos/{cat}?q={QUERY}")
    page.locator("#why tbody tr").nth(1).hover()
    page.locator(".spot.shown").wait_for()
    assert page.locator(".spot").evaluate(CONTRAST) > 100
    assert page.locator(".looking").inner_text().startswith("“cat”")
    page.locator("h1").hover()
    page.locator(".spot:not(.shown)").wait_for()


def test_word_is_reached_by_keyboard(page: Page, cat: int) -> None:
    page.goto(f"/photos/{cat}?q={QUERY}")
    page.locator("#why").get_by_role("button").first.focus()
    page.keyboard.press("Tab")
    page.locator(".spot.shown").wait_for()
    assert page.locator("[aria-pressed=true]").inner_text() == "cat"
    page.keyboard.press("Escape")
    assert page.locator(".spot.shown").count() == 0


def test_arrow_keys_walk_along_the_results(page: Page, client: FlaskClient) -> None:
    first, second = found(client)[:2]
    page.goto(f"/photos/{first}?q={QUERY}")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"**/photos/{second}?*")
    page.locator("#sentence").focus()
    page.keyboard.press("ArrowLeft")
    page.locator("h1").click()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**/photos/{first}?*")


def test_tapped_word_brings_a_small_copy_where_the_photo_is_out_of_sight(
    browser: Browser, site: str, complaints: list[str], cat: int
) -> None:
    with opened(browser, site, complaints, viewport=PHONE, has_touch=True) as page:
        page.goto(f"/photos/{cat}?sentence=a+cat+rides+a+motorcycle")
        page.locator("#rank").scroll_into_view_if_needed()
        page.locator("#score").get_by_role("button", name="cat").tap()
        page.locator(".peek:not([hidden])").wait_for()
        page.locator("#score").get_by_role("button", name="cat").blur()
        assert page.locator(".peek:not([hidden])").count() == 0
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1440])
def test_full_page_needs_no_sideways_scrolling(
    browser: Browser, site: str, complaints: list[str], cat: int, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 900}
    long = dict(EVERYTHING, sentence="a " + "qwertzuiop" * 20, missed="x" * 200)
    with opened(browser, site, complaints, viewport=size, color_scheme=scheme) as page:
        for query in (EVERYTHING, long):
            page.goto(f"/photos/{cat}?{urlencode(query)}")
            assert page.evaluate(OVERFLOW) == 0
    assert complaints == []


def test_hostile_texts_run_no_script(
    browser: Browser, odd_site: str, odd_photos: dict[str, int], complaints: list[str]
) -> None:
    texts = dict.fromkeys(EVERYTHING, f'"{SCRIPT} a cat')
    with opened(browser, odd_site, complaints) as page:
        for key in odd_photos.values():
            page.goto(f"/photos/{key}?{urlencode(texts)}", wait_until="networkidle")
            page.locator("#why tbody tr").first.hover()
            ask(page, "missed", f"{SCRIPT} a dog")
            page.locator("#missed .reasons").wait_for()
            assert page.title() != "owned"
            assert page.locator("img[src=x]").count() == 0
    assert complaints == []
