"""Positions get the name of the nearest town, without a network."""

import subprocess
import sys

import pytest

from catalog.gazetteer import gazetteer, is_installed, place_of


@pytest.mark.parametrize(
    ("position", "country"),
    [
        ((47.995, 7.85), "Germany"),
        ((60.39, 5.32), "Norway"),  # where a degree of longitude is half of one of latitude
        ((-17.8, 179.99), "Fiji"),  # beside the date line
        ((40.71, -74.0), "United States"),
    ],
)
def test_town_nearest_to_a_position_names_it(position: tuple[float, float], country: str) -> None:
    place = place_of(*position)
    assert place is not None
    assert (place.country, bool(place.town)) == (country, True)
    assert 0 <= place.distance_km < 100


@pytest.mark.parametrize(
    "position", [(-30.0, -20.0), (90.0, 0.0), (-90.0, 0.0), (None, 7.85), (48.0, None)]
)
def test_position_far_from_every_town_has_no_name(
    position: tuple[float | None, float | None],
) -> None:
    assert place_of(*position) is None


def test_towns_are_read_when_a_name_is_wanted_and_without_scipy() -> None:
    program = (
        "import sys, catalog.gazetteer as towns; before = towns.gazetteer.cache_info().currsize;"
        "towns.place_of(48.0, 7.85); print(before, 'scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("0 False", "")


@pytest.mark.usefixtures("no_towns")
def test_without_the_towns_no_position_has_a_name() -> None:
    assert (is_installed(), place_of(47.995, 7.85)) == (False, None)


def test_towns_are_known_to_be_there_without_being_read() -> None:
    gazetteer.cache_clear()
    assert (is_installed(), gazetteer.cache_info().currsize) == (True, 0)
