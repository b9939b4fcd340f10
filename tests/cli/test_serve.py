"""`tellshow serve`: it listens before it loads, and what it may index ends with it."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from catalog.database import open_database
from catalog.home import open_home
from catalog.lock import is_being_written, writer_lock
from catalog.runs import list_runs
from commands.common.addresses import Addresses
from tellshow import Exit, run
from tests.cli.command_process import PATIENCE, REPOSITORY, rows, start, wait_until
from web import WebConfig


@pytest.fixture
def album(sample_photos: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sample_photos, tmp_path / "album"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def ask(port: int, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/{path}",
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


def wait_until_ready(server: subprocess.Popen[str]) -> None:
    """Read what a server says until it can search; fails where it ends before."""
    assert server.stderr is not None
    said = iter(server.stderr.readline, "")
    assert any(line.startswith("tellshow is at ") for line in said)


def test_server_answers_while_it_loads_and_can_be_ended_then(tmp_path: Path) -> None:
    port = free_port()
    server = start("serve", "--home", tmp_path / "home", "--port", str(port), "--device", "cpu")
    try:
        assert server.stderr is not None
        assert f"http://127.0.0.1:{port}/" in server.stderr.readline()
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(port, "healthz")
        with refused.value as answer:
            assert (answer.code, json.load(answer)["status"]) == (503, "loading")
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=PATIENCE)
    finally:
        server.kill()
        server.communicate()
    assert server.returncode == Exit.INTERRUPTED, errors


def test_taken_port_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        arguments = ["serve", "--home", str(tmp_path / "home"), "--port", port]
        refused = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "tellshow", *arguments],
            cwd=REPOSITORY, capture_output=True, text=True,
        )  # fmt: skip
    *imports, said = refused.stderr.splitlines()
    assert (refused.returncode, refused.stdout) == (Exit.FAILED, "")
    assert said.startswith(f"tellshow: Cannot listen on 127.0.0.1 port {port}: ")
    loaded = {line.rpartition("|")[2].strip() for line in imports}
    assert "web.server" in loaded
    assert loaded & {"torch", "onnxruntime", "numpy", "sqlalchemy", "faiss", "flask"} == set()


def test_run_that_the_server_started_ends_and_is_saved_when_the_server_is_told_to_end(
    album: Path, tmp_path: Path
) -> None:
    home, port = tmp_path / "home", free_port()
    server = start(
        "serve", "--home", home, "--port", str(port), "--allow-index", album, "--device", "cpu"
    )
    try:
        wait_until_ready(server)
        assert ask(port, "index")["folders"] == [{"number": 1, "path": str(album)}]
        events = urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/events", timeout=PATIENCE)
        ask(port, "index", {"folder": 1})
        wait_until(lambda: rows(home, "run") > 0)
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=PATIENCE)
        events.close()
    finally:
        server.kill()
        server.communicate()
    assert server.returncode in (Exit.DONE, Exit.INTERRUPTED), errors
    with writer_lock(open_home(home)):  # nobody writes any more
        assert rows(home, "run WHERE finished_at IS NOT NULL") == 1


def test_run_that_the_server_started_ends_and_is_saved_when_the_server_is_killed(
    album: Path, tmp_path: Path
) -> None:
    for photo in list(album.iterdir()):  # more than it could read until it has noticed
        for number in range(30):
            (album / f"{number}-{photo.name}").write_bytes(photo.read_bytes() + bytes([number]))
    home, port = tmp_path / "home", free_port()
    server = start(
        "serve", "--home", home, "--port", str(port), "--allow-index", album, "--device", "cpu"
    )
    try:
        wait_until_ready(server)
        ask(port, "index", {"folder": 1})
        wait_until(lambda: rows(home, "photo") > 0)
    finally:
        server.kill()
        server.communicate()
    committed, opened = rows(home, "photo"), open_home(home)
    wait_until(lambda: not is_being_written(opened))
    assert committed <= rows(home, "photo") < 31 * 12
    database = open_database(opened)
    with database.read() as session:
        (ended,) = list_runs(session, 2)
    database.close()
    assert ended.interrupted
    assert ended.finished_at is not None


def test_file_cannot_be_allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "photo.jpg"
    file.touch()
    arguments = ["serve", "--home", str(tmp_path / "home"), "--allow-index", str(file)]
    assert run(arguments) == Exit.FAILED
    assert "is a file" in capsys.readouterr().err


@pytest.mark.parametrize("made_up", [False, True])
def test_addresses_for_other_machines_are_told_with_a_token_that_was_made_up_alone(
    made_up: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    config = WebConfig(host="192.168.1.5", port=8000, base_path="/photos", token="secret")
    Addresses(config, made_up).tell()
    told = capsys.readouterr().err
    assert "tellshow is at http://192.168.1.5:8000/photos/\n" in told
    assert "from other machines: http://192.168.1.5:8000/photos/" in told
    assert "plain HTTP" in told
    assert ("?token=secret" in told) == made_up


def test_nothing_is_told_of_other_machines_where_none_can_ask(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Addresses(WebConfig(), made_up=True).tell()
    assert capsys.readouterr().err == "tellshow is at http://127.0.0.1:8765/\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--base-path", "//evil"], "a base path is written as /photos"),
        (["--trusted-proxy", "*"], "a proxy is named by the address that it asks from"),
        (["--log-queries"], "--log-format json"),
    ],
)
def test_wrong_option_is_told_before_anything_is_loaded(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", *arguments]) == Exit.USAGE
    assert told in " ".join(capsys.readouterr().err.split())
