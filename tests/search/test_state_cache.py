"""Photo states that are kept, and how often a server looks whether anything is new."""

from collections.abc import Sequence

import pytest
from sqlalchemy import select

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog import cache
from catalog.checksums import Checked, check_descriptions
from catalog.database import Database
from catalog.home import Home
from catalog.models import Photo, State
from catalog.photos import copy_photo, forget_photos, remove_photos
from catalog.records import FileStamp
from search import collection
from search.collection import Collection, CollectionOpener, StateCache


@pytest.fixture
def described(own_database: Database) -> tuple[int, list[int]]:
    """The model's id, and those of the photos."""
    with own_database.read() as session:
        query = select(State.model_id, State.photo_id).order_by(State.photo_id)
        rows = session.execute(query).all()
    return rows[0][0], [key for _, key in rows]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of the photos whose states were read from the catalog."""
    seen: list[int] = []

    def noting(session: object, ids: Sequence[int], model_id: int) -> Checked:
        seen.extend(ids)
        return check_descriptions(session, ids, model_id)  # type: ignore[arg-type]

    monkeypatch.setattr(collection, "check_descriptions", noting)
    return seen


def test_states_stay_while_other_photos_are_indexed(
    own_database: Database, described: tuple[int, list[int]], captioner: Captioner, read: list[int]
) -> None:
    model, ids = described
    states = StateCache(own_database, model, captioner.config)
    states.load(ids)
    assert read == ids
    for name in (b"one.jpg", b"two.jpg"):
        with own_database.write() as session:
            root = session.scalars(select(Photo.root_id)).first() or 0
            new = copy_photo(session, ids[0], root, FileStamp(name, 1, 1))
        assert states.present([*ids, new]) == [*ids, new]
        assert read.pop() == new
        assert read == ids


def test_states_that_changed_are_read_again_and_gone_ones_are_gone(
    own_database: Database, described: tuple[int, list[int]], captioner: Captioner, read: list[int]
) -> None:
    model, [first, second, third, *ids] = described
    states = StateCache(own_database, model, captioner.config)
    states.present([first, second, third, *ids])
    read.clear()
    with own_database.write() as session:
        root, path, size = session.execute(
            select(Photo.root_id, Photo.path, Photo.size).where(Photo.id == first)
        ).one()
        copy_photo(session, ids[0], root, FileStamp(path, size, 1))
        forget_photos(session, [second], model)
        remove_photos(session, [third])
    assert states.present([first, second, third, *ids]) == [first, *ids]
    assert read == [first, second, third]


def test_server_looks_for_new_photos_at_most_once_a_second(
    own_home: Home,
    own_database: Database,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opener = CollectionOpener(own_home, own_database, captioner, embedder)
    followed: list[Collection] = []
    monkeypatch.setattr(Collection, "follow", lambda opened: followed.append(opened))
    monkeypatch.setattr(cache, "SECONDS_BETWEEN_LOOKS", 3600.0)
    found = [opener.open() for _ in range(3)]
    assert followed == []  # to open it is the first look
    monkeypatch.setattr(cache, "SECONDS_BETWEEN_LOOKS", 0.0)
    assert opener.open() is found[0]
    assert followed == found[:1]
