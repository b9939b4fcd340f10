"""A home's image embedder and its vectors, in both databases: chosen, filled in, checked."""

import os
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from alembic import command
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.database import migration_config
from catalog.doctor import Doctor, Problem
from catalog.image_vectors import (
    KIND,
    HomeImageEmbedder,
    add_image_vectors,
    choose_image_embedder,
    chosen_image_embedder,
    contents_without_vector,
    damaged_image_vectors,
    forget_image_embedder,
)
from catalog.model_registry import list_models
from catalog.models import Vector
from catalog.moved_roots import merge
from catalog.photos import add_photos, copy_photo, remove_photos
from catalog.records import FileStamp
from catalog.roots import note_online
from catalog.vectors.factory import make_vector_index
from tests.catalog.damage import flip
from tests.catalog.factories import DIMENSION, SampleCatalog, new_photo, new_photos, unit_vector

FOLDER = Path("/models/clip")


def content(seed: int) -> str:
    """The content hash of the photo of a seed."""
    return sha256(str(seed).encode()).hexdigest()


def choose(catalog: SampleCatalog, name: str = "clip", folder: Path = FOLDER) -> HomeImageEmbedder:
    with catalog.database.write() as session:
        digest = sha256(name.encode()).hexdigest()
        return choose_image_embedder(
            session, name=name, sha256=digest, dimension=DIMENSION, folder=folder
        )


def fill(catalog: SampleCatalog, chosen: HomeImageEmbedder, seeds: Sequence[int]) -> int:
    vectors = {content(seed): unit_vector(seed) for seed in seeds}
    with catalog.database.write() as session:
        return add_image_vectors(session, chosen.model_id, vectors)


def photos_with_vector(session: Session) -> list[int]:
    query = select(Vector.photo_id).where(Vector.kind == KIND).order_by(Vector.photo_id)
    return list(session.scalars(query))


def test_home_has_no_image_embedder_until_one_is_chosen(any_catalog: SampleCatalog) -> None:
    with any_catalog.database.read() as session:
        assert chosen_image_embedder(session) is None
    chosen = choose(any_catalog)
    assert chosen.folder == FOLDER
    with any_catalog.database.read() as session:
        assert chosen_image_embedder(session) == chosen


def test_vectors_are_added_to_photos_that_lack_them_and_found(any_catalog: SampleCatalog) -> None:
    ids = any_catalog.add(new_photos([1, 2, 3]))
    chosen = choose(any_catalog)
    assert fill(any_catalog, chosen, [1, 3, 99]) == 2
    with any_catalog.database.read() as session:
        assert contents_without_vector(session, chosen.model_id) == [content(2)]
        assert photos_with_vector(session) == [ids[0], ids[2]]
    assert fill(any_catalog, chosen, [1, 2, 3]) == 1
    index = make_vector_index(
        any_catalog.home, any_catalog.database, chosen.model_id, KIND, chosen.dimension
    )
    index.open()
    assert index.search(unit_vector(2)[None], 1)[0].tolist() == [[ids[1]]]


def test_same_weights_elsewhere_keep_their_vectors(any_catalog: SampleCatalog) -> None:
    any_catalog.add(new_photos([1, 2]))
    first = choose(any_catalog)
    fill(any_catalog, first, [1, 2])
    moved = choose(any_catalog, folder=Path("/elsewhere/clip"))
    assert moved == replace(first, folder=Path("/elsewhere/clip"))
    with any_catalog.database.read() as session:
        assert contents_without_vector(session, moved.model_id) == []


def test_another_image_embedder_takes_the_place_of_the_first(any_catalog: SampleCatalog) -> None:
    any_catalog.add(new_photos([1, 2]))
    fill(any_catalog, choose(any_catalog), [1, 2])
    other = choose(any_catalog, "siglip")
    with any_catalog.database.read() as session:
        assert photos_with_vector(session) == []
        assert [model.name for model in list_models(session)] == ["first", "siglip"]
        assert chosen_image_embedder(session) == other


def test_image_embedder_is_taken_back_with_all_that_it_made(any_catalog: SampleCatalog) -> None:
    ids = any_catalog.add(new_photos([1, 2]))
    fill(any_catalog, choose(any_catalog), [1, 2])
    with any_catalog.database.write() as session:
        forget_image_embedder(session)
    with any_catalog.database.read() as session:
        assert chosen_image_embedder(session) is None
        assert photos_with_vector(session) == []
        left = session.scalar(select(func.count()).select_from(Vector))
    assert left == 2 * len(ids)  # the captioner's


def test_vector_goes_with_its_photo_into_copies_and_away_with_it(
    any_catalog: SampleCatalog,
) -> None:
    first, second = any_catalog.add(new_photos([1, 2]))
    fill(any_catalog, choose(any_catalog), [1, 2])
    with any_catalog.database.write() as session:
        copy = copy_photo(session, first, any_catalog.root, FileStamp(b"copy.jpg", 1, 1))
        assert photos_with_vector(session) == [first, second, copy]
        remove_photos(session, [first])
        assert photos_with_vector(session) == [second, copy]


def test_changed_photo_loses_its_vector_and_one_described_anew_does_not(
    any_catalog: SampleCatalog,
) -> None:
    first, second = any_catalog.add(new_photos([1, 2]))
    fill(any_catalog, choose(any_catalog), [1, 2])
    changed = replace(new_photo(b"1.jpg", 7), file=new_photo(b"1.jpg", 1).file)
    assert any_catalog.add([changed, new_photo(b"2.jpg", 2)]) == [first, second]
    with any_catalog.database.read() as session:
        assert photos_with_vector(session) == [second]


def test_photos_shown_twice_become_one_though_both_have_vectors(
    any_catalog: SampleCatalog, tmp_path: Path
) -> None:
    """A newer captioner has described the second rows alone: that goes over to the first ones."""
    away, there = tmp_path / "away", tmp_path / "there"
    catalog = SampleCatalog(any_catalog.home, any_catalog.database, away)
    ids = catalog.add(new_photos([1, 2]))
    with catalog.database.write() as session:
        root = note_online(session, os.fsencode(there), None).root_id
        copies = [
            copy_photo(session, key, root, FileStamp(b"%d.jpg" % seed, 1, 1))
            for key, seed in zip(ids, (1, 2), strict=True)
        ]
    chosen = choose(catalog)
    assert fill(catalog, chosen, [1, 2]) == 4
    with catalog.database.write() as session:
        add_photos(session, root, catalog.other_model(), [new_photo(b"1.jpg", 1)], "e")
    with catalog.database.write() as session:
        merge(session, list(zip(ids, copies, strict=True)))
    with catalog.database.read() as session:
        assert photos_with_vector(session) == ids
        assert damaged_image_vectors(session, chosen.model_id) == []


@pytest.mark.parametrize("harm", ["blob", "checksum"])
def test_doctor_forgets_a_damaged_vector_and_nothing_else(
    any_catalog: SampleCatalog, harm: str
) -> None:
    ids = any_catalog.add(new_photos([1, 2, 3]))
    chosen = choose(any_catalog)
    fill(any_catalog, chosen, [1, 2, 3])
    with any_catalog.database.write() as session:
        row = session.get_one(Vector, (ids[1], KIND, chosen.model_id))
        if harm == "blob":
            row.blob = flip(row.blob)
        else:
            row.checksum = None
    with any_catalog.database.read() as session:
        assert damaged_image_vectors(session, chosen.model_id) == [ids[1]]
    told = Doctor(any_catalog.home, any_catalog.database, mend=True).examine()
    found = {each.problem: each.count for each in told.findings}
    assert found[Problem.DAMAGED] == 1
    assert not {Problem.HALF_DESCRIBED, Problem.NOT_DESCRIBED} & set(found)
    with any_catalog.database.read() as session:
        assert contents_without_vector(session, chosen.model_id) == [content(2)]


def test_former_release_meets_no_vector_that_it_does_not_know(any_catalog: SampleCatalog) -> None:
    any_catalog.add(new_photos([1, 2]))
    fill(any_catalog, choose(any_catalog), [1, 2])
    config = migration_config(any_catalog.home.database_url)
    command.downgrade(config, "0009-1")
    command.upgrade(config, "head")
    with any_catalog.database.read() as session:
        assert chosen_image_embedder(session) is None
        assert set(session.scalars(select(Vector.kind))) == {"caption", "visual"}
        assert [model.name for model in list_models(session)] == ["first"]


def test_vectors_are_stored_as_sixteen_bits(any_catalog: SampleCatalog) -> None:
    [key] = any_catalog.add(new_photos([1]))
    chosen = choose(any_catalog)
    fill(any_catalog, chosen, [1])
    with any_catalog.database.read() as session:
        blob = session.get_one(Vector, (key, KIND, chosen.model_id)).blob
    np.testing.assert_allclose(np.frombuffer(blob, "<f2"), unit_vector(1), atol=1e-3)
