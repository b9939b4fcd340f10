"""The page about the collection: what it says, whom it lets index, and progress as it comes."""

from __future__ import annotations

import http.client
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from html import unescape
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from catalog.database import Database
from catalog.failures import record_failure
from catalog.home import Home
from catalog.lock import writer_lock
from catalog.roots import get_or_add_root
from catalog.runs import Noted, finish_run, note_run, start_run
from tests.cli.command_process import PATIENCE as LONG
from tests.cli.command_process import REPOSITORY, wait_until
from tests.web.live_server import Visitor, opened, serving
from tests.web.test_pages import words_of
from web import WebConfig, create_app, indexing_of
from web.api import collection_schemas as answers
from web.indexing.events import event_texts

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from search.engine import SearchEngine

OWN = {"Origin": "http://localhost"}
HOSTILE = b"/pictures/<script>document.title='owned'</script>\xff.jpg"
PHONE = {"width": 390, "height": 844}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
REPORT = {
    "indexed": 1, "unchanged": 0, "moved": 0, "duplicates": 0, "removed": 0, "offline_roots": [],
    "skipped": [{"path": "/a<b>.jpg", "reason": "The file is empty."}],
    "seconds": 2.0, "photos_per_second": 0.5,
}  # fmt: skip

Make = Callable[..., Flask]
Note = Callable[[int, int], None]


@pytest.fixture
def own_engine(
    home: Home, database: Database, captioner: Captioner, embedder: SentenceEmbedder
) -> SearchEngine:
    """An engine over an empty home of the test's own."""
    from search.engine import SearchEngine

    return SearchEngine(home, database, captioner, embedder)


@pytest.fixture
def make_app(own_engine: SearchEngine) -> Iterator[Make]:
    """Make an application that may index folders, by a command; what it runs ends with the test."""
    made: list[Flask] = []

    def make(*folders: Path, command: tuple[str, ...] = ()) -> Flask:
        app = create_app(own_engine, WebConfig(indexable=folders, index_command=command))
        app.test_client_class = Visitor
        made.append(app)
        return app

    yield make
    for app in made:
        indexing_of(app).close()


def python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-c", program)


def real_index(home: Home) -> tuple[str, ...]:
    return (
        sys.executable, str(REPOSITORY / "tellshow.py"), "index", "--json", "--device", "cpu",
        "--home", str(home.path), "--",
    )  # fmt: skip


@contextmanager
def indexing_elsewhere(
    home: Home, database: Database, folder: Path
) -> Iterator[Callable[..., None]]:
    """Somebody else's run, as it looks from outside; call what is given with done and total."""
    with writer_lock(home):
        with database.write() as session:
            root = get_or_add_root(session, folder)
            run = start_run(session, Noted([root], {}))

        def note(done: int, total: int) -> None:
            noted = Noted([root], {"indexed": done, "skipped": 1}, total, done, done / 2)
            with database.write() as session:
                note_run(session, run, noted)

        yield note
        with database.write() as session:
            finish_run(session, run, Noted([root], {"indexed": 7, "skipped": 1}, 8, 8, 4.0))


# What the page says


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
    make_app: Make, database: Database, tmp_path: Path
) -> None:
    with database.write() as session:
        get_or_add_root(session, tmp_path / "unplugged")
    assert "unplugged 0 photos offline" in words_of(
        make_app().test_client().get("/collection").text
    )


def test_empty_collection_says_how_to_fill_it(make_app: Make) -> None:
    text = words_of(make_app().test_client().get("/collection").text)
    assert "tellshow index ~/Pictures" in text
    assert "tellshow serve --allow-index FOLDER" in text


def test_hostile_names_of_failures_stay_text(make_app: Make, database: Database) -> None:
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


def test_failures_are_listed_by_reason_page_by_page(make_app: Make, database: Database) -> None:
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


def test_runs_are_told_with_their_ends(make_app: Make, database: Database, album: Path) -> None:
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


def test_links_lead_through_runs_and_failures_and_back(make_app: Make, database: Database) -> None:
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
    make_app: Make, database: Database, album: Path
) -> None:
    program = f"print({json.dumps(json.dumps(REPORT))})"
    app = make_app(album, command=python(program))
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


# Who may index what


def test_without_permission_no_form_is_shown_and_nothing_starts(
    make_app: Make, album: Path
) -> None:
    client = make_app().test_client()
    assert "/collection/index" not in client.get("/collection").text
    for folder in (1, str(album)):
        answer = client.post("/api/v1/index", json={"folder": folder})
        assert (answer.status_code, answer.json["error"]["code"]) == (403, "index_not_permitted")
    sent = client.post("/collection/index", data={"folder": "1"}, headers=OWN)
    assert sent.status_code == 403
    assert "may not be indexed from here" in words_of(sent.text)


@pytest.mark.parametrize(
    "folder", [0, 2, -1, "", "/", "1", "{album}/..", "{album}/.", "{album}/sub", "{album}/"]
)
def test_only_exactly_the_allowed_folders_are_indexed(
    make_app: Make, album: Path, folder: int | str
) -> None:
    (album / "sub").mkdir()
    app = make_app(album, command=python("raise SystemExit"))
    named = folder.format(album=album) if isinstance(folder, str) else folder
    answer = app.test_client().post("/api/v1/index", json={"folder": named})
    assert (answer.status_code, answer.json["error"]["code"]) == (403, "index_not_permitted")
    assert indexing_of(app).runner.active_run is None


@pytest.mark.parametrize(
    "number", ["0", "2", "-1", "x", "", "\N{ARABIC-INDIC DIGIT ONE}", "1/../..", "9" * 50]
)
def test_form_names_folders_by_number_only(make_app: Make, album: Path, number: str) -> None:
    client = make_app(album, command=python("raise SystemExit")).test_client()
    sent = client.post("/collection/index", data={"folder": number}, headers=OWN)
    assert sent.status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"1",
        b"null",
        b"{}",
        b'{"folder":[1]}',
        b'{"folder":1.5}',
        b'{"folder":true}',
        b'{"folder":null}',
        b'{"folder":1,"prune":true}',
    ],
)
def test_body_without_a_folder_is_refused(make_app: Make, album: Path, body: bytes) -> None:
    answer = (
        make_app(album)
        .test_client()
        .post("/api/v1/index", data=body, content_type="application/json")
    )
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid_query")


def test_page_of_another_site_starts_and_stops_nothing(make_app: Make, album: Path) -> None:
    app = make_app(album, command=python("raise SystemExit"))
    client = app.test_client()
    for origin in ("https://evil.example", "null", "http://localhost:3000"):
        headers = {"Origin": origin}
        assert client.post("/api/v1/index", json={"folder": 1}, headers=headers).status_code == 403
        assert client.delete("/api/v1/index", headers=headers).status_code == 403
        for path in ("/collection/index", "/collection/stop"):
            assert client.post(path, data={"folder": "1"}, headers=headers).status_code == 403
    assert indexing_of(app).runner.last_run is None


def test_form_that_does_not_say_where_it_comes_from_is_refused(make_app: Make, album: Path) -> None:
    client = make_app(album, command=python("raise SystemExit")).test_client()
    assert client.post("/collection/index", data={"folder": "1"}).status_code == 403
    assert client.post("/collection/stop").status_code == 403
    # What a form can send is no JSON, so that the API is not to be reached by one.
    assert client.post("/api/v1/index", data={"folder": "1"}).status_code == 415


# Running


def test_run_is_started_once_and_tells_its_summary(make_app: Make, album: Path) -> None:
    program = f"import sys; sys.stdin.read(); print({json.dumps(json.dumps(REPORT))})"
    app = make_app(album, command=python(program))
    client, runner = app.test_client(), indexing_of(app).runner
    started = client.post("/api/v1/index", json={"folder": str(album)})
    assert started.status_code == 202
    assert started.json["folders"] == [{"number": 1, "path": str(album)}]
    wait_until(lambda: runner.active_run is None)
    last = client.get("/api/v1/index").json["last"]
    assert (last["folder"], last["stopped"], last["report"]) == (str(album), False, REPORT)
    html = client.get("/collection").text
    assert "1 new or changed, 1 skipped, in 2 seconds" in words_of(html)
    assert "/a&lt;b&gt;.jpg" in html


def test_second_run_waits_its_turn_and_the_first_can_be_stopped(
    make_app: Make, album: Path
) -> None:
    app = make_app(album, command=python("import time; time.sleep(600)"))
    client, runner = app.test_client(), indexing_of(app).runner
    assert client.post("/collection/index", data={"folder": "1"}, headers=OWN).status_code == 303
    assert client.get("/api/v1/index").json["current"]["state"] == "starting"
    html = client.get("/collection").text
    assert "Getting ready to index" in html
    assert 'http-equiv="refresh"' in html
    again = client.post("/api/v1/index", json={"folder": 1})
    assert (again.status_code, again.json["error"]["code"]) == (409, "index_running")
    sent = client.post("/collection/index", data={"folder": "1"}, headers=OWN)
    assert sent.status_code == 409
    assert "already" in words_of(sent.text)
    assert client.delete("/api/v1/index").status_code == 202
    wait_until(lambda: runner.active_run is None)
    ended = runner.last_run
    assert ended is not None
    assert ended.stopped
    assert "what was found until then is saved" in words_of(client.get("/collection").text)
    nothing = client.delete("/api/v1/index")
    assert (nothing.status_code, nothing.json["error"]["code"]) == (409, "no_index_running")


def test_run_that_fails_says_why(make_app: Make, album: Path) -> None:
    app = make_app(album, command=python("raise SystemExit('tellshow: the disk is full')"))
    client, runner = app.test_client(), indexing_of(app).runner
    client.post("/api/v1/index", json={"folder": 1})
    wait_until(lambda: runner.active_run is None)
    assert client.get("/api/v1/index").json["last"]["message"] == "the disk is full"
    assert "The disk is full." in words_of(client.get("/collection").text)


def test_nothing_starts_while_somebody_else_writes(make_app: Make, home: Home, album: Path) -> None:
    client = make_app(album, command=python("raise SystemExit")).test_client()
    with writer_lock(home):
        assert client.post("/api/v1/index", json={"folder": 1}).status_code == 409
        assert client.get("/api/v1/index").json["current"]["state"] == "busy"


def test_closing_ends_the_run_and_waits_for_it(make_app: Make, album: Path) -> None:
    app = make_app(album, command=python("import time; time.sleep(600)"))
    runner = indexing_of(app).runner
    runner.start(album)
    going = runner.active_run
    assert going is not None
    indexing_of(app).close()
    assert going.process.poll() is not None
    assert runner.active_run is None


def test_run_gives_way_to_searches(make_app: Make, album: Path) -> None:
    program = "import os, sys, json; print(json.dumps({'skipped': [], 'seconds': os.nice(0)}))"
    app = make_app(album, command=python(f"import time; time.sleep(1); {program}"))
    runner = indexing_of(app).runner
    runner.start(album)
    wait_until(lambda: runner.active_run is None)
    assert runner.last_run is not None
    assert runner.last_run.report is not None
    assert runner.last_run.report["seconds"] == min(19, os.nice(0) + 10)


# Progress


def test_progress_of_another_process_is_told(
    make_app: Make, home: Home, database: Database, album: Path
) -> None:
    client = make_app(album).test_client()
    with indexing_elsewhere(home, database, album) as note:
        looking = client.get("/api/v1/index").json["current"]
        assert (looking["state"], looking["total"]) == ("looking", None)
        note(6, 8)
        current = client.get("/api/v1/index").json["current"]
        assert current["state"] == "reading"
        assert not current["here"]
        assert current["folders"] == [str(album)]
        assert (current["done"], current["total"], current["skipped"]) == (6, 8, 1)
        assert (current["photos_per_second"], current["seconds_left"]) == (2.0, 1.0)
        assert current["detail"] == "6 of 8 files, 2.0 a second, 1 second left, 1 skipped"
        html = client.get("/collection").text
        assert "/collection/stop" not in html
        assert re.search(r'max="8" value="6"', html)
        assert client.get("/api/v1/runs").json["runs"][0]["state"] == "running"
    assert client.get("/api/v1/index").json["current"]["state"] == "idle"


def read_event(stream: http.client.HTTPResponse) -> dict[str, Any]:
    """The next event, or comment, of a stream."""
    found: dict[str, Any] = {}
    while line := stream.readline().decode().rstrip("\n"):
        name, _, value = line.partition(": ")
        found[name] = value
    return {**found, "data": json.loads(found["data"])} if "data" in found else found


@contextmanager
def listening(site: str, last_id: str = "") -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(urlsplit(site).netloc, timeout=120)
    headers = {"Last-Event-ID": last_id} if last_id else {}
    connection.request("GET", "/api/v1/events", headers=headers)
    response = connection.getresponse()
    try:
        yield response
    finally:
        response.close()  # else it keeps the connection open
        connection.close()


def test_events_tell_of_a_run_from_start_to_end(
    make_app: Make, home: Home, database: Database, album: Path
) -> None:
    with serving(make_app()) as site, listening(site) as heard:
        assert heard.getheader("Content-Type") == "text/event-stream; charset=utf-8"
        assert read_event(heard) == {"retry": "2000"}
        assert read_event(heard)["event"] == "idle"
        with indexing_elsewhere(home, database, album) as note:
            assert read_event(heard)["data"]["state"] == "looking"
            note(6, 8)
            event = read_event(heard)
            assert (event["event"], event["data"]["done"]) == ("progress", 6)
        done = read_event(heard)
        while done["event"] == "progress":  # what is seen between end and release
            done = read_event(heard)
        assert done["event"] == "done"
        assert done["data"]["run"]["indexed"] == 7
        assert read_event(heard)["event"] == "idle"
    with serving(make_app()) as site:
        with listening(site, event["id"]) as heard:  # away when it ended: told nevertheless
            assert [read_event(heard).get("event") for _ in range(3)] == [None, "done", "idle"]
        with listening(site, done["id"]) as heard:
            assert [read_event(heard).get("event") for _ in range(2)] == [None, "idle"]
        with listening(site, "\xff; no id of ours") as heard:
            assert [read_event(heard).get("event") for _ in range(2)] == [None, "idle"]


def test_streams_are_few_and_who_goes_away_makes_room(
    make_app: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.api.collection.event_texts", partial(event_texts, seconds=10**6))
    app = make_app()
    with serving(app) as site:
        with listening(site) as one, listening(site) as two, listening(site) as three:
            assert [each.status for each in (one, two, three)] == [200] * 3
            with listening(site) as fourth:
                assert fourth.status == 503
                assert fourth.getheader("Retry-After") == "10"
                assert json.load(fourth)["error"]["code"] == "too_many_streams"
        streams = indexing_of(app).streams

        def has_room() -> bool:
            give_back = streams.acquire()
            if give_back:
                give_back()
            return give_back is not None

        wait_until(has_room)


def test_asking_for_the_head_of_the_events_takes_no_place(make_app: Make) -> None:
    app = make_app()
    for _ in range(5):
        assert app.test_client().head("/api/v1/events").status_code == 200
    assert indexing_of(app).streams.acquire() is not None


def test_stream_ends_after_a_while(make_app: Make) -> None:
    indexing = indexing_of(make_app())
    told = list(event_texts(indexing.monitor, indexing.runner, "", bool, Event(), seconds=0.05))
    assert [text.split("\n")[0] for text in told] == ["retry: 2000", "event: idle"]


# In a browser, with the real thing


def test_folder_is_indexed_by_keyboard_and_found_without_reloading(
    make_app: Make, home: Home, album: Path, browser: Browser, complaints: list[str]
) -> None:
    (album / "empty.jpg").touch()
    app = make_app(album, command=real_index(home))
    with serving(app) as site, opened(browser, site, complaints) as page:
        page.goto("/collection")
        assert page.locator("#live").is_hidden()
        page.get_by_role("button", name="Index").focus()
        with page.expect_navigation():
            page.keyboard.press("Enter")
        page.evaluate("window.loaded = 'twice'")
        page.locator("#live-title", has_text="index").wait_for()  # getting ready, or at it
        ended = page.locator("#ended", has_text="2 new or changed, 1 skipped")
        ended.wait_for(timeout=1000 * LONG)
        assert page.evaluate("window.loaded") == "twice"
        assert page.locator("#live").is_hidden()
        assert page.locator("#folders", has_text="2 photos").is_visible()
        assert page.locator("#failures", has_text="The file is empty.").is_visible()
        assert len(app.test_client().get("/api/v1/search?q=a+cat").json["results"]) == 2
    assert complaints == []


def test_run_of_another_process_is_followed_without_reloading(
    make_app: Make,
    home: Home,
    database: Database,
    album: Path,
    browser: Browser,
    complaints: list[str],
) -> None:
    with serving(make_app(album)) as site, opened(browser, site, complaints) as page:
        page.goto("/collection")
        assert page.locator("#live").is_hidden()
        with indexing_elsewhere(home, database, album) as note:
            page.locator("#live-title", has_text="Looking for photos").wait_for()
            note(2, 8)
            page.locator("#live-detail", has_text="2 of 8 files").wait_for()
            assert page.locator("#live-bar").get_attribute("value") == "2"
            assert page.get_by_role("button", name="Index").is_disabled()
            assert page.get_by_role("button", name="Stop").count() == 0
        page.locator("#runs", has_text="7 new or changed").wait_for()
        assert page.locator("#live").is_hidden()
    assert complaints == []


def test_page_that_gets_no_stream_asks_from_time_to_time(
    make_app: Make, home: Home, database: Database, album: Path, browser: Browser
) -> None:
    app = make_app(album)
    for _ in range(3):
        indexing_of(app).streams.acquire()
    with serving(app) as site, opened(browser, site, []) as page:
        page.goto("/collection")
        with indexing_elsewhere(home, database, album) as note:
            note(2, 8)
            page.locator("#live-detail", has_text="2 of 8 files").wait_for()
        page.locator("#runs", has_text="7 new or changed").wait_for()


def test_without_javascript_a_run_is_started_and_stopped(
    make_app: Make, album: Path, browser: Browser, complaints: list[str]
) -> None:
    app = make_app(album, command=python("import time; time.sleep(600)"))
    runner = indexing_of(app).runner
    options: dict[str, object] = {"java_script_enabled": False}
    with serving(app) as site, opened(browser, site, complaints, **options) as page:
        page.goto("/collection")
        page.get_by_role("button", name="Index").click()
        page.locator("#live-title", has_text="Getting ready").wait_for()
        page.get_by_role("button", name="Stop").click()
        wait_until(lambda: runner.active_run is None)
        page.goto("/collection")
        assert "what was found until then is saved" in page.inner_text("#ended")
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_needs_no_sideways_scrolling(
    browser: Browser, site: str, complaints: list[str], scheme: str
) -> None:
    with opened(browser, site, complaints, viewport=PHONE, color_scheme=scheme) as page:
        page.goto("/collection")
        assert page.evaluate(OVERFLOW) == 0
    assert complaints == []
