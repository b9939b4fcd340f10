"""The progress of index runs: by the API, and as server-sent events."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from catalog.database import Database
from catalog.home import Home
from tests.cli.command_process import wait_until
from tests.web.index_runs import (
    MakeApp,
    indexing_elsewhere,
)
from tests.web.live_server import serving
from web import indexing_of
from web.indexing.events import event_texts

if TYPE_CHECKING:
    pass


def test_progress_of_another_process_is_told(
    make_app: MakeApp, home: Home, database: Database, album: Path
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
    make_app: MakeApp, home: Home, database: Database, album: Path
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
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
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


def test_asking_for_the_head_of_the_events_takes_no_place(make_app: MakeApp) -> None:
    app = make_app()
    for _ in range(5):
        assert app.test_client().head("/api/v1/events").status_code == 200
    assert indexing_of(app).streams.acquire() is not None


def test_stream_ends_after_a_while(make_app: MakeApp) -> None:
    indexing = indexing_of(make_app())
    told = list(event_texts(indexing.monitor, indexing.runner, "", bool, Event(), seconds=0.05))
    assert [text.split("\n")[0] for text in told] == ["retry: 2000", "event: idle"]
