"""What a real terminal is sent: thumbnails by the way it knows, colours, links; a pipe, neither."""

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from catalog.home import Home
from commands.common.progress_bar import ProgressBar
from commands.common.terminal import Styled, echo
from tests.cli.command_process import PATIENCE, REPOSITORY

SIXEL, KITTY = b"\x1bP0;0;0q", b"\x1b_G"
# What terminals are asked, and what those answer that draw sixels, or know Kitty's protocol.
ATTRIBUTES, PICTURES = b"\x1b[c", b"a=q"
SIXELS = {ATTRIBUTES: b"\x1b[?62;4;22c"}
KITTYS = {ATTRIBUTES: b"\x1b[?62c", PICTURES: b"\x1b_Gi=1;OK\x1b\\"}
PLAIN = {ATTRIBUTES: b"\x1b[?62c"}

_DRAW = """
import sys
from pathlib import Path
from commands.common.thumbnails import choose_thumbnails
drawn = choose_thumbnails({wanted})
if drawn:
    drawn.show({{1: Path(sys.argv[1]).read_bytes()}}, 1)
"""


def in_terminal(
    arguments: list[str], answers: dict[bytes, bytes], columns: int = 80, **environment: str
) -> bytes:
    """What a program writes to a terminal that answers the questions it is asked."""
    terminal, end = pty.openpty()
    termios.tcsetwinsize(end, (30 if columns else 0, columns))
    usual = {"TERM": "xterm-256color", "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    without = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    program = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env={**without, **usual, **environment},
        stdin=end,
        stdout=end,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(end)
    try:
        return _conversation(terminal, dict(answers))
    finally:
        program.kill()
        program.wait()
        os.close(terminal)


def _take_terminal() -> None:
    """Make standard input the terminal of this process, which stands in front of it."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _conversation(terminal: int, answers: dict[bytes, bytes]) -> bytes:
    written, end = b"", time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            new = os.read(terminal, 1 << 16)
        except OSError:  # the program has ended
            break
        if not new:
            break
        written += new
        for question in [each for each in answers if each in written]:
            os.write(terminal, answers.pop(question))
    return written


@pytest.mark.parametrize(
    ("answers", "wanted", "columns", "drawn"),
    [
        (SIXELS, None, 80, SIXEL),
        (KITTYS, None, 40, KITTY),
        (PLAIN, None, 80, None),
        (PLAIN, True, 80, "▀".encode()),
        (SIXELS, False, 80, None),
        (SIXELS, True, 0, None),
    ],
    ids=["sixel", "kitty", "neither", "half blocks", "not wanted", "no size"],
)
def test_thumbnail_is_drawn_as_the_terminal_can(
    answers: dict[bytes, bytes],
    wanted: bool | None,
    columns: int,
    drawn: bytes | None,
    sample_photos: Path,
) -> None:
    program = ["-c", _DRAW.format(wanted=wanted), str(sample_photos / "cat.png")]
    written = in_terminal(program, answers, columns)
    ways = (SIXEL, KITTY, "▀".encode())
    if drawn is None:
        assert len(written) < 200  # it was asked at most
    else:
        assert len(written) > 1000
        assert drawn in written
        assert max(ways, key=written.count) == drawn


def test_search_in_a_terminal_draws_colours_and_links(indexed_home: Home) -> None:
    arguments = ["-m", "tellshow", "search", "a cat", "-k", "1", "--home", str(indexed_home.path)]
    written = in_terminal(arguments, SIXELS, NO_COLOR="1")
    assert SIXEL in written
    link = written.index(b"\x1b]8;;file://")
    assert b"/cat.png\x1b\\" in written[link:]
    assert b"\x1b[1m" not in written


class Terminal:
    """A stream that says that it is a terminal."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.written = ""

    def write(self, text: str) -> None:
        self.written += text

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        pass


def as_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """What is written to stdout and stderr from now on, as if both were a terminal."""
    made = Terminal()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, made)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return made


HOSTILE = Styled("a\x1b[2J.jpg", "green", file=Path("/photos/a\x1b[2J;é.jpg"))


def test_hostile_name_does_nothing_within_colour_and_link(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = as_terminal(monkeypatch)
    echo("1 ", HOSTILE)
    assert "\x1b[32ma\\x1b[2J.jpg\x1b[0m" in terminal.written
    assert "/photos/a%1B%5B2J%3B%C3%A9.jpg\x1b\\" in terminal.written
    assert "\x1b[2J" not in terminal.written


@pytest.mark.parametrize(
    ("name", "value", "colour", "link"),
    [
        ("NO_COLOR", "1", False, True),
        ("NO_COLOR", "", True, True),
        ("TERM", "dumb", False, False),
        ("TERM", "linux", True, False),
    ],
)
def test_terminal_is_sent_what_it_is_for(
    name: str, value: str, colour: bool, link: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = as_terminal(monkeypatch)
    monkeypatch.setenv(name, value)
    echo(HOSTILE)
    assert ("\x1b[32m" in terminal.written) == colour
    assert ("\x1b]8;;" in terminal.written) == link


def test_a_pipe_gets_text_alone(capsys: pytest.CaptureFixture[str]) -> None:
    echo("1 ", HOSTILE)
    assert capsys.readouterr().out == "1 a\\x1b[2J.jpg\n"


def test_bar_moves_while_files_are_read_before_any_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = as_terminal(monkeypatch)
    with ProgressBar("photos") as bar:
        bar.start(40)
        for _ in range(3):
            time.sleep(0.11)  # a bar is drawn ten times a second at most
            bar.read(5)
        assert "0/40" in terminal.written
        assert "5 read" in terminal.written
        assert "15 read" in terminal.written
