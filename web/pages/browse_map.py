"""The map of where photos were taken: land, clusters of photos, and the towns near most of them.

It is drawn by the server as SVG, and every part of it is a link; a script only saves reloading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, hypot, log2

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from catalog.gazetteer import MISSING_EXTRA, Place, is_installed, place_of
from catalog.places import Cluster, clusters, count_placed
from catalog.selection import Area
from search.request import InvalidQuery
from web.browsing import MAX_ZOOM, area_text, cell_of, thumbnail_url, with_query
from web.context import current_engine
from web.land import SCALE, height_of, land_svg, latitude_at
from web.middleware.route_marks import unqueued

_WIDTH = 360.0  # degrees of longitude, of the whole map
_SHAPE = 1.8  # width by height
_MIDDLE = (20.0, 0.0)
_LISTED = 24
_FINER = 16  # the list tells places apart by cells so many times as small
# What lies closer together than so many degrees is shown as photos, not looked at more closely.
_SPOT = 0.005
# Clusters that would be drawn nearer to each other, in parts of a cell, are one: none is hidden.
_APART = 0.6
_AT = re.compile(r"(-?\d{1,3}(?:\.\d{1,9})?),(-?\d{1,3}(?:\.\d{1,9})?)", re.ASCII)
_ONE_YEAR = 365 * 24 * 3600

blueprint = Blueprint("browse_map", __name__, url_prefix="/browse")


@dataclass(frozen=True)
class View:
    """What of the map is seen, in degrees of longitude; `top` and `left` of Mercator's drawing."""

    zoom: int
    left: float
    top: float

    @classmethod
    def around(cls, latitude: float, longitude: float, zoom: int) -> View:
        """The view with a position in its middle, as far as the map goes on around it."""
        wide, high = _WIDTH / 2**zoom, _WIDTH / _SHAPE / 2**zoom
        left = min(max(longitude - wide / 2, -180.0), 180 - wide)
        top = max(min(height_of(latitude) + high / 2, 180.0), high - 180)
        return cls(zoom, left, top)

    @property
    def wide(self) -> float:
        """Its width."""
        return _WIDTH * 0.5**self.zoom

    @property
    def high(self) -> float:
        """Its height, as it is drawn."""
        return self.wide / _SHAPE

    @property
    def middle(self) -> tuple[float, float]:
        """The latitude and longitude in its middle."""
        return latitude_at(self.top - self.high / 2), self.left + self.wide / 2

    @property
    def area(self) -> Area:
        """What of the world is seen."""
        south, north = latitude_at(self.top - self.high), latitude_at(self.top)
        return Area(south, self.left, north, self.left + self.wide)

    @property
    def box(self) -> str:
        """The viewBox of the drawing of the land."""
        edges = (self.left, -self.top, self.wide, self.high)
        return " ".join(f"{SCALE * edge:.3f}" for edge in edges)

    def percent(self, latitude: float, longitude: float) -> tuple[str, str]:
        """Where a position is drawn, from the left and from the top."""
        x = (longitude - self.left) / self.wide
        y = (self.top - height_of(latitude)) / self.high
        return f"{100 * x:.3f}%", f"{100 * y:.3f}%"

    def link(self, zoom: int | None = None, east: float = 0, north: float = 0) -> str:
        """The address of another view: nearer, farther, or so many of its widths aside."""
        latitude, longitude = self.middle
        moved = height_of(latitude) + north * self.high
        zoom = self.zoom if zoom is None else zoom
        return view_link(latitude_at(moved), longitude + east * self.wide, zoom)


@dataclass(frozen=True)
class Mark:
    """A cluster on the map; `size` from 1 to 3; `opens`: whether its link leads closer."""

    x: str
    y: str
    count: str
    size: int
    label: str
    link: str
    opens: bool


@dataclass(frozen=True)
class Town:
    """Photos near a town, with the thumbnail of one, if that is there."""

    name: str
    country: str
    photos: int
    link: str
    thumbnail: str | None


@blueprint.get("/places")
@unqueued
def show() -> ResponseReturnValue:
    """The map, and a list of the places with most photos on it."""
    view, cell = _asked_view(), cell_of(_asked_zoom())
    with current_engine().database.read() as session:
        placed = count_placed(session)
        coarse = _drawn_apart(clusters(session, cell, view.area), cell)
        fine = clusters(session, cell / _FINER, view.area)
    return render_template(
        "browse_map.html",
        view=view,
        placed=placed,
        marks=[_mark(cluster, fine, view) for cluster in reversed(coarse)],
        towns=_towns(fine[:_LISTED]),
        farthest=MAX_ZOOM,
        nameless=None if is_installed() else MISSING_EXTRA,
    )


@blueprint.get("/land.svg")
@unqueued
def land() -> Response:
    """The outline of the world's land, to be drawn from by its id."""
    response = Response(land_svg(), mimetype="image/svg+xml")
    response.headers["Cache-Control"] = f"private, max-age={_ONE_YEAR}"
    return response


def view_link(latitude: float, longitude: float, zoom: int) -> str:
    """The address of a view."""
    zoom = min(max(zoom, 0), MAX_ZOOM)
    if zoom == 0:
        return url_for("browse_map.show")
    at = f"{latitude:.5f},{longitude:.5f}"
    return with_query(url_for("browse_map.show"), {"zoom": str(zoom), "at": at})


def _asked_zoom() -> int:
    text = request.args.get("zoom", "0")
    if not (text.isascii() and text.isdigit()) or int(text[:3]) > MAX_ZOOM:
        raise InvalidQuery("zoom", f"zoom must be from 0 to {MAX_ZOOM}, not {text[:40]!r}")
    return int(text[:3])


def _asked_view() -> View:
    text = request.args.get("at", "")
    found = _AT.fullmatch(text)
    if text and found is None:
        raise InvalidQuery("at", f"at must be latitude,longitude, not {text[:40]!r}")
    at = (float(found[1]), float(found[2])) if found else _MIDDLE
    return View.around(*at, _asked_zoom())


def _mark(cluster: Cluster, fine: Sequence[Cluster], view: View) -> Mark:
    x, y = view.percent(cluster.latitude, cluster.longitude)
    place = _main_place(cluster, fine)
    photos = f"{cluster.photos:,} {'photo' if cluster.photos == 1 else 'photos'}"
    closer = _closer(cluster, view)
    return Mark(
        x,
        y,
        _short(cluster.photos),
        1 + (cluster.photos >= 10) + (cluster.photos >= 1000),
        f"{photos}, most near {place.town}, {place.country}" if place else photos,
        closer or photos_link(cluster),
        closer is not None,
    )


def _drawn_apart(found: Sequence[Cluster], cell: float) -> list[Cluster]:
    """Clusters, most photos first, where those that would hide another are one with it.

    Each stands at the mean of its photos, which may lie beside a neighbour's across an edge.
    """
    apart: list[Cluster] = []
    for cluster in found:
        near = (n for n, other in enumerate(apart) if _distance(cluster, other) < _APART * cell)
        place = next(near, None)
        if place is None:
            apart.append(cluster)
        else:
            apart[place] = _joined(apart[place], cluster)
    return apart


def _distance(one: Cluster, other: Cluster) -> float:
    """How far from each other two are drawn, in degrees of longitude."""
    higher = height_of(one.latitude) - height_of(other.latitude)
    return hypot(one.longitude - other.longitude, higher)


def _joined(one: Cluster, other: Cluster) -> Cluster:
    """Both as one; what it is shown by is what the larger is."""
    photos = one.photos + other.photos
    share = other.photos / photos
    return Cluster(
        photos,
        one.latitude + share * (other.latitude - one.latitude),
        one.longitude + share * (other.longitude - one.longitude),
        Area(
            min(one.area.south, other.area.south),
            min(one.area.west, other.area.west),
            max(one.area.north, other.area.north),
            max(one.area.east, other.area.east),
        ),
        one.sample,
    )


def _main_place(cluster: Cluster, fine: Sequence[Cluster]) -> Place | None:
    """The place of most photos of a cluster."""
    # A mean of equal numbers may lie a last digit beside them.
    area, last = cluster.area, 1e-9
    for part in fine:
        is_inside = (
            area.south - last <= part.latitude <= area.north + last
            and area.west - last <= part.longitude <= area.east + last
        )
        if is_inside:
            return place_of(part.latitude, part.longitude)
    return None


def _closer(cluster: Cluster, view: View) -> str | None:
    """The view that just holds a cluster; None where it is a spot, or the map goes no closer."""
    area = cluster.area
    wide = area.east - area.west
    extent = max(wide, _SHAPE * (height_of(area.north) - height_of(area.south)))
    if extent < _SPOT or view.zoom >= MAX_ZOOM:
        return None
    fits = int(log2(_WIDTH / (1.3 * extent)))
    zoom = min(max(fits, view.zoom + 1), view.zoom + 4, MAX_ZOOM)
    middle = (height_of(area.north) + height_of(area.south)) / 2
    return view_link(latitude_at(middle), (area.west + area.east) / 2, zoom)


def photos_link(cluster: Cluster) -> str:
    """The address of a cluster's photos."""
    return with_query(url_for("browse.show"), {"area": area_text(cluster.area)})


def _towns(found: Sequence[Cluster]) -> list[Town]:
    samples = current_engine().photos([cluster.sample for cluster in found])
    rows = []
    for cluster in found:
        place = place_of(cluster.latitude, cluster.longitude)
        sample = samples.get(cluster.sample)
        rows.append(
            Town(
                place.town if place else f"{cluster.latitude:.2f}, {cluster.longitude:.2f}",
                place.country if place else "",
                cluster.photos,
                photos_link(cluster),
                thumbnail_url(sample) if sample else None,
            )
        )
    return rows


def _short(number: int) -> str:
    """1,234 as 1.2k, so that it fits a circle."""
    if number < 1000:
        return str(number)
    return f"{number / 1000:.1f}k" if number < 9950 else f"{ceil(number / 1000)}k"
