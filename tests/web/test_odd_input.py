"""Bodies, parameters and conditions that no program means: an answer, a refusal, never a 500."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.web.index_runs import MakeApp

BODIES = [
    b"", b"{", b"nul", b"NaN", b"-Infinity", b"[]", b'"text"', b"1" * 10_000, b"\xff\xfe{\0",
    b"\xef\xbb\xbf{", b"[" * 100_000, b'{"sentences": ' + b"[" * 99_999, b'{"folder": {' * 50_000,
    b'{"sentences": NaN}', b'{"sentences": [NaN]}', b'{"sentences": [1e999]}', b'{"folder": NaN}',
    b'{"folder": 1e999}', b'{"folder": 1' + b"0" * 5000 + b"}", b'{"folder": 1.5}',
    b'{"folder": "1"}', b'{"folder": true}', b'{"folder": null}', b'{"folder": -1}',
    b'{"folder": 7, "folder": 8}',
    b'{"sentences": ["a cat"], "k": 1e400}', b'{"sentences": ["a cat"], "k": NaN}',
    b'{"sentences": ["a cat"], "k": ' + b"9" * 5000 + b"}", b'{"sentences": {"a": 1}}',
    b'{"sentences": [""], "more": 1}', b'{"sentences": ["' + b"a " * 9000 + b'"]}',
]  # fmt: skip
JSON_ROUTES = ["/api/v1/photos/1/rank", "/api/v1/index", "/api/v1/search"]
VALUES = [
    "%00", "a%00cat", "%ED%A0%80", "%FF", "%F0%9F%90%88", "%E2%80%AE", "%1b%5b2J", "%0d%0aX:%201",
    "9" * 400, "-1", "NaN", "1e309", "Infinity", "%CC%81" * 300, "%2e%2e%2f", "'%22%3Cscript%3E",
    "0x10", "%D9%A1", "1_0", "2021-13-45", "0000-00-00", "99999-01-01", "%25s%25n", "a" * 3000,
]  # fmt: skip
QUERIES = [
    "/api/v1/search?q={}", "/api/v1/search?q=a+cat&k={}", "/api/v1/search?q=a&offset={}",
    "/api/v1/search?q=a&stage={}", "/api/v1/search?q=a&not={}", "/api/v1/search?q=a&from={}",
    "/api/v1/search?q=a&camera={}", "/api/v1/search?q=a&folder={}", "/api/v1/search?q=a&{}=1",
    "/api/v1/complete?q={}", "/api/v1/complete?q=a&k={}", "/api/v1/photos/1/explain?q={}",
    "/api/v1/photos/{}", "/api/v1/photos/{}/original", "/api/v1/photos/1/thumbnail?v={}",
    "/api/v1/photos/1/similar?k={}", "/api/v1/runs?k={}", "/api/v1/failures?{}", "/?q={}",
    "/?q=a&k={}&page={}", "/photos/{}", "/photos/1/beside?q={}", "/look?id={}", "/collection?{}",
    "/browse?month={}&offset={}", "/browse?folder={}&tag={}", "/browse?area={}",
    "/browse/tags?of={}", "/browse/folders?path={}", "/browse/places?zoom={}",
    "/browse/places?at={}", "/static/{}",
    "/api/v1/timeline?folder={}", "/api/v1/timeline/photos?month={}", "/api/v1/folders?path={}",
    "/api/v1/places?area={}", "/api/v1/tags?k={}",
]  # fmt: skip


@pytest.mark.parametrize("route", JSON_ROUTES)
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_body_that_is_not_what_was_asked_for_is_refused(
    client: FlaskClient, route: str, body: bytes
) -> None:
    response = client.post(route, data=body, content_type="application/json")
    assert 400 <= response.status_code < 500, response.data
    assert set(response.json["error"]) == {"code", "message", "hint"}


@pytest.mark.parametrize(
    "text", ["\\u0000", "\\ud800", "\\udfff\\ud800", "\\u202e", "\\ud83d\\ude00"]
)
def test_odd_text_in_a_body_is_answered_or_refused(
    client: FlaskClient, cat: int, text: str
) -> None:
    body = f'{{"sentences": ["a cat {text}"]}}'.encode()
    response = client.post(f"/api/v1/photos/{cat}/rank", data=body, content_type="application/json")
    assert response.status_code in (200, 400)
    assert response.json


def test_last_of_two_equal_names_counts(client: FlaskClient, cat: int) -> None:
    body = b'{"sentences": ["a dog"], "sentences": ["a cat"]}'
    response = client.post(f"/api/v1/photos/{cat}/rank", data=body, content_type="application/json")
    assert [each["sentence"] for each in response.json["sentences"]] == ["a cat"]


@pytest.mark.parametrize(
    "body", [b'{"folder": NaN}', b'{"folder": 1, "folder": 2}', b'{"folder": 1e999}']
)
def test_folder_that_is_no_number_starts_no_run(make_app: MakeApp, tmp_path, body: bytes) -> None:  # type: ignore[no-untyped-def]
    client = make_app(tmp_path, command=("false",)).test_client()
    response = client.post("/api/v1/index", data=body, content_type="application/json")
    assert 400 <= response.status_code < 500


@pytest.mark.parametrize("address", QUERIES)
def test_odd_parameter_is_answered_or_refused(client: FlaskClient, address: str) -> None:
    codes = {value: client.get(address.replace("{}", value)).status_code for value in VALUES}
    assert {value: code for value, code in codes.items() if code >= 500} == {}


@pytest.mark.parametrize("address", ["/", "/collection", "/api/v1/search", "/api/v1/failures"])
@pytest.mark.parametrize("query", [b"q=\xce", b"q=a&token=\xff", b"\xf4=\x00"])
def test_query_that_is_no_text_is_refused(client: FlaskClient, address: str, query: bytes) -> None:
    raw = {"QUERY_STRING": query.decode("latin-1")}
    response = client.get(address, environ_overrides=raw)
    assert response.status_code == 400
    assert client.get("/", environ_overrides={"QUERY_STRING": "q=caf\xc3\xa9"}).status_code == 200


@pytest.fixture(params=["original", "thumbnail"])
def image(request: pytest.FixtureRequest, cat: int) -> str:
    return f"/api/v1/photos/{cat}/{request.param}"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=-5", -5, None),
        ("bytes=10-", 10, None),
        ("bytes=5-99999999", 5, None),
    ],
)
def test_one_range_gets_its_part(
    client: FlaskClient, image: str, asked: str, start: int, end: int | None
) -> None:
    whole = client.get(image).data
    response = client.get(image, headers={"Range": asked})
    assert (response.status_code, response.data) == (206, whole[start:end])
    assert response.content_length == len(response.data)


@pytest.mark.parametrize(
    "asked",
    ["bytes=", "bytes=a-b", "bytes=9-1", "lines=0-1", "bytes=0-1,5-6,8-9", "bytes", "bytes=--1"],
)
def test_range_that_says_nothing_is_passed_over_or_refused(
    client: FlaskClient, image: str, asked: str
) -> None:
    whole = client.get(image)
    response = client.get(image, headers={"Range": asked})
    assert response.status_code in (200, 416)
    if response.status_code == 200:
        assert response.data == whole.data


def test_range_past_the_end_is_refused_with_the_length(client: FlaskClient, image: str) -> None:
    whole = client.get(image).data
    response = client.get(image, headers={"Range": f"bytes={len(whole)}-"})
    assert response.status_code == 416
    assert response.json["error"]["code"] == "http_error"


def test_part_of_what_is_another_file_by_now_is_the_whole(client: FlaskClient, image: str) -> None:
    whole = client.get(image)
    tag, asked = whole.headers["ETag"], {"Range": "bytes=0-3"}
    matched = client.get(image, headers={**asked, "If-Range": tag})
    assert (matched.status_code, matched.data) == (206, whole.data[:4])
    for other in ('"another"', "Thu, 01 Jan 1970 00:00:00 GMT", "yesterday"):
        response = client.get(image, headers={**asked, "If-Range": other})
        assert (response.status_code, response.data) == (200, whole.data), other


def test_known_image_is_not_sent_again_however_it_is_named(client: FlaskClient, image: str) -> None:
    tag = client.get(image).headers["ETag"]
    for known in (tag, f'"other", {tag}, "more"', f"W/{tag}", "*", f'"a"{"," * 500} {tag}'):
        response = client.get(image, headers={"If-None-Match": known})
        assert (response.status_code, response.data) == (304, b""), known
    assert client.get(image, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    "headers", [{}, {"Range": "bytes=0-3"}, {"Range": "bytes=0-1,3-4"}, {"If-None-Match": "*"}]
)
def test_head_is_get_without_a_body(
    client: FlaskClient, image: str, headers: dict[str, str]
) -> None:
    got, asked = client.get(image, headers=headers), client.head(image, headers=headers)
    assert (asked.status_code, asked.data) == (got.status_code, b"")
    for name in ("ETag", "Content-Length", "Content-Range", "Content-Type"):
        assert asked.headers.get(name) == got.headers.get(name), name
