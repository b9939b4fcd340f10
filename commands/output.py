"""Where a command's words go: results to stdout, everything else to stderr.

Knows nothing of what is said.
"""

from __future__ import annotations

from typing import Any

import click


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on a line of its own, in ASCII."""
    import json

    click.echo(json.dumps(value, ensure_ascii=True))


def note(message: str) -> None:
    """Something that is no result."""
    click.echo(message, err=True)
