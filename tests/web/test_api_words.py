"""The API about words: why a photo, which sentence for it, which word next, and refusals."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from search.complete import complete
from search.explain import explain
from tests.project.source_tree import ROOT
from tests.web.api_answers import error_of
from tests.web.live_server import visitor
from web import WebConfig

if TYPE_CHECKING:
    from search.engine import SearchEngine

TOKEN = "pass-word"


# Why this photo


def test_explanation_says_what_the_engine_says(
    client: FlaskClient, engine: SearchEngine, cat: int
) -> None:
    response = client.get(f"/api/v1/photos/{cat}/explain?q=two+doggies+and+a+cat")
    told = response.json
    expected = explain(
        engine.captioner, engine.embedder, "two doggies and a cat", engine.state(cat)
    )
    assert response.status_code == 200
    assert list(told) == [
        "photo_id", "query", "unknown_words", "nearest_words", "log_likelihood", "evidence",
        "words", "costliest",
    ]  # fmt: skip
    assert told["photo_id"] == cat
    assert told["unknown_words"] == ["doggies"]
    assert [word["word"] for word in told["words"]] == [word.word for word in expected.words]
    assert told["evidence"] == pytest.approx(expected.evidence, abs=0.1)
    assert set(told["costliest"]) == {"word", "gain", "without", "log_likelihood", "evidence"}


def test_map_is_seven_rows_of_seven_that_sum_to_one(client: FlaskClient, cat: int) -> None:
    [word] = client.get(f"/api/v1/photos/{cat}/explain?q=cat").json["words"]
    assert set(word) == {"word", "gain", "map"}
    assert [len(row) for row in word["map"]] == [7] * 7
    assert sum(map(sum, word["map"])) == pytest.approx(1, abs=1e-4)


def test_map_of_a_word_that_names_nothing_is_empty(client: FlaskClient, cat: int) -> None:
    words = client.get(f"/api/v1/photos/{cat}/explain?q=the+cat").json["words"]
    assert [bool(word["map"]) for word in words] == [False, True]


def test_explanation_of_unknown_words_is_empty(client: FlaskClient, cat: int) -> None:
    told = client.get(f"/api/v1/photos/{cat}/explain?q=qzxv").json
    assert (told["words"], told["costliest"], told["evidence"]) == ([], None, 0)
    assert told["unknown_words"] == ["qzxv"]


@pytest.mark.parametrize("query", ["", "?q=", "?q=%3F%21", f"?q={'dog+' * 76}", "?q=dog%5E11"])
def test_explanation_of_no_query_is_refused(client: FlaskClient, cat: int, query: str) -> None:
    response = client.get(f"/api/v1/photos/{cat}/explain{query}")
    assert response.status_code == 400
    assert error_of(response)["code"] == "invalid_query"
    assert "q" in error_of(response)["hint"].split(" ")[-1]


def test_search_gives_maps_when_asked(client: FlaskClient) -> None:
    for given, wanted in (("1", True), ("true", True), ("0", False), ("", False)):
        found = client.get(f"/api/v1/search?q=a+cat&k=1&explain={given}").json["results"][0]
        assert all(("map" in word) == wanted for word in found["words"])
    assert error_of(client.get("/api/v1/search?q=a+cat&explain=maybe"))["hint"].endswith("explain.")


# More of this, less of that


def test_search_leaves_out_what_it_shall_not_show(client: FlaskClient) -> None:
    def first(**query: object) -> str:
        found = client.get("/api/v1/search", query_string={"q": "a photo", **query}).json
        names = [Path(each["path"]).name for each in found["results"]]
        return min(("grass.png", "cat.png"), key=names.index)

    cat, grass = "a cat", "grass in a field"
    assert first(**{"not": cat}) == first(rather_than=cat) == "grass.png"
    assert first(**{"not": grass}) == first(rather_than=grass) == "cat.png"


def test_search_takes_several_exclusions_and_passes_over_empty_ones(client: FlaskClient) -> None:
    plain = client.get("/api/v1/search?q=a+cat&not=&rather_than=").json["results"]
    both = client.get("/api/v1/search?q=a+cat&not=wxqk&not=vwkx").json
    assert plain == client.get("/api/v1/search?q=a+cat").json["results"]
    assert both["unknown_words"] == ["wxqk", "vwkx"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("not=%3F%21", "not"),
        ("&".join(["not=dog"] * 9), "not"),
        ("rather_than=%3F%21", "rather_than"),
        ("rather_than=dog%5E-1", "rather_than"),
    ],
)
def test_wrong_contrast_names_its_parameter(client: FlaskClient, query: str, named: str) -> None:
    response = client.get(f"/api/v1/search?q=a+cat&{query}")
    assert response.status_code == 400
    assert error_of(response)["hint"] == f"Check the parameter {named}."


def test_next_page_of_results_asks_for_the_same(client: FlaskClient) -> None:
    page = client.get("/?q=a+cat&k=5&not=a+dog&not=snow&rather_than=a+cup").text
    assert "q=a+cat&amp;not=a+dog&amp;not=snow&amp;rather_than=a+cup&amp;k=5&amp;offset=5" in page


# The other direction


def test_sentences_come_best_first(client: FlaskClient, cat: int) -> None:
    sentences = ["a cup of coffee", "qzxv", "a cat", "two doggies"]
    response = client.post(f"/api/v1/photos/{cat}/rank", json={"sentences": sentences})
    told = response.json
    assert response.status_code == 200
    assert list(told) == ["photo_id", "candidates", "sentences"]
    assert (told["photo_id"], told["candidates"]) == (cat, 4)
    ranked = told["sentences"]
    assert {each["sentence"] for each in ranked} == set(sentences)
    assert ranked[0]["sentence"] == "a cat"
    assert ranked[-1]["sentence"] == "qzxv"
    assert all(
        list(each)
        == [
            "sentence", "log_likelihood", "evidence", "words", "unknown_words", "nearest_words",
        ]
        for each in ranked
    )  # fmt: skip
    for each in ranked:
        gains = sum(word["gain"] for word in each["words"])
        assert gains == pytest.approx(each["evidence"], abs=1e-3)


def test_without_sentences_the_captions_of_the_collection_are_ranked(
    client: FlaskClient, cat: int
) -> None:
    told = client.post(f"/api/v1/photos/{cat}/rank", json={}).json
    texts = [each["sentence"] for each in told["sentences"]]
    own = client.get(f"/api/v1/photos/{cat}").json["captions"]
    assert len(texts) == len(set(texts)) == 20 < told["candidates"]
    evidence = [each["evidence"] for each in told["sentences"]]
    assert evidence == sorted(evidence, reverse=True)
    assert {caption["text"] for caption in own} & set(texts)


def test_as_many_sentences_are_shown_as_asked_for(client: FlaskClient, cat: int) -> None:
    for body in ({"k": 2}, {"k": 2, "sentences": ["a cat", "a dog", "a cup"]}):
        told = client.post(f"/api/v1/photos/{cat}/rank", json=body).json
        assert len(told["sentences"]) == 2
        assert told["candidates"] > 2
    assert client.post(f"/api/v1/photos/{cat}/rank", json={"sentences": []}).json["sentences"] == []


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ([], "sentences"),
        ("a cat", "sentences"),
        ({"sentences": "a cat"}, "sentences"),
        ({"sentences": [1]}, "sentences"),
        ({"sentences": ["?!"]}, "sentences"),
        ({"sentences": ["dog " * 76]}, "sentences"),
        ({"sentences": ["a cat"] * 201}, "sentences"),
        ({"k": 0}, "k"),
        ({"k": 201}, "k"),
        ({"k": True}, "k"),
        ({"k": "5"}, "k"),
    ],
)
def test_wrong_body_names_its_field(
    client: FlaskClient, cat: int, body: object, named: str
) -> None:
    response = client.post(f"/api/v1/photos/{cat}/rank", json=body)
    assert response.status_code == 400
    assert error_of(response)["hint"] == f"Check the parameter {named}."


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", None]
)
def test_only_json_is_read_since_other_sites_can_send_the_rest(
    client: FlaskClient, cat: int, kind: str | None
) -> None:
    response = client.post(f"/api/v1/photos/{cat}/rank", data=b"{}", content_type=kind)
    assert response.status_code == 415
    assert error_of(response)["code"] == "not_json"


def test_body_that_is_no_json_is_refused(client: FlaskClient, cat: int) -> None:
    for data in (b"", b"{", b"\xff", b'{"k": NaN}'):
        response = client.post(
            f"/api/v1/photos/{cat}/rank", data=data, content_type="application/json"
        )
        assert response.status_code == 400
        assert error_of(response)["code"] in {"bad_request", "invalid_query"}


def test_body_over_the_limit_is_refused(client: FlaskClient, cat: int) -> None:
    body = {"sentences": ["a" * ((1 << 20) + 1)]}
    response = client.post(f"/api/v1/photos/{cat}/rank", json=body)
    assert response.status_code == 413
    assert error_of(response)["code"] == "too_large"


@pytest.mark.parametrize(("address", "method"), [("rank", "get"), ("explain", "post")])
def test_other_methods_are_refused(
    client: FlaskClient, cat: int, address: str, method: str
) -> None:
    response = client.open(f"/api/v1/photos/{cat}/{address}?q=a", method=method, json={})
    assert response.status_code == 405
    assert error_of(response)["code"] == "method_not_allowed"
    assert response.headers["Allow"]


def test_unknown_photo_is_not_found(client: FlaskClient) -> None:
    told = client.get("/api/v1/photos/999999/explain?q=a+cat")
    ranked = client.post("/api/v1/photos/999999/rank", json={"sentences": ["a cat"]})
    for response in (told, ranked):
        assert response.status_code == 404
        assert error_of(response)["code"] == "unknown_photo"


# The next word


def test_completion_says_what_the_engine_says(client: FlaskClient, engine: SearchEngine) -> None:
    told = client.get("/api/v1/complete?q=a+man+in+&k=5").json
    expected = complete(engine, "a man in ", 5)
    assert list(told) == ["query", "unknown_words", "nearest_words", "completions"]
    assert all(list(each) == ["text", "word", "probability"] for each in told["completions"])
    assert [each["text"] for each in told["completions"]] == [
        each.text for each in expected.completions
    ]


def test_eight_first_words_are_offered_before_anything_is_typed(client: FlaskClient) -> None:
    for query in ("", "?q="):
        assert len(client.get(f"/api/v1/complete{query}").json["completions"]) == 8


@pytest.mark.parametrize(
    ("query", "named"),
    [("q=a&k=0", "k"), ("q=a&k=51", "k"), ("q=a&k=many", "k"), (f"q={'a' * 301}", "q")],
)
def test_wrong_completion_names_its_parameter(client: FlaskClient, query: str, named: str) -> None:
    response = client.get(f"/api/v1/complete?{query}")
    assert response.status_code == 400
    assert error_of(response)["hint"] == f"Check the parameter {named}."


# The documents


def _fields(value: object) -> set[str]:
    """The names of all fields in an answer; unknown words name no field."""
    if isinstance(value, list):
        return set().union(*map(_fields, value))
    if not isinstance(value, dict):
        return set()
    inner = (_fields(each) for name, each in value.items() if name != "nearest_words")
    return set(value).union(*inner)


def test_every_field_stands_in_the_documents(client: FlaskClient, cat: int) -> None:
    answers = [
        client.get(f"/api/v1/photos/{cat}/explain?q=a+cat"),
        client.post(f"/api/v1/photos/{cat}/rank", json={"sentences": ["a cat"]}),
        client.get("/api/v1/complete"),
        client.get("/api/v1/search?q=a+cat&k=1&explain=1"),
    ]
    fields = _fields([answer.json for answer in answers])
    assert {"costliest", "map", "probability", "evidence"} <= fields
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(?:\w+(?:\[\])?\.)?(\w+)`", text))
    assert fields - documented == set()


# Who may ask


def _ask(client: FlaskClient, **options: object) -> list[TestResponse]:
    return [
        client.get("/api/v1/photos/1/explain?q=a", **options),
        client.post("/api/v1/photos/1/rank", json={}, **options),
        client.get("/api/v1/complete", **options),
    ]


def test_other_names_of_the_machine_are_refused(client: FlaskClient) -> None:
    for response in _ask(client, headers={"Host": "evil.example"}):
        assert response.status_code == 400
        assert error_of(response)["code"] == "unknown_host"


def test_stranger_is_asked_for_the_token(engine: SearchEngine) -> None:
    guarded = visitor(engine, WebConfig(host="0.0.0.0", token=TOKEN))
    for response in _ask(guarded):
        assert response.status_code == 401
    for response in _ask(guarded, headers={"Authorization": f"Bearer {TOKEN}"}):
        assert response.status_code in {200, 404}
