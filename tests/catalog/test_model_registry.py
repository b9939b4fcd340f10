"""Which model answers while another fills in, and what is left when one is dropped."""

import os
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from catalog import photos
from catalog.checkpoints import KeptCheckpoints
from catalog.fulltext import Lookup
from catalog.home import Home
from catalog.model_registry import (
    described,
    model_name,
    newest_complete_model,
    register_model,
    remove_model,
    undescribed,
)
from catalog.views import Counts, count_rows
from tests.catalog.factories import SampleCatalog, find, new_photo, new_photos, photo_ids

WEIGHTS = sha256(b"weights").hexdigest()


def answers(catalog: SampleCatalog, *usable: int) -> int | None:
    with catalog.database.read() as session:
        return newest_complete_model(session, usable)


def test_old_model_answers_until_the_new_one_has_all_that_it_has(
    any_catalog: SampleCatalog,
) -> None:
    old, new = any_catalog.model, any_catalog.other_model()
    any_catalog.add(new_photos(range(10)))
    assert answers(any_catalog, old, new) == old
    any_catalog.add(new_photos(range(9)), new)
    any_catalog.add(new_photos([70]), new)  # one that the old model never saw
    assert answers(any_catalog, old, new) == old
    any_catalog.add(new_photos([9]), new)
    assert answers(any_catalog, old, new) == new


def test_what_a_new_model_lacks_is_counted_by_folder(any_catalog: SampleCatalog) -> None:
    old, new = any_catalog.model, any_catalog.other_model()
    any_catalog.add(new_photos(range(5)))
    any_catalog.add(new_photos([1, 2, 70]), new)
    root = os.fsencode(any_catalog.home.path)
    with any_catalog.database.read() as session:
        assert undescribed(session, new) == {root: 3}
        assert undescribed(session, old) == {}  # nothing came before it
    any_catalog.add(new_photos(range(5)), new)
    with any_catalog.database.read() as session:
        assert undescribed(session, new) == {}


def test_photo_that_is_gone_keeps_no_model_from_answering(any_catalog: SampleCatalog) -> None:
    old, new = any_catalog.model, any_catalog.other_model()
    [gone, _] = any_catalog.add(new_photos([1, 2]))
    any_catalog.add(new_photos([2]), new)
    with any_catalog.database.write() as session:
        photos.remove_photos(session, [gone])
    assert answers(any_catalog, old, new) == new


def test_old_model_answers_again_when_it_alone_described_more(any_catalog: SampleCatalog) -> None:
    old, new = any_catalog.model, any_catalog.other_model()
    any_catalog.add(new_photos([1]))
    any_catalog.add(new_photos([1]), new)
    any_catalog.add(new_photos([2]))
    assert answers(any_catalog, old, new) == old


def test_only_models_that_can_be_used_answer(any_catalog: SampleCatalog) -> None:
    new = any_catalog.other_model()
    any_catalog.add(new_photos([1, 2]))
    any_catalog.add(new_photos([1]), new)
    assert answers(any_catalog, new) == new
    assert answers(any_catalog) is None


def test_every_captioner_says_how_far_it_is(any_catalog: SampleCatalog) -> None:
    new = any_catalog.other_model()
    any_catalog.add(new_photos([1, 2]))
    any_catalog.add(new_photos([1]), new)
    with any_catalog.database.write() as session:
        register_model(
            session, kind="embedder", name="reads", sha256="1" * 64, config={}, metrics={}
        )
        register_model(
            session,
            kind="captioner",
            name="c",
            sha256="2" * 64,
            config={"embedder": "e"},
            metrics={},
        )
    with any_catalog.database.read() as session:
        told = [(each.name, each.embedder, each.photos) for each in described(session)]
    assert told == [("first", None, 2), ("another", None, 1), ("c", "e", 0)]


def test_dropped_model_leaves_the_photos_and_what_others_made(any_catalog: SampleCatalog) -> None:
    new = any_catalog.other_model()
    dog = replace(new_photo(b"1", 1), captions=(("a dog", -1.0),))
    hound = replace(new_photo(b"1", 1), captions=(("a hound", -1.0),))
    [key] = any_catalog.add([dog])
    any_catalog.add([hound], new)
    with any_catalog.database.write() as session:
        remove_model(session, any_catalog.model)
    with any_catalog.database.read() as session:
        assert photo_ids(session, any_catalog.model) == []
        assert photo_ids(session, new) == [key]
        assert count_rows(session) == Counts(1, 1, 0, 2)
        assert find(session, Lookup.word, "dog") == []
        assert find(session, Lookup.word, "hound") == [key]


def test_captioner_with_another_embedder_goes_by_another_name() -> None:
    assert model_name("c", "mini", "mini") == "c"
    assert model_name("c", "mini", "/models/large") == "c with /models/large"


def test_kept_checkpoint_outlives_the_file_it_came_from(home: Home, tmp_path: Path) -> None:
    kept, file = KeptCheckpoints(home), tmp_path / "release.safetensors"
    file.write_bytes(b"weights")
    kept.keep_shipped(file, WEIGHTS)
    assert not kept.is_chosen(WEIGHTS)
    file.unlink()
    path = kept.path(WEIGHTS)
    assert path is not None
    assert path.read_bytes() == b"weights"


def test_kept_checkpoint_is_no_link_to_the_file_it_came_from(home: Home, tmp_path: Path) -> None:
    kept, file = KeptCheckpoints(home), tmp_path / "release.safetensors"
    file.write_bytes(b"weights")
    (home.models / f"shipped-{WEIGHTS}.safetensors").hardlink_to(file)  # as a former release did
    kept.keep_shipped(file, WEIGHTS)
    file.write_bytes(b"damaged")
    path = kept.path(WEIGHTS)
    assert path is not None
    assert path.read_bytes() == b"weights"


def test_chosen_checkpoint_is_kept_as_it_was_when_it_was_chosen(home: Home, tmp_path: Path) -> None:
    kept, file = KeptCheckpoints(home), tmp_path / "mine.safetensors"
    file.write_bytes(b"weights")
    kept.keep_chosen(file, WEIGHTS)
    file.write_bytes(b"others.")
    path = kept.path(WEIGHTS)
    assert path is not None
    assert path.read_bytes() == b"weights"
    assert kept.is_chosen(WEIGHTS)
    kept.drop(WEIGHTS)
    assert (kept.path(WEIGHTS), kept.is_chosen(WEIGHTS)) == (None, False)
    assert list(home.models.iterdir()) == []
