"""The examples of docs/api.md do what the page says, with Python and with the real curl."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from catalog.database import open_database
from catalog.failures import record_failure
from catalog.home import open_home
from tests.cli.command_process import wait_until
from tests.project.source_tree import ROOT
from tests.web.live_server import serving
from web import WebConfig, create_app, indexing_of

if TYPE_CHECKING:
    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from catalog.home import Home
    from search.engine import SearchEngine

TEXT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
SERVER = re.compile(r"http://(?:127\.0\.0\.1|photos\.example):8765")
TOKEN = "pass-word"
BRIEFLY = "--max-time 3"  # a stream has no end


def console_lines() -> Iterator[tuple[str, str]]:
    """Every command of the document, and the answer that is shown under it."""
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, shown = part.partition("\n")
            yield command, shown
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.S):
        yield block.strip(), ""


def assert_streams(done: subprocess.CompletedProcess[str]) -> None:
    """That a stream of events began and was still going on when curl lost its patience."""
    assert done.returncode == 28
    assert re.match(r"retry: \d+\n\nevent: \w+\nid: \S+\ndata: \{.*\}\n\n", done.stdout)


def names_in(answer: object) -> set[str]:
    if isinstance(answer, list):
        return set().union(*map(names_in, answer))
    if isinstance(answer, dict):
        return set(answer).union(*map(names_in, answer.values()))
    return set()


@pytest.fixture(scope="module")
def engine(
    indexed_home: Home,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SearchEngine]:
    """An engine over the sample photos, and over a file that could not be read."""
    from search.engine import SearchEngine

    copy = tmp_path_factory.mktemp("documented") / "home"
    shutil.copytree(indexed_home.path, copy)
    home = open_home(copy)
    database = open_database(home)
    with database.write() as session:
        record_failure(session, b"/pictures/IMG_2041.JPG", 0, 0, "The file is empty.")
    yield SearchEngine(home, database, captioner, embedder)
    database.close()


@pytest.fixture(scope="module")
def app(engine: SearchEngine, sample_photos: Path) -> Flask:
    """An application that may index a folder; a run there goes on until it is stopped."""
    endless = (sys.executable, "-c", "import time; time.sleep(600)")
    config = WebConfig(rate_limit=0, indexable=(sample_photos,), index_command=endless)
    return create_app(engine, config)


@pytest.fixture(scope="module")
def server(app: Flask) -> Iterator[str]:
    """The URL of a server, without its last slash."""
    with serving(app) as url:
        yield url.rstrip("/")


def run_line(line: str, folder: Path, app: Flask) -> subprocess.CompletedProcess[str]:
    """Run a line in a folder; where it stops an index run there is one, before all others none."""
    runner = indexing_of(app).runner
    if runner.active_run and "DELETE" not in line:
        runner.stop()
        wait_until(lambda: runner.active_run is None)
    if "DELETE" in line and not runner.active_run:
        runner.start(runner.folders[0])
    environment = {"PATH": "/usr/bin:/bin:/usr/local/bin", "TOKEN": TOKEN, "HOME": str(folder)}
    return subprocess.run(
        ["sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_python_example_prints_what_is_found(server: str) -> None:
    [program] = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    done = subprocess.run(
        [sys.executable, "-c", SERVER.sub(server, program)], capture_output=True, text=True
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len([line for line in lines if re.match(r"[01]\.\d\d  /", line)]) == 3
    assert any(re.fullmatch(r" +[+-]\d+\.\d\d dog", line) for line in lines)
    assert lines[-3:] == ["3 more"] * 3


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(("command", "shown"), list(console_lines()))
def test_curl_example_gets_the_answer_that_is_shown(
    app: Flask,
    server: str,
    engine: SearchEngine,
    sample_photos: Path,
    tmp_path: Path,
    command: str,
    shown: str,
) -> None:
    shutil.copy(sample_photos / "rocket.jpg", tmp_path / "dog.jpg")
    [photo] = engine.sample(1)
    line = SERVER.sub(server, command).replace("photos/22", f"photos/{photo}")
    if line.endswith("/events"):
        assert_streams(run_line(f"{line} {BRIEFLY}", tmp_path, app))
        return
    done = run_line(line, tmp_path, app)
    assert (done.returncode, done.stderr) == (0, "")
    if "-o " in line or "-O" in line:
        [sent] = set(tmp_path.iterdir()) - {tmp_path / "dog.jpg"}
        assert sent.stat().st_size > 1000
        return
    answer: Any = json.loads(done.stdout)
    assert ("error" in answer) == ('"error"' in shown)
    assert set(re.findall(r'"(\w+)":', shown)) <= names_in(answer)


def test_reading_page_names_every_address_with_a_line_that_works(client: FlaskClient) -> None:
    page = client.get("/api/v1/docs")
    described = client.get("/openapi.json").json
    assert page.status_code == 200
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert f'<a href="#{operation["operationId"]}">' in page.text
            assert f"<code>{path}</code>" in page.text
            assert method.upper() in page.text
            for parameter in operation.get("parameters", []):
                assert f"<code>{parameter['name']}</code>" in page.text
    assert "http:" not in re.sub(r"http://(localhost/api|127.0.0.1:8765/s)/", "", page.text)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_lines_of_the_reading_page_can_be_copied(
    app: Flask, server: str, sample_photos: Path, tmp_path: Path
) -> None:
    from html import unescape
    from urllib.request import urlopen

    shutil.copy(sample_photos / "rocket.jpg", tmp_path / "photo.jpg")
    with urlopen(f"{server}/api/v1/docs", timeout=60) as response:
        lines = re.findall(r'<pre class="curl"><code>(.*?)</code>', response.read().decode())
    assert len(lines) == 43
    for line in map(unescape, lines):
        if line.endswith("/events"):
            assert_streams(run_line(f"{line} {BRIEFLY}", tmp_path, app))
            continue
        done = run_line(line, tmp_path, app)
        assert done.returncode == 0, line
        if "-O" not in line:
            wrong = json.loads(done.stdout).get("error", {"code": "unknown_photo"})
            # Its numbers are another home's.
            assert wrong["code"] == "not_found" or wrong["code"].startswith("unknown_"), line
