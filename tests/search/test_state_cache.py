"""Photo states that are kept, and how often a server looks whether anything is new."""

from collections.abc import Sequence

import pytest
from sqlalchemy import select, update

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog import cache
from catalog.checksums import Checked, check_descriptions
from catalog.database import Database, open_database
from catalog.home import Home
from catalog.models import Caption, Photo, State
from catalog.photos import copy_photo, forget_photos, remove_photos
from catalog.records import FileStamp
from catalog.views import PhotoSource
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


def test_captions_that_are_kept_are_those_that_another_process_wrote_last(
    own_home: Home,
    own_database: Database,
    described: tuple[int, list[int]],
    captioner: Captioner,
    read: list[int],
) -> None:
    model, [first, second, third, fourth, *_] = described
    source = PhotoSource(own_database, StateCache(own_database, model, captioner.config).described)

    def captions() -> dict[int, tuple[tuple[str, float], ...]]:
        with own_database.read() as session:
            views = source.view(session, [first, second, third, fourth])
        return {key: view.captions for key, view in views.items()}

    before = captions()
    assert captions() == before
    assert read == [first, second, third, fourth]
    other = open_database(own_home)
    with other.write() as session:
        root, path, size = session.execute(
            select(Photo.root_id, Photo.path, Photo.size).where(Photo.id == first)
        ).one()
        copy_photo(session, fourth, root, FileStamp(path, size, 1))
        forget_photos(session, [second], model)
        remove_photos(session, [third])
    other.close()
    assert captions() == {first: before[fourth], second: (), fourth: before[fourth]}


def test_damage_of_what_is_shown_is_noticed_although_it_is_kept(
    own_database: Database, described: tuple[int, list[int]], captioner: Captioner
) -> None:
    model, [first, second, third, *_] = described
    source = PhotoSource(own_database, StateCache(own_database, model, captioner.config).described)

    def captioned() -> dict[int, bool]:
        with own_database.read() as session:
            views = source.view(session, [first, second, third])
        return {key: bool(view.captions) for key, view in views.items()}

    assert captioned() == {first: True, second: True, third: True}
    with own_database.write() as session:
        session.execute(update(Caption).where(Caption.photo_id == first).values(text="a lie"))
        session.execute(update(Photo).where(Photo.id == second).values(content_hash="0" * 64))
    assert captioned() == {first: False, third: True}


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
