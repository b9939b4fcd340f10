"""The outline of the world's land and its borders, as an SVG path in Mercator's projection.

The shapes are those of the package countryinfo (MIT); nothing is asked of the network.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_PACKAGE = "countryinfo"
# Where Mercator's projection, which has no end, is cut off: what it makes as high as wide.
FARTHEST_NORTH = 85.05112878
# Units of the drawing in a degree of longitude.
SCALE = 100

Point = tuple[float, float]


def height_of(latitude: float) -> float:
    """How far from the equator Mercator's projection draws a latitude, in degrees of longitude."""
    bounded = min(max(latitude, -FARTHEST_NORTH), FARTHEST_NORTH)
    return math.degrees(math.asinh(math.tan(math.radians(bounded))))


def latitude_at(height: float) -> float:
    """Which latitude is drawn so far from the equator."""
    return math.degrees(math.atan(math.sinh(math.radians(height))))


@cache
def land_svg() -> bytes:
    """A drawing whose path `land` is the land; a unit is a hundredth of a degree of longitude."""
    path = "".join(_ring(ring) for ring in _rings())
    side = 180 * SCALE
    box = f"{-side} {-side} {2 * side} {2 * side}"
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">'
    return (
        f'{drawing}<path id="land" vector-effect="non-scaling-stroke" d="{path}"/></svg>'.encode()
    )


def _ring(points: Iterable[Point]) -> str:
    """A closed path, each point relative to the one before it."""
    drawn = [(round(SCALE * x), round(-SCALE * height_of(y))) for x, y in points]
    (x, y), *others = drawn
    parts = [f"M{x} {y}l"]
    for to_x, to_y in others:
        if (to_x, to_y) != (x, y):
            parts.append(f"{to_x - x} {to_y - y} ")
            x, y = to_x, to_y
    return "".join(parts).rstrip() + "z"


def _rings() -> Iterator[list[Point]]:
    for file in sorted((_folder() / "data").glob("*.json")):
        shapes = json.loads(file.read_text(encoding="utf-8")).get("geoJSON") or {}
        for feature in shapes.get("features", []):
            shape = feature["geometry"]
            polygons = shape["coordinates"]
            if shape["type"] == "Polygon":
                polygons = [polygons]
            yield from (ring for polygon in polygons for ring in polygon)


def _folder() -> Path:
    spec = find_spec(_PACKAGE)  # of its files alone is any use
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{_PACKAGE} is not installed: pip install countryinfo")
    return Path(spec.submodule_search_locations[0])
