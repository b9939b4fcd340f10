"""Names and captions on a terminal: nothing in them acts there, whatever its encoding."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from commands.common.terminal import safe_text
from tests.project.source_tree import ROOT, python_files


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\x9b31m", "\\x9b31m"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("a\u2066b\u2069", "a\\u2066b\\u2069"),
        ("line\u2028separator", "line\\u2028separator"),
        ("pay\u200bpal\ufeff\u2060", "pay\\u200bpal\\ufeff\\u2060"),
        ("soft\xadhyphen", "soft\\xadhyphen"),
        ("half \ud800 a pair\udcff", "half \\ud800 a pair\\udcff"),
        ("\x1b]8;;http://evil.example\x1b\\here", "\\x1b]8;;http://evil.example\\x1b\\here"),
    ],
)
def test_what_a_terminal_would_act_on_is_shown_as_an_escape(raw: str, shown: str) -> None:
    assert safe_text(raw) == shown


@pytest.mark.parametrize("text", ["Zürich", "दिल्ली", "東京", "👨‍👩‍👧 family.jpg", "a + b = c ~ \\"])
def test_text_of_any_script_stays_as_it_is(text: str) -> None:
    assert safe_text(text) == text


def test_no_command_writes_past_the_one_place_that_makes_text_safe() -> None:
    # JSON is ASCII, and pipe_output.py makes safe what it prints in a terminal.
    allowed = {"terminal.py": 1, "output.py": 1, "pipe_output.py": 4}
    written = {
        file.name: count
        for floor in ("commands", "tellshow")
        for file in python_files(floor)
        if (count := file.read_text().count("click.echo(") + file.read_text().count("click.secho("))
    }
    assert written == allowed


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_a_name_that_the_terminal_cannot_write_is_shown_with_escapes(
    tmp_path: Path, encoding: str
) -> None:
    file = tmp_path / "東京\x1b[2J.jpg"
    file.write_bytes(b"no photo")
    done = subprocess.run(
        [sys.executable, "-m", "tellshow", "index", str(file), "--home", str(tmp_path / "home")],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    told = done.stderr.decode(encoding)
    assert done.returncode == 1
    assert "is a file" in told
    assert "Traceback" not in told
    assert "\x1b" not in told
    assert "\\x1b[2J.jpg" in told
    assert ("東京" in told) == (encoding == "utf-8")
