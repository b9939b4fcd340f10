"""The form of the search page's filters: values, choices and errors of its fields; its chips."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from captioner.formats import FORMATS
from catalog.facets import Facets
from catalog.filters import ORIENTATIONS
from catalog.photo_places import PlaceCount
from search.limits import COMBINED, LIKELIHOOD, MAX_EXCLUDED, RETRIEVE, STAGES
from search.request import InvalidQuery
from web.pages.filter_picks import FolderPick, Pick, year_picks, year_range
from web.pages.search_url import SearchUrl
from web.parameters import FILTERS

LABELS = {
    "not": "Not",
    "rather_than": "Rather than",
    "after": "Taken from",
    "before": "Taken before",
    "folder": "Folder",
    "camera": "Camera",
    "lens": "Lens",
    "place": "Place",
    "format": "Format",
    "orientation": "Shape",
    "tag": "Tag",
    "keyword": "Keyword",
    "rating": "Rating",
    "stage": "Ranked by",
}
STAGE_NAMES = {
    COMBINED: "everything",
    LIKELIHOOD: "likelihood alone",
    RETRIEVE: "meaning alone",
}
RATING_NAMES = {
    **{str(stars): f"{'★' * stars}{' or more' if stars < 5 else ''}" for stars in range(1, 6)},
    "0": "Not rejected",
    "-1": "Rejected",
}

# The choices of each list: value in the address -> name on the page.
_OFFERED: dict[str, dict[str, str]] = {
    "format": {"": "Any", **{name: name for name in FORMATS}},
    "orientation": {"": "Any", **{name: name.capitalize() for name in ORIENTATIONS}},
    "rating": {"": "Any", **RATING_NAMES},
    "stage": {
        ("" if stage == STAGES[0] else stage): STAGE_NAMES[stage].capitalize() for stage in STAGES
    },
}
# So many texts to leave out can be typed where no script adds further fields.
_MIN_EXCLUDE_FIELDS = 2


@dataclass(frozen=True)
class Choice:
    """An option of a list."""

    value: str
    name: str
    chosen: bool


@dataclass(frozen=True)
class Chip:
    """One active filter, and `link`, the query string of the search without it."""

    label: str
    text: str
    link: str


@dataclass(frozen=True)
class SearchForm:
    """The fields as they were typed; `error` is what is wrong with one of them.

    `facets`: what the collection offers to choose from; `folders`: its tree of folders.
    """

    asked: SearchUrl
    facets: Facets
    folders: list[FolderPick]
    error: InvalidQuery | None = None

    @property
    def open(self) -> bool:
        """Whether the fields must be in sight, because one of them has an error."""
        return self.error is not None and self.error.field in LABELS

    def field_error(self, name: str) -> str:
        """The error of the field `name`, which it calls by its label; empty where there is none."""
        if self.error is None or self.error.field != name:
            return ""
        message = str(self.error)
        rest = message.removeprefix(f"{name} ")
        return message if rest == message else f"{LABELS.get(name, name)} {rest}"

    @property
    def general_error(self) -> str:
        """The error's text where the filters have no field for it, else empty."""
        return str(self.error) if self.error is not None and not self.open else ""

    @property
    def exclude_fields(self) -> list[str]:
        """The excluded texts, with at least one empty field while another may be added."""
        typed = list(self.asked.values("not"))
        room = max(_MIN_EXCLUDE_FIELDS, min(len(typed) + 1, MAX_EXCLUDED))
        return typed + [""] * (room - len(typed))

    @property
    def max_exclude_fields(self) -> int:
        """How many texts may be excluded."""
        return MAX_EXCLUDED

    @property
    def years(self) -> list[Pick]:
        """The years in which photos were taken, the newest first."""
        return year_picks(self.asked, self.facets.years)

    def date_kind(self, name: str) -> str:
        """Say "date" where a browser's calendar can show what was typed, else "text"."""
        typed = self.asked.value(name)
        return "date" if not typed or _is_date(typed) else "text"

    def choices(self, name: str) -> list[Choice]:
        """What a field offers, the plain choice first; what was typed is always among it."""
        typed = self.asked.value(name)
        offered = self._collected(name) or _OFFERED[name]
        found = next((value for value in offered if value.lower() == typed.lower()), typed)
        if found not in offered:
            offered = {**offered, found: found}
        return [Choice(value, text, value == found) for value, text in offered.items()]

    def _collected(self, name: str) -> dict[str, str] | None:
        """What a field offers of the collection, each with how many photos it finds."""
        if name == "place":
            shown = {each.name: _place_text(each) for each in self.facets.places}
        elif name in ("camera", "lens"):
            gear = self.facets.cameras if name == "camera" else self.facets.lenses
            shown = {each.name: f"{each.name} ({each.photos:,})" for each in gear}
        else:
            return None
        return {"": "Any", **shown}


def _place_text(place: PlaceCount) -> str:
    """A country, or below it a town."""
    return f"{f'– {place.town}' if place.town else place.name} ({place.photos:,})"


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def chips_of(asked: SearchUrl) -> list[Chip]:
    """The active filters and modifiers of a search, in the order of the form's fields.

    The two dates of one year are one chip.
    """
    year = _year_of(asked)
    chips = []
    for name, text in asked.fields:
        if name == "after" and year:
            rest = asked.without(name, text).replaced("before", "")
            chips.append(Chip("Taken in", year, rest.query_string))
        elif name in LABELS and not (name == "before" and year):
            without = asked.without(name, text).query_string
            chips.append(Chip(LABELS[name], _chip_text(name, text), without))
    return chips


def _year_of(asked: SearchUrl) -> str:
    """The year that both dates together are, empty where they are none."""
    year = asked.value("after")[:4]
    dates = {"after": asked.value("after"), "before": asked.value("before")}
    is_year = year.isascii() and year.isdigit() and dates == year_range(int(year))
    return year if is_year else ""


def narrows(asked: SearchUrl) -> bool:
    """Whether some photos may not be found at all, however well they fit."""
    return any(name in FILTERS for name, _ in asked.fields)


def _chip_text(name: str, text: str) -> str:
    names = {"stage": STAGE_NAMES, "rating": RATING_NAMES}.get(name, {})
    return names.get(text, text)
