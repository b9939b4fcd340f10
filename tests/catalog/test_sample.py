"""A sample of photos comes from all over the catalog, and is always the same one."""

from itertools import pairwise

import pytest

from catalog import photos
from catalog.descriptions import sample_photo_ids
from tests.catalog.factories import SampleCatalog, new_photos


def _sample(catalog: SampleCatalog, count: int, model: int | None = None) -> list[int]:
    with catalog.database.read() as session:
        return sample_photo_ids(session, model or catalog.model, count)


@pytest.mark.parametrize("count", [1, 2, 7, 20])
def test_a_sample_is_spread_from_the_first_to_the_last_photo(
    any_catalog: SampleCatalog, count: int
) -> None:
    ids = any_catalog.add(new_photos(range(60)))
    found = _sample(any_catalog, count)
    assert found == sorted(set(found)) == _sample(any_catalog, count)
    assert len(found) == count
    assert set(found) <= set(ids)
    assert found[0] == ids[0]
    assert count == 1 or found[-1] == ids[-1]
    steps = [after - before for before, after in pairwise(found)]
    assert not steps or max(steps) - min(steps) <= 1


def test_few_photos_are_all_in_the_sample(any_catalog: SampleCatalog) -> None:
    ids = any_catalog.add(new_photos(range(3)))
    assert _sample(any_catalog, 48) == ids


def test_gaps_left_by_removed_photos_are_stepped_over(any_catalog: SampleCatalog) -> None:
    ids = any_catalog.add(new_photos(range(30)))
    with any_catalog.database.write() as session:
        photos.remove_photos(session, ids[1:29])
    assert _sample(any_catalog, 10) == [ids[0], ids[29]]


def test_photos_of_another_model_are_not_in_the_sample(any_catalog: SampleCatalog) -> None:
    other = any_catalog.other_model()
    assert _sample(any_catalog, 5) == []
    own = any_catalog.add(new_photos([1, 2]))
    theirs = any_catalog.add(new_photos([3, 4]), other)
    assert _sample(any_catalog, 5) == own
    assert _sample(any_catalog, 5, other) == theirs
