"""Questions on the photo page: a sentence scored, sentences ranked, why it is not found."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from captioner.vocabulary import tokenise
from search.calibration import percentage
from search.image_to_text import RankedSentence
from search.rerank import WordGain
from tests.web.page_text import section, table_rows, words_of
from tests.web.photo_queries import CAT_QUERY, SENTENCES, found
from web.pages.sentence_scores import signed, times, tinted_sentence

if TYPE_CHECKING:
    pass


# Scoring a sentence


def test_bars_say_what_the_api_says(client: FlaskClient, cat: int) -> None:
    sentence = "a cat rides a motorcycle"
    told = client.get(f"/api/v1/photos/{cat}/explain", query_string={"q": sentence}).json
    html = section(client.get(f"/photos/{cat}?sentence={sentence}").text, "score")
    assert [row[0] for row in table_rows(html)] == sentence.split()
    assert [row[2] for row in table_rows(html)] == [signed(word["gain"]) for word in told["words"]]
    assert all(row[3] for row in table_rows(html))
    assert signed(told["evidence"]) in words_of(html)
    assert f"{told['log_likelihood']:.2f}".lstrip("-") in words_of(html)


def test_bars_are_as_long_as_the_gains_and_start_at_zero(client: FlaskClient, cat: int) -> None:
    html = section(client.get(f"/photos/{cat}?sentence=a+cat+rides+a+motorcycle").text, "score")
    gains = [float(row[2].replace("\N{MINUS SIGN}", "-")) for row in table_rows(html)]
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


def test_probability_of_a_sentence_is_that_of_the_results(client: FlaskClient) -> None:
    for result in client.get("/api/v1/search", query_string={"q": CAT_QUERY}).json["results"]:
        page = client.get(f"/photos/{result['photo_id']}", query_string={"q": CAT_QUERY}).text
        [shown] = re.findall(r"(\S+)% probable", words_of(section(page, "why")))
        expected = percentage(result["probability"])
        # Photos are scored one by one here, and together there: a percent may round otherwise.
        assert abs(float(shown.strip("<>")) - float(expected.strip("<>%"))) <= 1


def test_word_never_learned_is_named(client: FlaskClient, cat: int) -> None:
    html = section(client.get(f"/photos/{cat}?sentence=a+cat+qwertzuiop").text, "score")
    assert "never learned qwertzuiop" in words_of(html)
    assert [row[0] for row in table_rows(html)] == ["a", "cat"]


def test_sentence_without_a_known_word_has_no_score(client: FlaskClient, cat: int) -> None:
    response = client.get(f"/photos/{cat}?sentence=qwertzuiop")
    assert response.status_code == 200
    assert "cannot be scored" in words_of(section(response.text, "score"))


def test_query_that_led_here_is_scored_at_once(client: FlaskClient, cat: int) -> None:
    html = section(client.get(f"/photos/{cat}", query_string={"q": CAT_QUERY}).text, "why")
    assert f"Why this photo for “{CAT_QUERY}”" in words_of(html)
    assert [row[0] for row in table_rows(html)] == CAT_QUERY.split()


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
    [unknown, _] = tokenise("\u0130 cat")
    ranked = RankedSentence("\u0130 cat", -9.0, 3.2, (WordGain("cat", 3.2),), (unknown,), {})
    assert tinted_sentence(ranked).pieces[-1].text == "cat"


def test_letters_that_are_read_as_others_are_shown_as_they_are_read() -> None:
    ranked = RankedSentence(
        "A \uff23\uff21\uff34!", -9.0, 3.2, (WordGain("a", 0.1), WordGain("cat", 3.2)), (), {}
    )
    assert [piece.text for piece in tinted_sentence(ranked).pieces] == ["a", " ", "cat"]


# Why it is not found


def test_photo_that_is_found_says_where(client: FlaskClient) -> None:
    keys = found(client)
    for rank, key in enumerate(keys[:3], start=1):
        text = words_of(section(client.get(f"/photos/{key}?missed={CAT_QUERY}").text, "missed"))
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
