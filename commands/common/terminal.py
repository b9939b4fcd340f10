"""Text on its way to a terminal: what names and captions hold may not act there.

File names may hold escape sequences that clear the screen or set its title, line breaks, and marks
that turn the direction of writing around. JSON output does not come through here: it is ASCII.
"""

from __future__ import annotations

import re
import sys

import click

# C0 and C1 controls, DEL, the marks of bidirectional writing, line and paragraph separators, what
# takes no room (but for what joins letters and emoji, and tells one form of them from another),
# and half pairs, which no encoding has.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def safe_text(text: str) -> str:
    """A line of text with whatever a terminal would act on as an escape that can be read."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def echo(line: str = "", *, err: bool = False) -> None:
    """Print one line on stdout or stderr, made safe for a terminal."""
    click.echo(safe_text(line), err=err)


def encode_leniently() -> None:
    """Let stdout and stderr write what their encoding has not as an escape, and not fail of it."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a test may have put something else there
            reconfigure(errors="backslashreplace")
