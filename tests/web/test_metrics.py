"""What operators see: metrics for Prometheus, and a log of requests that keeps queries private."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from commands.common.json_log import log_as_json
from commands.common.output import note
from tests.web.live_server import visitor
from web import WebConfig

if TYPE_CHECKING:
    from search.engine import SearchEngine

SECRET = "a cat nobody shall know of"


@pytest.fixture
def logs() -> Iterator[None]:
    """Loggers as they were afterwards."""
    root, own = logging.getLogger(), logging.getLogger("tellshow")
    handlers, levels = root.handlers[:], (root.level, own.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    own.setLevel(levels[1])


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Every value by its name and the values of its labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_count_requests_by_route_and_searches(engine: SearchEngine) -> None:
    client = visitor(engine, WebConfig(metrics=True))
    for path in ("/?q=a+cat", "/", "/api/v1/search?q=a+cat", "/api/v1/photos/1", "/nothing"):
        client.get(path)
    client.open("/", method="BREW")
    found = samples(client.get("/metrics").text)
    assert found["tellshow_http_requests_total", "GET", "/", "200"] == 2
    assert found["tellshow_http_requests_total", "GET", "none", "404"] == 1
    assert found["tellshow_http_requests_total", "other", "none", "405"] == 1
    assert found["tellshow_http_request_duration_seconds_count", "/api/v1/search"] == 1
    assert found["tellshow_searches_total",] == 2
    assert found["tellshow_photos",] == 12
    assert found["tellshow_search_queue_length",] == 0
    assert found["tellshow_index_running",] == found["tellshow_index_files",] == 0
    assert not any("photos/1" in label for name in found for label in name)


def test_metrics_are_not_there_unasked_and_ask_for_the_token(engine: SearchEngine) -> None:
    assert visitor(engine).get("/metrics").status_code == 404
    guarded = visitor(engine, WebConfig(metrics=True, token="t"))
    assert guarded.get("/metrics").status_code == 401
    told = guarded.get("/metrics", headers={"Authorization": "Bearer t"})
    assert samples(told.text)["tellshow_http_requests_total", "GET", "/metrics", "401"] == 1


@pytest.mark.parametrize("wanted", [False, True])
def test_log_of_requests_names_queries_only_when_asked(
    engine: SearchEngine, wanted: bool, logs: None, capsys: pytest.CaptureFixture[str]
) -> None:
    log_as_json()
    client = visitor(engine, WebConfig(log_requests=True, log_queries=wanted))
    client.get("/api/v1/search", query_string={"q": SECRET})
    client.get("/static/base.css")
    note("tellshow is at home\n")
    request, noted = map(json.loads, capsys.readouterr().err.splitlines())
    assert (request["method"], request["path"], request["status"]) == ("GET", "/api/v1/search", 200)
    assert request["client"] == "127.0.0.1"
    assert request["milliseconds"] > 0
    assert request["level"] == noted["level"] == "INFO"
    assert request["time"] <= noted["time"]
    assert request.get("query") == (SECRET if wanted else None)
    assert noted["message"] == "tellshow is at home\n"


def test_error_of_the_database_does_not_repeat_the_query(engine: SearchEngine) -> None:
    with engine.database.read() as session, pytest.raises(SQLAlchemyError) as raised:
        session.execute(text("SELECT :query FROM nowhere"), {"query": SECRET})
    assert SECRET not in str(raised.value)


def test_fault_is_logged_as_one_object_with_its_traceback(
    engine: SearchEngine, logs: None, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    log_as_json()
    client = visitor(engine, WebConfig(log_requests=True))

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(engine, "search", broken)
    assert client.get("/api/v1/search", query_string={"q": SECRET}).status_code == 500
    told = capsys.readouterr().err
    fault, request = map(json.loads, told.splitlines())
    assert "ZeroDivisionError" in fault["exc_info"]
    assert request["status"] == 500
    assert SECRET not in told
