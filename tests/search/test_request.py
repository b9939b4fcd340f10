"""Requests are checked, and their texts are parsed once."""

from dataclasses import fields, replace

import pytest

import search.request
from search.request import InvalidQuery, SearchRequest, check_text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"query": ""}, "q"),
        ({"query": "  ?! "}, "q"),
        ({"query": "dog " * 76}, "q"),
        ({"k": 0}, "k"),
        ({"k": 201}, "k"),
        ({"offset": -1}, "offset"),
        ({"candidates": 0}, "candidates"),
        ({"stage": "guess"}, "stage"),
    ],
)
def test_a_wrong_request_names_its_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        SearchRequest(**({"query": "a dog"} | change))  # type: ignore[arg-type]
    assert caught.value.field == field


def test_texts_are_parsed_once_however_often_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed = []
    parse = search.request.parse_weights
    monkeypatch.setattr(
        search.request, "parse_weights", lambda text: parsed.append(text) or parse(text)
    )
    request = SearchRequest("a cat^2", excluded=("a dog", "snow"), rather_than="a fox")
    assert (request.text, request.text, request.candidates) == ("a cat", "a cat", 200)
    assert parsed == ["a cat^2", "a dog", "snow", "a fox"]


def test_parsed_texts_follow_from_the_others_and_are_no_part_of_equality() -> None:
    request = SearchRequest("a cat^2", rather_than="a dog")
    assert request == SearchRequest("a cat^2", rather_than="a dog")
    assert hash(request) == hash(SearchRequest("a cat^2", rather_than="a dog"))
    assert {each.name for each in fields(request) if not each.compare} == {
        "weighted", "weighted_excluded", "weighted_rather_than",
    }  # fmt: skip
    changed = replace(request, query="two cats", rather_than="")
    assert (changed.text, changed.weighted_rather_than) == ("two cats", None)
    assert request != changed


@pytest.mark.parametrize(
    ("query", "change", "plain"),
    [
        ("a cat", {}, True),
        ("a cat^1", {}, True),
        ("a cat^2", {}, False),
        ("a cat", {"excluded": ("a dog",)}, False),
        ("a cat", {"rather_than": "a dog"}, False),
    ],
)
def test_plain_is_what_asks_nothing_beyond_the_query(
    query: str, change: dict[str, object], plain: bool
) -> None:
    assert SearchRequest(query, **change).is_plain is plain  # type: ignore[arg-type]


def test_symbols_find_photos_but_are_no_sentence_for_the_captioner() -> None:
    assert SearchRequest("\N{BIRTHDAY CAKE}").text == "\N{BIRTHDAY CAKE}"
    with pytest.raises(InvalidQuery, match="no words"):
        check_text("q", "\N{BIRTHDAY CAKE}")
