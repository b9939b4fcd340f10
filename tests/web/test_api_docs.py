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
from flask.testing import FlaskClient

from tests.ground.source import ROOT
from tests.web.visit import running
from web import WebConfig

if TYPE_CHECKING:
    from search.engine import SearchEngine

TEXT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
SERVER = re.compile(r"http://(?:127\.0\.0\.1|photos\.example):8765")
TOKEN = "pass-word"


def console_lines() -> Iterator[tuple[str, str]]:
    """Every command of the document, and the answer that is shown under it."""
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, shown = part.partition("\n")
            yield command, shown
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.S):
        yield block.strip(), ""


def names_in(answer: object) -> set[str]:
    if isinstance(answer, list):
        return set().union(*map(names_in, answer))
    if isinstance(answer, dict):
        return set(answer).union(*map(names_in, answer.values()))
    return set()


@pytest.fixture(scope="module")
def server(engine: SearchEngine) -> Iterator[str]:
    """The URL of a server, without its last slash."""
    with running(engine, WebConfig(rate_limit=0)) as url:
        yield url.rstrip("/")


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
    done = subprocess.run(
        ["sh", "-c", line], cwd=tmp_path, env={"PATH": "/usr/bin:/bin:/usr/local/bin",
        "TOKEN": TOKEN, "HOME": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
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
    assert "http:" not in re.sub(r"http://localhost/api/", "", page.text)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_lines_of_the_reading_page_can_be_copied(
    server: str, sample_photos: Path, tmp_path: Path
) -> None:
    from html import unescape
    from urllib.request import urlopen

    shutil.copy(sample_photos / "rocket.jpg", tmp_path / "photo.jpg")
    with urlopen(f"{server}/api/v1/docs", timeout=60) as response:
        lines = re.findall(r'<pre class="curl"><code>(.*?)</code>', response.read().decode())
    assert len(lines) == 11
    for line in map(unescape, lines):
        done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, line
        if "-O" not in line:
            assert "error" not in json.loads(done.stdout), line
