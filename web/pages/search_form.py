"""The filters of the search page as a form: fields, choices, what was typed, what is wrong.

Knows nothing about HTML, nor how photos are filtered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from captioner.image_file import FORMATS
from catalog.filters import ORIENTATIONS
from search.request import MAX_EXCLUDED, STAGES, InvalidQuery
from web.pages.search_url import Asked
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

# So many texts to leave out can be typed where no script adds further fields.
_LEAST_EXCLUDED = 2


@dataclass(frozen=True)
class Choice:
    """One line of a list to choose from."""

    value: str
    name: str
    chosen: bool


@dataclass(frozen=True)
class SearchForm:
    """The fields as they were typed; `error` is what makes one of them unanswerable."""

    asked: Asked
    error: InvalidQuery | None = None

    @property
    def open(self) -> bool:
        """Whether the fields must be in sight, because one of them is wrong."""
        return self.error is not None and self.error.field in LABELS

    def wrong(self, name: str) -> str:
        """What is wrong with the field `name`, under the name that the page gives it."""
        if self.error is None or self.error.field != name:
            return ""
        message = str(self.error)
        rest = message.removeprefix(f"{name} ")
        return message if rest == message else f"{LABELS.get(name, name)} {rest}"

    @property
    def stray(self) -> str:
        """What is wrong with something that the filters have no field for."""
        return str(self.error) if self.error is not None and not self.open else ""

    @property
    def exclusions(self) -> list[str]:
        """The texts to leave out, with room for another."""
        typed = list(self.asked.values("not"))
        room = max(_LEAST_EXCLUDED, min(len(typed) + 1, MAX_EXCLUDED))
        return typed + [""] * (room - len(typed))

    @property
    def most_exclusions(self) -> int:
        """How many texts may be left out."""
        return MAX_EXCLUDED

    def date_kind(self, name: str) -> str:
        """Say "date" where a browser's calendar can show what was typed, else "text"."""
        typed = self.asked.value(name)
        return "date" if not typed or _is_date(typed) else "text"

    def choices(self, name: str) -> list[Choice]:
        """What a field offers, the plain choice first; what was typed is always among it."""
        typed = self.asked.value(name)
        offered = _OFFERED[name]
        found = next((value for value in offered if value.lower() == typed.lower()), typed)
        if found not in offered:
            offered = {**offered, found: found}
        return [Choice(value, text, value == found) for value, text in offered.items()]


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


_OFFERED: dict[str, dict[str, str]] = {
    "format": {"": "Any", **{name: name for name in FORMATS}},
    "orientation": {"": "Any", **{name: name.capitalize() for name in ORIENTATIONS}},
    "stage": {
        ("" if stage == STAGES[0] else stage): STAGE_NAMES[stage].capitalize() for stage in STAGES
    },
}


# What narrows a search, each with the address of the same search without it


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
