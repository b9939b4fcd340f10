"""The API's description: whole, true to the answers, and readable by others' tools."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel

from indexer.thumbnails import LONGER_SIDE
from tests.project.source_tree import ROOT
from tests.web.live_server import visitor
from web import WebConfig, create_app
from web.api import browse_schemas, collection_schemas, kept_schemas, schemas
from web.parameters import Parameters

if TYPE_CHECKING:
    from search.engine import SearchEngine

MODELS = [
    model
    for module in (schemas, browse_schemas, collection_schemas, kept_schemas)
    for model in vars(module).values()
    if isinstance(model, type) and issubclass(model, BaseModel) and model is not BaseModel
]
# Parts of an answer are shown within it.
SHOWN = [model for model in MODELS if "json_schema_extra" in model.model_config]
PLACE = re.compile(r"<(?:.*?:)?(\w+)>")


@pytest.fixture
def described(client: FlaskClient) -> dict[str, Any]:
    """The description, as programs get it."""
    answer: dict[str, Any] = client.get("/openapi.json").json
    return answer


def operations(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every operation by method and path."""
    return {
        f"{method.upper()} {path}": operation
        for path, item in described["paths"].items()
        for method, operation in item.items()
    }


def test_description_is_openapi_3_1_under_both_addresses(client: FlaskClient) -> None:
    first, second = client.get("/openapi.json"), client.get("/api/v1/openapi.json")
    assert first.json == second.json
    assert first.json["openapi"].startswith("3.1")
    assert first.mimetype == "application/json"


def test_no_field_that_may_be_left_out_has_a_default_of_null(described: dict[str, Any]) -> None:
    """Generators of clients make a field with a default one that must be given."""
    schemas = described["components"]["schemas"]
    assert [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, known in schema.get("properties", {}).items()
        if "default" in known
    ] == []


def test_every_route_of_the_api_is_described(
    engine: SearchEngine, described: dict[str, Any]
) -> None:
    routed = {
        f"{method} " + PLACE.sub(r"{\1}", rule.rule)
        for rule in create_app(engine).url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/") and not rule.endpoint.startswith("docs.")
    }
    assert routed == set(operations(described))


def test_every_operation_says_what_it_gives_and_how_it_fails(described: dict[str, Any]) -> None:
    for name, operation in operations(described).items():
        assert operation["summary"].endswith("."), name
        assert {"400", "401", "429", "500"} <= set(operation["responses"]), name
        assert {"200", "202"} & set(operation["responses"]), name
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}
            assert response["description"]
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (name, parameter["name"])


def test_limits_are_those_that_are_kept(described: dict[str, Any], client: FlaskClient) -> None:
    parameters = {each["name"]: each["schema"] for each in
                  described["paths"]["/api/v1/search"]["get"]["parameters"]}  # fmt: skip
    assert parameters["q"]["maxLength"] == 300
    for name in ("k", "offset"):
        for limit, beyond in (("minimum", -1), ("maximum", 1)):
            value = int(parameters[name][limit])
            for given, status in ((value, 200), (value + beyond, 400)):
                response = client.get(f"/api/v1/search?q=a+cat&{name}={given}")
                assert response.status_code == status


def test_size_of_thumbnails_is_the_one_they_have(described: dict[str, Any]) -> None:
    thumbnail = described["paths"]["/api/v1/photos/{photo_id}/thumbnail"]["get"]
    assert f"at most {LONGER_SIDE} pixels" in thumbnail["summary"]
    assert f"at most {LONGER_SIDE} pixels" in thumbnail["responses"]["200"]["description"]


def test_every_parameter_and_field_stands_in_the_documents(described: dict[str, Any]) -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(?:\w+(?:\[\])?\.)*(\w+)`", text))
    named = {
        parameter["name"]
        for operation in operations(described).values()
        for parameter in operation.get("parameters", [])
    }
    named |= {field for model in MODELS for field in model.model_fields}
    assert sorted(named - documented) == []


@pytest.mark.parametrize("model", SHOWN, ids=lambda model: model.__name__)
def test_example_is_what_it_is_an_example_of(model: type[BaseModel]) -> None:
    extra = model.model_config.get("json_schema_extra")
    assert isinstance(extra, dict)
    model.model_validate(extra["example"], extra="forbid", strict=True)


def test_answers_have_exactly_the_fields_that_are_described(client: FlaskClient) -> None:
    [found] = client.get("/api/v1/search?q=a+cat&k=1").json["results"]
    photo = found["url"]
    ranked = client.post(f"{photo}/rank", json={"sentences": ["a cat", "qzxv"]})
    for response, model in [
        (client.get("/api/v1/search?q=a+cat+qzxv"), schemas.SearchAnswer),
        (client.get("/api/v1/search?q=a+cat&k=1&explain=1"), schemas.SearchAnswer),
        (client.get(f"{photo}/similar"), schemas.SimilarAnswer),
        (client.get(photo), schemas.Photo),
        (client.get(f"{photo}/explain?q=a+cat"), schemas.Explanation),
        (client.get(f"{photo}/explain?q=cat"), schemas.Explanation),
        (ranked, schemas.RankAnswer),
        (client.get("/api/v1/complete?q=a"), schemas.Completions),
        (client.get("/api/v1/timeline"), browse_schemas.Timeline),
        (client.get("/api/v1/timeline/photos"), browse_schemas.MonthAnswer),
        (client.get("/api/v1/folders"), browse_schemas.FoldersAnswer),
        (client.get("/api/v1/tags"), browse_schemas.LabelsAnswer),
        (client.get("/api/v1/places"), browse_schemas.PlacesAnswer),
        (client.get("/api/v1/status"), schemas.Status),
        (client.get("/api/v1/healthz"), schemas.Health),
        (client.get("/api/v1/nothing"), schemas.ErrorAnswer),
    ]:
        model.model_validate(response.json, extra="forbid", strict=True)


def test_token_is_asked_for_in_the_description_where_the_server_asks_for_it(
    engine: SearchEngine, described: dict[str, Any]
) -> None:
    guarded = visitor(engine, WebConfig(token="t"))
    bearer = {"Authorization": "Bearer t"}
    assert {} in described["security"]
    assert guarded.get("/openapi.json", headers=bearer).json["security"] == [{"token": []}]
    scheme = described["components"]["securitySchemes"]["token"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


# What requests may carry


@pytest.mark.parametrize(
    "address",
    ["search?q=a+cat&", "complete?q=a&", "photos/1/similar?", "photos/1/explain?q=a+cat&", "runs?"],
)
def test_parameter_that_an_address_does_not_know_is_refused(
    client: FlaskClient, address: str
) -> None:
    response = client.get(f"/api/v1/{address}ofset=20")
    assert response.status_code == 400
    assert response.json["error"]["code"] == "invalid_query"
    assert response.json["error"]["hint"] == "Check the parameter ofset."


def test_field_that_a_body_does_not_know_is_refused(client: FlaskClient) -> None:
    response = client.post("/api/v1/photos/1/rank", json={"sentence": ["a cat"]})
    assert response.status_code == 400
    assert response.json["error"]["hint"] == "Check the parameter sentence."


@pytest.mark.parametrize("number", ["1.0", "1_0", "1e1", "+1", "0x1", "\u0661"])
def test_numbers_are_written_as_people_write_them(client: FlaskClient, number: str) -> None:
    response = client.get("/api/v1/search", query_string={"q": "a cat", "k": number})
    assert response.status_code == 400
    assert response.json["error"]["hint"] == "Check the parameter k."


# Pages


def follow(client: FlaskClient, address: str | None, link: str) -> list[list[int]]:
    """The photos on every page, from one address on along its links."""
    pages = []
    while address:
        answer = client.get(address).json
        pages.append([result["photo_id"] for result in answer["results"]])
        address = answer[link]
    return pages


@pytest.mark.parametrize(
    "address",
    ["/api/v1/search?q=a+cat&not=a+dog&not=snow&format=png", "/api/v1/photos/1/similar?"],
)
def test_links_lead_through_all_results_and_back(client: FlaskClient, address: str) -> None:
    whole = [row["photo_id"] for row in client.get(address).json["results"]]
    pages = follow(client, f"{address}&k=3", "next")
    last = 3 * (len(pages) - 1)
    assert len(pages) > 2
    assert [photo for page in pages for photo in page] == whole
    assert follow(client, f"{address}&k=3&offset={last}", "previous") == pages[::-1]


def test_token_never_stands_in_a_link(engine: SearchEngine) -> None:
    guarded = visitor(engine, WebConfig(token="secret"))
    response = guarded.get("/api/v1/search?q=a+cat&k=1&token=secret")
    assert response.json["next"] == "/api/v1/search?q=a+cat&k=1&offset=1"


@pytest.mark.parametrize("address", ["search?q=a+cat", "photos/1/similar?"])
def test_page_past_the_end_is_empty_and_leads_nowhere(client: FlaskClient, address: str) -> None:
    answer = client.get(f"/api/v1/{address}&offset=100").json
    assert (answer["results"], answer["next"]) == ([], None)


# What need not be sent again


@pytest.mark.parametrize("address", ["/api/v1/photos/1", "/api/v1/status"])
def test_answer_that_has_not_changed_is_not_sent_again(client: FlaskClient, address: str) -> None:
    first = client.get(address)
    again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    other = client.get(address, headers={"If-None-Match": '"other"'})
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert (again.status_code, again.data) == (304, b"")
    assert (other.status_code, other.data) == (200, first.data)


@pytest.mark.parametrize("parameters", Parameters.__subclasses__())
def test_schema_that_is_kept_is_that_of_its_own_parameters(parameters: type[Parameters]) -> None:
    for _ in range(2):
        assert parameters.model_json_schema() == parameters.model_json_schema(by_alias=True)
    assert parameters.model_json_schema()["title"] == parameters.__name__
