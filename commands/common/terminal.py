"""Text on its way to a terminal: what names and captions hold may not act there.

File names may hold escape sequences that clear the screen or set its title, line breaks, and marks
that turn the direction of writing around. JSON output does not come through here: it is ASCII.
Colours and links are put around text that was made safe, and only where a terminal shows them.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO
from urllib.parse import urlsplit

import click

# C0 and C1 controls, DEL, the marks of bidirectional writing, line and paragraph separators, what
# takes no room (but for what joins letters and emoji, and tells one form of them from another),
# and half pairs, which no encoding has.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
# Terminals that print an OSC 8 instead of passing over it: Linux's own console among them.
_WITHOUT_LINKS = {"linux", "emacs", "eterm", "eterm-color"}


@dataclass(frozen=True)
class Styled:
    """A piece of a line, with a colour of click's, and the file that it leads to."""

    text: str
    colour: str | None = None
    bold: bool = False
    dim: bool = False
    file: PurePath | None = None


def safe_text(text: str) -> str:
    """A line of text with whatever a terminal would act on as an escape that can be read."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def echo(*pieces: str | Styled, err: bool = False) -> None:
    """Print one line on stdout or stderr, made safe for a terminal."""
    stream = sys.stderr if err else sys.stdout
    colours, links = shows_colours(stream), shows_links(stream)
    click.echo("".join(_shown(piece, colours, links) for piece in pieces), err=err)


def is_terminal(stream: IO[str] | None) -> bool:
    """Whether a stream is a terminal that does more than print."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def shows_colours(stream: IO[str] | None) -> bool:
    """Whether to print in colours: on a terminal, and unless $NO_COLOR is set."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def shows_links(stream: IO[str] | None) -> bool:
    """Whether to print file names as links (OSC 8): on a terminal that knows what they are."""
    return is_terminal(stream) and os.environ.get("TERM") not in _WITHOUT_LINKS


def terminal_width(stream: IO[str] | None) -> float:
    """How many columns a terminal has; endless for what is none."""
    return shutil.get_terminal_size().columns if is_terminal(stream) else math.inf


def _shown(piece: str | Styled, colours: bool, links: bool) -> str:
    if isinstance(piece, str):
        return safe_text(piece)
    shown = safe_text(piece.text)
    if colours and (piece.colour or piece.bold or piece.dim):
        # None leaves out what is not asked for; False would switch it off.
        shown = click.style(shown, fg=piece.colour, bold=piece.bold or None, dim=piece.dim or None)
    if links and piece.file is not None and piece.file.is_absolute():
        shown = f"\x1b]8;;{_file_url(piece.file)}\x1b\\{shown}\x1b]8;;\x1b\\"
    return shown


def _file_url(file: PurePath) -> str:
    """A file: URL, all ASCII, that names this machine: terminals know those of others apart."""
    return f"file://{socket.gethostname()}{urlsplit(file.as_uri()).path}"


def encode_leniently() -> None:
    """Let stdout and stderr write what their encoding has not as an escape, and not fail of it."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a test may have put something else there
            reconfigure(errors="backslashreplace")
