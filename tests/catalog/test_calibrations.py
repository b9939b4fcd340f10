"""Calibrations are kept for the models that they were fitted with, checked, and taken back."""

import pytest

from catalog.calibrations import (
    NewCalibration,
    find_calibration,
    list_calibrations,
    remove_calibrations,
    save_calibration,
)
from catalog.doctor import Doctor, Problem
from catalog.model_registry import remove_model
from catalog.models import Calibration
from tests.catalog.factories import SampleCatalog

WEIGHTS = {"visual": 0.1 + 0.2, "fit": {"offset": -3.5}, "short": None}


def save(catalog: SampleCatalog, image: int | None = None, captions: int = 300) -> None:
    with catalog.database.write() as session:
        new = NewCalibration(catalog.model, image, WEIGHTS, captions, 60)
        save_calibration(session, new)


def test_weights_come_back_to_the_last_digit_for_their_own_models(
    any_catalog: SampleCatalog,
) -> None:
    image = any_catalog.other_model()
    save(any_catalog, image)
    with any_catalog.database.read() as session:
        found = find_calibration(session, any_catalog.model, image)
        assert find_calibration(session, any_catalog.model, None) is None
        assert find_calibration(session, image, None) is None
    assert found is not None
    assert (found.ranking, found.captions, found.photos) == (WEIGHTS, 300, 60)


def test_fitting_again_replaces_what_the_same_models_had(any_catalog: SampleCatalog) -> None:
    save(any_catalog)
    save(any_catalog, any_catalog.other_model())
    save(any_catalog, captions=500)
    with any_catalog.database.read() as session:
        assert sorted(each.captions for each in list_calibrations(session)) == [300, 500]


def test_calibration_goes_with_its_models(any_catalog: SampleCatalog) -> None:
    other = any_catalog.other_model()
    save(any_catalog)
    save(any_catalog, other)
    with any_catalog.database.write() as session:
        remove_model(session, other)
        assert [each.image_model_id for each in list_calibrations(session)] == [None]
        assert remove_calibrations(session) == 1
        assert remove_calibrations(session) == 0


@pytest.mark.parametrize("harm", ["ranking", "checksum"])
def test_damaged_calibration_is_none_and_the_doctor_forgets_it(
    any_catalog: SampleCatalog, harm: str
) -> None:
    save(any_catalog)
    with any_catalog.database.write() as session:
        row = session.query(Calibration).one()
        if harm == "ranking":
            row.ranking = row.ranking.replace("3.5", "8.5")
        else:
            row.checksum = "0" * 32
    with any_catalog.database.read() as session:
        assert [each.ranking for each in list_calibrations(session)] == [None]
    for mend in (False, True):
        told = Doctor(any_catalog.home, any_catalog.database, mend=mend).examine()
        assert [(each.problem, each.mended) for each in told.findings] == [
            (Problem.CALIBRATIONS, mend)
        ]
    with any_catalog.database.read() as session:
        assert list_calibrations(session) == []
