"""What pages and API share in looking through photos: parameters, and photos as JSON says them.

Pages read the parameters of the API, and fill themselves from it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from flask import Request, url_for
from pydantic import AfterValidator, ValidationError

from catalog.paths import show_path
from catalog.selection import Area, Selection
from catalog.timeline import is_month
from catalog.views import PhotoView
from search.calibration import caption_probability
from search.engine import SearchEngine
from search.filters import read_filter
from search.limits import MAX_RESULTS
from search.request import InvalidQuery
from web.images import version_of
from web.parameters import PATH_LIMITS, Count, Parameters, Row, Switch, invalid_query, parameter

# So many photos fill a page, and come at once into the timeline.
PAGE = 100
# At each the map is half as wide as at the one before.
MAX_ZOOM = 12

_COUNTS = {"minimum": 1, "maximum": MAX_RESULTS}
_ROWS = {"minimum": 0, "maximum": 999_999_999}
_NUMBER = r"-?[0-9]{1,3}(?:\.[0-9]{1,12})?"
_AREA = rf"^{_NUMBER}(?:,{_NUMBER}){{3}}$"
_MONTH = r"^(?:undated|[0-9]{4}-(?:0[1-9]|1[0-2]))$"


def _checked_month(month: str) -> str:
    if month and not is_month(month):
        raise InvalidQuery("month", f"month must be as 2019-07, or undated, not {month[:40]!r}")
    return month


def _checked_zoom(zoom: int) -> int:
    if not 0 <= zoom <= MAX_ZOOM:
        raise InvalidQuery("zoom", f"zoom must be from 0 to {MAX_ZOOM}")
    return zoom


def read_area(text: str) -> Area:
    """An area such as "47.5,7.5,48.5,8.5"; raises InvalidQuery."""
    if re.fullmatch(_AREA, text, re.ASCII) is None:
        told = "area must be four degrees, south,west,north,east, such as 47.5,7.5,48.5,8.5"
        raise InvalidQuery("area", f"{told}, not {text[:40]!r}")
    return Area(*map(float, text.split(",")))


def area_text(area: Area) -> str:
    """An area as an address says it."""
    edges = (area.south, area.west, area.north, area.east)
    return ",".join(f"{edge:.6f}".rstrip("0").rstrip(".") for edge in edges)


class SelectionParameters(Parameters):
    """Which photos are looked through."""

    folder: str = parameter("Only photos in this folder; a full path", "", **PATH_LIMITS)
    subfolders: Switch = parameter("0: none of those that lie deeper in the folder", True)
    tag: str = parameter("Only photos with the tag of just this name", "")
    keyword: str = parameter("Only photos to which people gave just this keyword", "")
    area: str = parameter(
        "Only photos that were taken between these degrees: south,west,north,east",
        "",
        example="47.5,7.5,48.5,8.5",
        pattern=_AREA,
    )

    def selection(self) -> Selection:
        """The photos that are chosen; raises InvalidQuery."""
        return Selection(
            folder=read_filter(folder=self.folder).folder,
            subfolders=self.subfolders,
            tag=self.tag or None,
            keyword=self.keyword or None,
            area=read_area(self.area) if self.area else None,
        )

    def fields(self) -> dict[str, str]:
        """What was chosen, as an address says it."""
        given = {name: getattr(self, name) for name in ("folder", "tag", "keyword", "area")}
        if self.folder and not self.subfolders:
            given["subfolders"] = "0"
        return {name: text for name, text in given.items() if text}


class MonthParameters(SelectionParameters):
    """Which photos of which month."""

    month: Annotated[str, AfterValidator(_checked_month)] = parameter(
        "The month, or undated: those without a date; the newest that has any if not given",
        "",
        pattern=_MONTH,
        example="2019-07",
    )
    k: Count = parameter("How many photos", PAGE, **_COUNTS)
    offset: Row = parameter("How many of the newest to leave out", 0, **_ROWS)


class FolderParameters(Parameters):
    """Which folder is opened."""

    path: str = parameter("The folder; a full path. Without it: the indexed ones", "", **PATH_LIMITS)

    def folder(self) -> bytes | None:
        """The folder, None where none was named; raises InvalidQuery."""
        try:
            return read_filter(folder=self.path).folder
        except InvalidQuery as error:
            raise InvalidQuery("path", str(error).replace("folder", "path", 1)) from error


class LabelParameters(Parameters):
    """Which of the tags or keywords."""

    k: Count = parameter("How many", PAGE, **_COUNTS)
    offset: Row = parameter("How many of the most frequent to leave out", 0, **_ROWS)


class PlacesParameters(Parameters):
    """Which part of the map, and how closely it is looked at."""

    area: str = parameter(
        "Only what was taken between these degrees: south,west,north,east",
        "",
        example="47.5,7.5,48.5,8.5",
        pattern=_AREA,
    )
    zoom: Annotated[int, AfterValidator(_checked_zoom)] = parameter(
        "How finely photos are told apart: by 30 degrees at 0, by half of that at 1, and so on",
        0,
        minimum=0,
        maximum=MAX_ZOOM,
    )


def read_month(request: Request) -> MonthParameters:
    """What the query string of a page asks for; raises InvalidQuery."""
    known = MonthParameters.model_fields
    given: dict[str, Any] = {name: request.args[name] for name in known if name in request.args}
    try:
        return MonthParameters.model_validate(given)
    except ValidationError as error:
        raise invalid_query(error) from error


def with_query(address: str, fields: dict[str, str]) -> str:
    """An address with a query string, where there is anything to say."""
    return f"{address}?{urlencode(fields)}" if fields else address


def thumbnail_url(view: PhotoView) -> str:
    """Where a photo's thumbnail is, by an address that browsers may keep."""
    return url_for("photos_api.thumbnail", photo_id=view.photo_id, v=version_of(view))


def photos_json(engine: SearchEngine, ids: Sequence[int]) -> list[dict[str, object]]:
    """Photos in their order, as the timeline shows them; those that are gone are left out."""
    views = engine.photos(ids)
    fit = engine.captioner.provenance.ranking.caption_fit
    return [
        {
            "photo_id": key,
            "path": show_path(os.fsencode(view.full_path)),
            "caption": view.captions[0][0] if view.captions else "",
            "caption_probability": caption_probability(fit, view.captions),
            "width": view.width,
            "height": view.height,
            "taken_at": view.taken and view.taken.isoformat(),
            "url": url_for("photos_api.photo", photo_id=key),
            "thumbnail_url": thumbnail_url(view),
        }
        for key, view in ((key, views[key]) for key in ids if key in views)
    ]
