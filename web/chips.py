"""What narrows a search, each with the address of the same search without it.

Knows nothing about HTML, nor how photos are filtered.
"""

from __future__ import annotations

from dataclasses import dataclass

from web.asked import Asked
from web.parameters import FILTERS

LABELS = {
    "not": "Not",
    "rather_than": "Rather than",
    "after": "Taken from",
    "before": "Taken before",
    "folder": "Folder",
    "camera": "Camera",
    "format": "Format",
    "orientation": "Shape",
    "stage": "Ranked by",
}
STAGE_NAMES = {
    "combined": "everything",
    "likelihood": "likelihood alone",
    "retrieve": "meaning alone",
}


@dataclass(frozen=True)
class Chip:
    """One thing that narrows the search, and `link`, the search without it."""

    label: str
    text: str
    link: str


def chips_of(asked: Asked) -> list[Chip]:
    """All that narrows or bends a search, in the order of the form's fields."""
    return [
        Chip(LABELS[name], _worded(name, text), asked.without(name, text).query_string)
        for name, text in asked.fields
        if name in LABELS
    ]


def narrows(asked: Asked) -> bool:
    """Whether some photos may not be found at all, however well they fit."""
    return any(name in FILTERS for name, _ in asked.fields)


def _worded(name: str, text: str) -> str:
    return STAGE_NAMES.get(text, text) if name == "stage" else text
