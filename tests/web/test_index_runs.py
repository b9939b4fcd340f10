"""Index runs started from the page or by the API: who may start which, and how they end."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from catalog.database import Database
from catalog.home import Home
from catalog.lock import writer_lock
from catalog.stop_request import is_stop_requested, request_stop, withdraw_request
from tellshow import Exit
from tests.cli.command_process import PATIENCE, wait_until
from tests.web.index_runs import (
    OWN_ORIGIN,
    REPORT,
    MakeApp,
    indexing_elsewhere,
    python_command,
    real_index,
)
from tests.web.page_text import words_of
from web import indexing_of

# Who may index what


def test_without_permission_no_form_is_shown_and_nothing_starts(
    make_app: MakeApp, album: Path
) -> None:
    client = make_app().test_client()
    assert "/collection/index" not in client.get("/collection").text
    for folder in (1, str(album)):
        answer = client.post("/api/v1/index", json={"folder": folder})
        assert (answer.status_code, answer.json["error"]["code"]) == (403, "index_not_permitted")
    sent = client.post("/collection/index", data={"folder": "1"}, headers=OWN_ORIGIN)
    assert sent.status_code == 403
    assert "may not be indexed from here" in words_of(sent.text)


@pytest.mark.parametrize(
    "folder", [0, 2, -1, "", "/", "1", "{album}/..", "{album}/.", "{album}/sub", "{album}/"]
)
def test_only_exactly_the_allowed_folders_are_indexed(
    make_app: MakeApp, album: Path, folder: int | str
) -> None:
    (album / "sub").mkdir()
    app = make_app(album, command=python_command("raise SystemExit"))
    named = folder.format(album=album) if isinstance(folder, str) else folder
    answer = app.test_client().post("/api/v1/index", json={"folder": named})
    assert (answer.status_code, answer.json["error"]["code"]) == (403, "index_not_permitted")
    assert indexing_of(app).runner.active_run is None


@pytest.mark.parametrize(
    "number", ["0", "2", "-1", "x", "", "\N{ARABIC-INDIC DIGIT ONE}", "1/../..", "9" * 50]
)
def test_form_names_folders_by_number_only(make_app: MakeApp, album: Path, number: str) -> None:
    client = make_app(album, command=python_command("raise SystemExit")).test_client()
    sent = client.post("/collection/index", data={"folder": number}, headers=OWN_ORIGIN)
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
def test_body_without_a_folder_is_refused(make_app: MakeApp, album: Path, body: bytes) -> None:
    answer = (
        make_app(album)
        .test_client()
        .post("/api/v1/index", data=body, content_type="application/json")
    )
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid_query")


def test_page_of_another_site_starts_and_stops_nothing(make_app: MakeApp, album: Path) -> None:
    app = make_app(album, command=python_command("raise SystemExit"))
    client = app.test_client()
    for origin in ("https://evil.example", "null", "http://localhost:3000"):
        headers = {"Origin": origin}
        assert client.post("/api/v1/index", json={"folder": 1}, headers=headers).status_code == 403
        assert client.delete("/api/v1/index", headers=headers).status_code == 403
        for path in ("/collection/index", "/collection/stop"):
            assert client.post(path, data={"folder": "1"}, headers=headers).status_code == 403
    assert indexing_of(app).runner.last_run is None


def test_form_that_does_not_say_where_it_comes_from_is_refused(
    make_app: MakeApp, album: Path
) -> None:
    client = make_app(album, command=python_command("raise SystemExit")).test_client()
    assert client.post("/collection/index", data={"folder": "1"}).status_code == 403
    assert client.post("/collection/stop").status_code == 403
    # What a form can send is no JSON, so that the API is not to be reached by one.
    assert client.post("/api/v1/index", data={"folder": "1"}).status_code == 415


# Running


def test_run_is_started_once_and_tells_its_summary(make_app: MakeApp, album: Path) -> None:
    program = f"import sys; sys.stdin.read(); print({json.dumps(json.dumps(REPORT))})"
    app = make_app(album, command=python_command(program))
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
    make_app: MakeApp, album: Path
) -> None:
    app = make_app(album, command=python_command("import time; time.sleep(600)"))
    client, runner = app.test_client(), indexing_of(app).runner
    assert (
        client.post("/collection/index", data={"folder": "1"}, headers=OWN_ORIGIN).status_code
        == 303
    )
    assert client.get("/api/v1/index").json["current"]["state"] == "starting"
    html = client.get("/collection").text
    assert "Getting ready to index" in html
    assert 'http-equiv="refresh"' in html
    again = client.post("/api/v1/index", json={"folder": 1})
    assert (again.status_code, again.json["error"]["code"]) == (409, "index_running")
    sent = client.post("/collection/index", data={"folder": "1"}, headers=OWN_ORIGIN)
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


def test_run_that_fails_says_why(make_app: MakeApp, album: Path) -> None:
    app = make_app(album, command=python_command("raise SystemExit('tellshow: the disk is full')"))
    client, runner = app.test_client(), indexing_of(app).runner
    client.post("/api/v1/index", json={"folder": 1})
    wait_until(lambda: runner.active_run is None)
    assert client.get("/api/v1/index").json["last"]["message"] == "the disk is full"
    assert "The disk is full." in words_of(client.get("/collection").text)


def test_nothing_starts_while_somebody_else_writes(
    make_app: MakeApp, home: Home, album: Path
) -> None:
    client = make_app(album, command=python_command("raise SystemExit")).test_client()
    with writer_lock(home):
        assert client.post("/api/v1/index", json={"folder": 1}).status_code == 409
        assert client.get("/api/v1/index").json["current"]["state"] == "busy"


def test_run_that_another_server_started_is_found_and_stopped(
    make_app: MakeApp, home: Home, album: Path, sample_photos: Path
) -> None:
    for photo in sample_photos.iterdir():  # more than it reads until it is asked to stop
        for number in range(30):
            (album / f"{number}-{photo.name}").write_bytes(photo.read_bytes() + bytes([number]))
    *command, end = real_index(home)
    other = subprocess.Popen(
        [*command, "--batch-size", "4", "--parent", str(os.getpid()), end, str(album)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        client = make_app(album).test_client()

        def current() -> dict[str, Any]:
            found: dict[str, Any] = client.get("/api/v1/index").json["current"]
            return found

        wait_until(lambda: current()["done"] > 0)
        assert (current()["here"], current()["stopping"]) == (True, False)
        assert make_app().test_client().delete("/api/v1/index").status_code == 409
        assert 'id="stop"' in client.get("/collection").text
        asked = client.delete("/api/v1/index")
        assert (asked.status_code, asked.json["current"]["stopping"]) == (202, True)
        assert other.wait(PATIENCE) == Exit.INTERRUPTED
    finally:
        other.kill()
        other.wait()
    run = client.get("/api/v1/runs").json["runs"][0]
    assert run["state"] == "interrupted"
    assert 0 < run["done"] < run["total"]


def test_run_that_a_person_started_elsewhere_is_not_stopped_from_here(
    make_app: MakeApp, home: Home, database: Database, album: Path
) -> None:
    with indexing_elsewhere(home, database, album) as note:
        note(1, 2)
        client = make_app(album).test_client()
        assert not client.get("/api/v1/index").json["current"]["here"]
        assert client.delete("/api/v1/index").status_code == 409


def test_request_to_stop_is_for_one_run_and_follows_no_link(home: Home, tmp_path: Path) -> None:
    request_stop(home, 1)
    assert is_stop_requested(home, 1)
    assert not is_stop_requested(home, 11)
    withdraw_request(home, 11)
    assert is_stop_requested(home, 1)
    withdraw_request(home, 1)
    assert not is_stop_requested(home, 1)
    precious, link = tmp_path / "precious", home.path / "stop-run-2"
    precious.write_text("1")
    link.symlink_to(precious)
    with pytest.raises(OSError, match="stop-run-2"):
        request_stop(home, 2)
    assert precious.read_text() == "1"
    link.unlink()


def test_closing_ends_the_run_and_waits_for_it(make_app: MakeApp, album: Path) -> None:
    app = make_app(album, command=python_command("import time; time.sleep(600)"))
    runner = indexing_of(app).runner
    runner.start(album)
    going = runner.active_run
    assert going is not None
    indexing_of(app).close()
    assert going.process.poll() is not None
    assert runner.active_run is None


def test_run_gives_way_to_searches(make_app: MakeApp, album: Path) -> None:
    program = "import os, sys, json; print(json.dumps({'skipped': [], 'seconds': os.nice(0)}))"
    app = make_app(album, command=python_command(f"import time; time.sleep(1); {program}"))
    runner = indexing_of(app).runner
    runner.start(album)
    wait_until(lambda: runner.active_run is None)
    assert runner.last_run is not None
    assert runner.last_run.report is not None
    assert runner.last_run.report["seconds"] == min(19, os.nice(0) + 10)
