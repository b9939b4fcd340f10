"""The collection page and its lists in the API: folders, failures and runs."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient

from catalog.database import Database
from catalog.failures import record_failure
from catalog.roots import get_or_add_root
from catalog.runs import Noted, finish_run, start_run
from tests.cli.command_process import wait_until
from tests.web.index_runs import (
    REPORT,
    MakeApp,
    python_command,
)
from tests.web.page_text import words_of
from web import indexing_of
from web.api import collection_schemas as answers

if TYPE_CHECKING:
    from search.engine import SearchEngine


HOSTILE = b"/pictures/<script>document.title='owned'</script>\xff.jpg"


def test_page_tells_what_is_indexed_and_by_which_model(
    client: FlaskClient, engine: SearchEngine, sample_photos: Path
) -> None:
    text = words_of(client.get("/collection").text)
    assert "photos 12" in text
    assert f"{sample_photos} 12 photos online" in text
    assert engine.captioner.name in text
    assert engine.embedder.name in text
    assert "12 new or changed" in text


def test_folder_leads_to_a_search_in_it(client: FlaskClient, sample_photos: Path) -> None:
    found = re.search(r'class="act" href="/\?folder=([^"]+)"', client.get("/collection").text)
    assert found is not None
    answer = client.get(f"/api/v1/search?q=a+cat&folder={found[1]}").json
    assert len(answer["results"]) == 12


def test_folder_that_cannot_be_reached_is_offline(
    make_app: MakeApp, database: Database, tmp_path: Path
) -> None:
    with database.write() as session:
        get_or_add_root(session, tmp_path / "unplugged")
    assert "unplugged 0 photos offline" in words_of(
        make_app().test_client().get("/collection").text
    )


def test_empty_collection_says_how_to_fill_it(make_app: MakeApp) -> None:
    text = words_of(make_app().test_client().get("/collection").text)
    assert "tellshow index ~/Pictures" in text
    assert "tellshow serve --allow-index FOLDER" in text


def test_hostile_names_of_failures_stay_text(make_app: MakeApp, database: Database) -> None:
    with database.write() as session:
        record_failure(session, HOSTILE, 1, 1, "<img src=x onerror=alert(1)>")
    client = make_app().test_client()
    html = client.get("/collection").text
    assert "<script>document" not in html
    assert "<img src=x" not in html
    assert "<script>document.title='owned'</script>?.jpg" in unescape(html)
    reason = client.get("/api/v1/failures").json["reasons"][0]["reason"]
    listed = client.get("/collection/failures", query_string={"reason": reason})
    assert "<script>document" not in listed.text
    assert "<img src=x" not in listed.text


def test_failures_are_listed_by_reason_page_by_page(make_app: MakeApp, database: Database) -> None:
    with database.write() as session:
        for number in range(150):
            record_failure(session, b"/a/%03d.jpg" % number, 0, 0, "The file is empty.")
        record_failure(session, b"/b.jpg", 0, 0, "It is no photo.")
    client = make_app().test_client()
    text = words_of(client.get("/collection").text)
    assert text.index("150 The file is empty.") < text.index("1 It is no photo.")
    assert "/a/009.jpg" in text
    assert "/a/010.jpg" not in text
    query = {"reason": "The file is empty."}
    first, second = (
        client.get("/collection/failures", query_string={**query, "page": page}).text
        for page in (1, 2)
    )
    assert "/a/099.jpg" in first
    assert 'rel="next"' in first
    assert "/a/100.jpg" in second
    assert 'rel="next"' not in second
    page = client.get("/api/v1/failures", query_string={**query, "k": 2, "offset": 148}).json
    assert page["paths"] == ["/a/148.jpg", "/a/149.jpg"]
    assert page["reasons"][0] == {"reason": "The file is empty.", "files": 150}


@pytest.mark.parametrize("query", ["?page=2", "?reason=none", "?reason=none&page=x", "?page=0"])
def test_page_of_failures_that_is_not_there_is_not_found(client: FlaskClient, query: str) -> None:
    assert client.get(f"/collection/failures{query}").status_code == 404


def test_runs_are_told_with_their_ends(make_app: MakeApp, database: Database, album: Path) -> None:
    with database.write() as session:
        root = get_or_add_root(session, album)
        start_run(session, Noted([root], {"indexed": 5}, 9, 5, 2.0))
        broken = start_run(session, Noted([root], {}))
        finish_run(session, broken, Noted([root], {"indexed": 3}, 9, 3, 2.0, interrupted=True))
        whole = start_run(session, Noted([root], {}))
        finish_run(session, whole, Noted([root], {"unchanged": 8, "skipped": 1}, 1, 1, 2.0))
    client = make_app().test_client()
    runs = client.get("/api/v1/runs").json
    assert runs["total"] == 3
    assert [run["state"] for run in runs["runs"]] == ["finished", "interrupted", "killed"]
    assert runs["runs"][0]["folders"] == [str(album)]
    assert client.get("/api/v1/runs?k=1&offset=1").json["runs"][0]["indexed"] == 3
    text = words_of(client.get("/collection").text)
    assert "8 unchanged, 1 skipped" in text
    assert "stopped early" in text
    assert "broken off" in text


@pytest.mark.parametrize("query", ["k=0", "k=x", "offset=-1", "offset=x", "offset=99999999999999"])
def test_wrong_page_of_runs_is_refused(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/api/v1/runs?{query}")
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid_query")


@pytest.mark.parametrize(
    "address", ["runs?ofset=1", "runs?reason=x", "failures?ofset=1", "failures?k=0"]
)
def test_wrong_parameter_of_a_list_is_refused(client: FlaskClient, address: str) -> None:
    answer = client.get(f"/api/v1/{address}")
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid_query")


def test_links_lead_through_runs_and_failures_and_back(
    make_app: MakeApp, database: Database
) -> None:
    with database.write() as session:
        for number in range(5):
            record_failure(session, b"/a/%d.jpg" % number, 0, 0, "The file is empty.")
            start_run(session, Noted([], {}))
    client = make_app().test_client()
    for first, rows in [
        ("/api/v1/runs?k=2", "runs"),
        ("/api/v1/failures?reason=The+file+is+empty.&k=2", "paths"),
    ]:
        whole = client.get(first.replace("k=2", "k=5")).json
        assert (whole["next"], whole["previous"]) == (None, None)
        one = client.get(first).json
        two = client.get(one["next"]).json
        three = client.get(two["next"]).json
        assert one[rows] + two[rows] + three[rows] == whole[rows]
        assert three["next"] is None
        assert client.get(three["previous"]).json == two


def test_answers_have_exactly_the_fields_that_are_described(
    make_app: MakeApp, database: Database, album: Path
) -> None:
    program = f"print({json.dumps(json.dumps(REPORT))})"
    app = make_app(album, command=python_command(program))
    with database.write() as session:
        record_failure(session, b"/a.jpg", 0, 0, "The file is empty.")
        start_run(session, Noted([get_or_add_root(session, album)], {}))
    client, runner = app.test_client(), indexing_of(app).runner
    assert client.get("/api/v1/index").json["last"] is None
    started = client.post("/api/v1/index", json={"folder": 1})
    wait_until(lambda: runner.active_run is None)
    over = client.get("/api/v1/index")
    assert over.json["last"]["report"] is not None
    for response, model in [
        (started, answers.IndexAnswer),
        (over, answers.IndexAnswer),
        (client.get("/api/v1/runs"), answers.RunsAnswer),
        (client.get("/api/v1/failures?reason=The+file+is+empty."), answers.FailuresAnswer),
    ]:
        model.model_validate(response.json, extra="forbid", strict=True)
