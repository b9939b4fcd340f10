"""The marker of a home: a small file that says that a folder is one, and of which format.

It also says whether a catalog was made, so that a lost database is not taken for a new home.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from catalog.durable_files import write_durably

NAME = "tellshow-home.json"
FORMAT = 1


class NotAHome(OSError):
    """A folder that is no home and cannot become one, or one of a later release's format."""


@dataclass(frozen=True)
class Marker:
    """`catalog`: where a catalog was made, "sqlite" or "postgresql"; None before the first."""

    catalog: str | None = None


def read_marker(folder: Path) -> Marker | None:
    """The marker of a folder; None where there is none, or one that is damaged.

    Raises NotAHome where a later release made it in a format of its own, OSError where it cannot
    be read.
    """
    try:
        found = json.loads((folder / NAME).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("tellshow") != "home":
        return None
    made = found.get("format")
    if not isinstance(made, int):
        return None
    if made > FORMAT:
        raise NotAHome(
            f"The home {folder} has format {made}, and this tellshow knows formats up to "
            f"{FORMAT}: use the newer release that made it, or name another home with --home."
        )
    catalog = found.get("catalog")
    return Marker(None if catalog is None else str(catalog))


def write_marker(folder: Path, marker: Marker) -> None:
    """Mark a folder, whole and flushed. Raises OSError."""
    content = {"tellshow": "home", "format": FORMAT, "catalog": marker.catalog}
    write_durably(folder / NAME, json.dumps(content).encode() + b"\n")
