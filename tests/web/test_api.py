"""The JSON API: answers, refusals, and one shape for every error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import abort
from flask.testing import FlaskClient

from catalog.database import DatabaseUnavailable
from search.request import SearchRequest
from tests.web.api_answers import error_of, found_ids
from web import create_app

if TYPE_CHECKING:
    from search.engine import SearchEngine

RESULT_FIELDS = {
    "photo_id",
    "path",
    "caption",
    "caption_probability",
    "score",
    "log_likelihood",
    "evidence",
    "similarity",
    "words",
    "matched",
    "probability",
    "weak",
    "url",
    "thumbnail_url",
}
PHOTO_FIELDS = {
    "title",
    "description",
    "rating",
    "keywords",
    "people",
    "photo_id",
    "path",
    "width",
    "height",
    "format",
    "size",
    "taken_at",
    "taken_from",
    "camera",
    "lens",
    "latitude",
    "longitude",
    "place",
    "indexed_at",
    "captions",
    "caption_probability",
    "tags",
    "thumbnail_url",
    "original_url",
}


def test_search_ranks_photos_with_their_reasons(client: FlaskClient) -> None:
    response = client.get("/api/v1/search", query_string={"q": "a cat looks at the camera"})
    answer = response.json
    assert response.status_code == 200
    assert answer["query"] == "a cat looks at the camera"
    assert {"query", "unknown_words", "took_ms", "candidates", "results"} <= set(answer)
    assert len(answer["results"]) == 12
    assert all(set(result) == RESULT_FIELDS for result in answer["results"])
    scores = [result["score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    assert {"word", "gain"} == set(answer["results"][0]["words"][0])


def test_search_says_what_the_engine_says(client: FlaskClient, engine: SearchEngine) -> None:
    expected = engine.search(SearchRequest("a cup of coffee", k=3))
    response = client.get("/api/v1/search?q=a+cup+of+coffee&k=3")
    assert found_ids(response) == [result.photo_id for result in expected.results]
    assert response.json["candidates"] == expected.candidates


def test_pages_of_results_follow_one_another(client: FlaskClient) -> None:
    whole = found_ids(client.get("/api/v1/search?q=a+rocket&k=8"))
    first = found_ids(client.get("/api/v1/search?q=a+rocket&k=4"))
    second = found_ids(client.get("/api/v1/search?q=a+rocket&k=4&offset=4"))
    assert first + second == whole


def test_page_past_the_end_is_empty(client: FlaskClient) -> None:
    response = client.get("/api/v1/search?q=a+rocket&offset=100")
    assert response.status_code == 200
    assert response.json["results"] == []


@pytest.mark.parametrize("stage", ["retrieve", "likelihood", "combined"])
def test_every_stage_answers(client: FlaskClient, stage: str) -> None:
    assert found_ids(client.get(f"/api/v1/search?q=a+rocket&stage={stage}"))


def test_filters_say_which_photos_may_be_found(client: FlaskClient) -> None:
    def found(**wanted: str) -> set[int]:
        return set(found_ids(client.get("/api/v1/search", query_string={"q": "a cat", **wanted})))

    everything, pngs = found(), found(format="png")
    [first] = client.get("/api/v1/search?q=a+cat&k=1").json["results"]
    folder = first["path"].rpartition("/")[0]
    assert 0 < len(pngs) < len(everything) == 12
    assert found(folder=folder) == everything
    assert found(folder=folder, format="PNG") == pngs
    assert found(folder=folder + "/none") == found(camera="none") == found(before="1900-01-01")
    assert found(camera="none") == set()
    assert found(after="1900-01-01") == everything
    shapes = [found(orientation=kind) for kind in ("landscape", "portrait", "square")]
    assert set.union(*shapes) == everything
    assert found(after="", before="", folder="", camera="", format="", orientation="") == everything


def test_filter_that_nothing_passes_is_an_empty_answer(client: FlaskClient) -> None:
    response = client.get("/api/v1/search?q=a+cat&camera=none")
    assert response.status_code == 200
    assert (response.json["results"], response.json["candidates"]) == ([], 0)


def test_file_is_found_by_its_name_and_the_answer_says_why(client: FlaskClient) -> None:
    [first] = client.get("/api/v1/search?q=galaxies.jpg&k=1").json["results"]
    assert first["path"].endswith("/galaxies.jpg")
    assert first["matched"] == ["galaxies", "jpg"]
    results = client.get("/api/v1/search?q=qzxv").json["results"]
    assert [result["matched"] for result in results] == [[]] * 12


def test_words_the_model_never_learned_are_named(client: FlaskClient) -> None:
    response = client.get("/api/v1/search?q=a+qwertzuiop+in+the+grass")
    assert response.json["unknown_words"] == ["qwertzuiop"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", "q"),
        ("q=", "q"),
        ("q=+++", "q"),
        ("q=" + "a" * 301, "q"),
        ("q=dog&k=0", "k"),
        ("q=dog&k=201", "k"),
        ("q=dog&k=many", "k"),
        ("q=dog&k=%C2%B2", "k"),
        ("q=dog&k=9999999999999999999999", "k"),
        ("q=dog&offset=-1", "offset"),
        ("q=dog&offset=1.5", "offset"),
        ("q=dog&stage=magic", "stage"),
        ("q=dog&after=yesterday", "after"),
        ("q=dog&before=2021-07-99", "before"),
        ("q=dog&after=2021-07-14&before=2021-07-14", "after"),
        ("q=dog&folder=Pictures", "folder"),
        ("q=dog&folder=%2Fa%00", "folder"),
        ("q=dog&format=exe", "format"),
        ("q=dog&orientation=odd", "orientation"),
    ],
)
def test_wrong_parameter_is_refused_by_name(client: FlaskClient, query: str, named: str) -> None:
    response = client.get(f"/api/v1/search?{query}")
    error = error_of(response)
    assert response.status_code == 400
    assert error["code"] == "invalid_query"
    assert error["hint"] == f"Check the parameter {named}."


def test_search_survives_bytes_that_are_no_text(client: FlaskClient) -> None:
    assert client.get("/api/v1/search?q=dog%FF%00").status_code == 200


def test_photo_is_described_in_full(client: FlaskClient) -> None:
    result = client.get("/api/v1/search?q=a+cat&k=1").json["results"][0]
    photo = client.get(result["url"]).json
    assert set(photo) == PHOTO_FIELDS
    assert photo["photo_id"] == result["photo_id"]
    assert photo["path"] == result["path"]
    assert photo["captions"][0]["text"] == result["caption"]
    assert len(photo["captions"]) == 3
    assert all(caption["log_likelihood"] < 0 for caption in photo["captions"])
    assert client.get(photo["thumbnail_url"]).mimetype == "image/jpeg"
    assert client.get(photo["original_url"]).status_code == 200


def test_path_that_is_no_text_is_shown_as_text(
    odd_client: FlaskClient, odd_photos: dict[str, int]
) -> None:
    photo = odd_client.get(f"/api/v1/photos/{odd_photos['no text']}").json
    assert photo["path"].endswith("m?nze.png")


@pytest.mark.parametrize("kind", ["", "/thumbnail", "/original", "/similar"])
def test_unknown_photo_is_not_found(client: FlaskClient, kind: str) -> None:
    response = client.get(f"/api/v1/photos/999999{kind}")
    assert response.status_code == 404
    assert error_of(response)["code"] == "unknown_photo"


@pytest.mark.parametrize(
    "address",
    [
        "nothing",
        "photos/",
        "photos/one",
        "photos/-1",
        "photos/9223372036854775808",
        "photos/1/../../../etc/passwd",
        "photos/%2e%2e%2fetc%2fpasswd/original",
        "photos/1/originals",
    ],
)
def test_address_that_leads_nowhere_is_not_found(client: FlaskClient, address: str) -> None:
    response = client.get(f"/api/v1/{address}")
    assert response.status_code == 404
    assert error_of(response)["code"] == "not_found"


def test_greatest_id_a_database_holds_is_merely_unknown(client: FlaskClient) -> None:
    assert error_of(client.get(f"/api/v1/photos/{2**63 - 1}"))["code"] == "unknown_photo"


def test_status_counts_the_collection(client: FlaskClient) -> None:
    status = client.get("/api/v1/status").json
    assert status["photos"] == 12
    assert {"captions", "failures", "model", "embedder", "vectors", "roots"} <= set(status)
    assert status["roots"][0]["online"] is True


def test_health_is_told_without_details(client: FlaskClient) -> None:
    assert client.get("/api/v1/healthz").json == {"status": "ok"}


def test_head_is_answered_like_get_without_body(client: FlaskClient) -> None:
    response = client.head("/api/v1/search?q=a+cat")
    assert response.status_code == 200
    assert response.data == b""


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
def test_other_methods_are_refused(client: FlaskClient, method: str) -> None:
    response = client.open("/api/v1/search?q=a+cat", method=method)
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]
    assert error_of(response)["code"] == "method_not_allowed"


def test_large_body_is_refused(client: FlaskClient) -> None:
    response = client.post("/api/v1/status", data=b"x" * ((1 << 20) + 1))
    assert response.status_code == 413
    assert error_of(response)["code"] == "too_large"


def test_failure_is_admitted_without_details(
    client: FlaskClient, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret /home/ada")

    monkeypatch.setattr(type(engine), "search", fail)
    response = client.get("/api/v1/search?q=a+cat")
    assert response.status_code == 500
    assert error_of(response)["code"] == "internal_error"
    assert b"secret" not in response.data


def test_unreadable_database_is_unavailable(
    client: FlaskClient, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DatabaseUnavailable("secret.db is locked")

    monkeypatch.setattr(type(engine), "photo", fail)
    response = client.get("/api/v1/photos/1")
    assert response.status_code == 503
    assert error_of(response)["code"] == "unavailable"
    assert b"secret" not in response.data


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 418, 429, 500, 503])
def test_every_http_error_has_the_one_shape(engine: SearchEngine, status: int) -> None:
    app = create_app(engine)
    app.add_url_rule("/api/v1/broken", view_func=lambda: abort(status))
    response = app.test_client().get("/api/v1/broken")
    assert response.status_code == status
    assert error_of(response)["message"]
