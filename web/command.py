"""The command that asks the API for what a page shows, for people to copy into a shell.

Knows nothing about HTML or the search.
"""

from __future__ import annotations

import shlex


def curl_line(address: str, needs_token: bool) -> str:
    """A line for a POSIX shell, whatever stands in `address`; $TOKEN is the reader's to set."""
    words = ["curl", "-s"]
    if needs_token:
        words.append('-H "Authorization: Bearer $TOKEN"')
    return " ".join([*words, shlex.quote(address)])
