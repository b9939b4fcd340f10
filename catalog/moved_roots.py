"""Indexed folders that were renamed or mounted elsewhere: their photos keep their ids there.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product, takewhile

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from catalog.change_feed import next_change, note_removed
from catalog.checksums import HALF, root_checksum
from catalog.descriptions import copy_descriptions, drop_descriptions
from catalog.failures import clear_failure
from catalog.fulltext import refresh_words
from catalog.models import Failure, Photo, Root, Run, State, Vector
from catalog.photos import remove_photos
from catalog.roots import KnownRoot, exclude, is_away, is_same_folder
from catalog.sql import NO_SYNC, chunks

# What stays as it was where a photo takes the place of another with the same bytes.
_OWN = ("id", "content_hash", "width", "height", "format", "indexed_at")


@dataclass(frozen=True)
class Placed:
    """A photo and where it lies; `path` is absolute."""

    photo_id: int
    path: bytes
    content_hash: str


def merge_doubled(session: Session, root_ids: Collection[int]) -> dict[int, int]:
    """Let photos of folders that are away take the places of the same bytes in these folders.

    Returns how many photos left each folder, by its id.
    """
    left: dict[int, int] = {}
    roots = _paths(session)
    here = {key: roots[key] for key in root_ids}
    for root_id in sorted(roots.keys() - here.keys()):
        again = [key for key, path in here.items() if is_same_folder(path, roots[root_id])]
        if again:
            pairs = pair_up(_placed(session, [root_id]), _placed(session, again))
        elif is_away(roots[root_id]):
            pairs = _doubled(session, root_id, root_ids)
        else:
            continue
        pairs = [pair for pair in pairs if os.path.lexists(pair[1].path)]
        if pairs:
            merge(session, [(gone.photo_id, found.photo_id) for gone, found in pairs])
            left[root_id] = len(pairs)
    return left


def _doubled(
    session: Session, root_id: int, root_ids: Collection[int]
) -> list[tuple[Placed, Placed]]:
    """Photos of a folder that is away, with the same bytes where they came after it was last seen.

    So copies that were there beside it stay copies. A photo that a captioner described which did
    not describe the other one is left out: to be described anew makes an old row look new.
    """
    new = _placed(session, root_ids, _last_seen(session, root_id))
    pairs = pair_up(_placed(session, [root_id]), new) if new else []
    models = _models_of(session, [photo.photo_id for pair in pairs for photo in pair], (State,))
    return [
        (gone, found)
        for gone, found in pairs
        if gone.photo_id < found.photo_id and models[found.photo_id] <= models[gone.photo_id]
    ]


def pair_up(old: Sequence[Placed], new: Sequence[Placed]) -> list[tuple[Placed, Placed]]:
    """Pairs of photos with the same bytes, each photo in one of them at most.

    Of several copies those go together whose paths end alike.
    """
    groups: dict[str, tuple[list[Placed], list[Placed]]] = defaultdict(lambda: ([], []))
    for side, photos in enumerate((old, new)):
        for photo in photos:
            groups[photo.content_hash][side].append(photo)
    return [pair for group in groups.values() for pair in _pairs(*group)]


def _pairs(old: Sequence[Placed], new: Sequence[Placed]) -> Iterator[tuple[Placed, Placed]]:
    def unlike(pair: tuple[Placed, Placed]) -> tuple[int, int, int]:
        one, other = pair
        return -common_end(one.path, other.path), one.photo_id, other.photo_id

    taken: set[int] = set()
    for one, other in sorted(product(old, new), key=unlike):
        if taken.isdisjoint((one.photo_id, other.photo_id)):
            taken.update((one.photo_id, other.photo_id))
            yield one, other


def common_end(path: bytes, other: bytes) -> int:
    """How many names two paths end with alike."""
    between = os.fsencode(os.sep)
    names = zip(reversed(path.split(between)), reversed(other.split(between)), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], names))


def merge(session: Session, pairs: Sequence[tuple[int, int]]) -> None:
    """Give each first photo the place of the second, whose bytes are the same and whose row goes.

    What a model made of the second photo alone the first one gets.
    """
    change = next_change(session)
    for chunk in chunks(pairs):
        gone = [old for old, _ in chunk]
        found = [new for _, new in chunk]
        _complete(session, chunk, change)
        columns = [column for column in Photo.__table__.columns if column.name not in _OWN]
        rows = session.execute(select(Photo.id, *columns).where(Photo.id.in_(found))).mappings()
        places = {row["id"]: dict(row) for row in rows}
        # The half over what stays is the photo's own.
        query = select(Photo.id, func.substr(Photo.checksum, 1, HALF)).where(Photo.id.in_(gone))
        for old, half in session.execute(query).all():
            place = places[dict(chunk)[old]]
            place["checksum"] = half + place["checksum"][HALF:]
        session.execute(delete(Photo).where(Photo.id.in_(found)), execution_options=NO_SYNC)
        note_removed(session, (*found, *gone), change)
        session.execute(update(Photo), [{**places[new], "id": old} for old, new in chunk])
        refresh_words(session, gone)


def _complete(session: Session, pairs: Sequence[tuple[int, int]], change: int) -> None:
    made = (State, Vector)  # by captioners, and by an image embedder
    models = _models_of(session, [key for pair in pairs for key in pair], made)
    for old, new in pairs:
        if not models[new] <= models[old]:
            for model_id in models[new] & models[old]:
                drop_descriptions(session, [old], model_id)
            copy_descriptions(session, new, old, change)


def _models_of(
    session: Session, ids: Sequence[int], tables: Sequence[type[State | Vector]]
) -> defaultdict[int, set[int]]:
    """The models that made a row of these tables for photos, by the photos' ids."""
    models: defaultdict[int, set[int]] = defaultdict(set)
    for chunk in chunks(ids):
        for table in tables:
            query = select(table.photo_id, table.model_id).where(table.photo_id.in_(chunk))
            for photo_id, model_id in session.execute(query):
                models[photo_id].add(model_id)
    return models


def _placed(
    session: Session, root_ids: Collection[int], since: datetime | None = None
) -> list[Placed]:
    """The photos of some folders, or those of them that were indexed after a moment."""
    query = select(Photo.id, Root.path, Photo.path, Photo.content_hash)
    query = query.join(Root, Root.id == Photo.root_id).where(Photo.root_id.in_(root_ids))
    if since is not None:
        query = query.where(Photo.indexed_at > since)
    return [
        Placed(key, os.path.join(root, path), content_hash)
        for key, root, path, content_hash in session.execute(query)
    ]


def _last_seen(session: Session, root_id: int) -> datetime:
    """When a folder was last there for certain: noted by itself, or by the last run of it.

    A run that was killed has no end; the next one's beginning stands for it.
    """
    noted = session.scalars(select(Root.last_seen_online).where(Root.id == root_id)).one()
    query = select(Run.started_at, Run.finished_at, Run.counts).order_by(Run.id.desc())
    following = datetime.now(UTC)
    with session.execute(query, execution_options={"yield_per": 100}) as runs:
        for started, finished, counts in runs:
            if root_id in (counts or {}).get("progress", {}).get("roots", ()):
                return max(noted, finished or following)
            if started < noted:
                break
            following = started
    return noted


@dataclass(frozen=True)
class Moved:
    """What became of a folder's photos: how many moved, and how many stayed where they were.

    `missing`: how many of the new place's photos are not there, by path and size.
    """

    moved: int
    left: int
    missing: int


def move_root(session: Session, old: KnownRoot, path: bytes, new: KnownRoot | None) -> Moved:
    """Let an indexed folder lie at another absolute path, which may be that of another one."""
    photos = photo_count(session, old.root_id)
    if new is None:
        _rename(session, old.root_id, path)
    else:
        _join(session, old, new, path)
    left = photo_count(session, old.root_id) if new else 0
    there = new.root_id if new else old.root_id
    query = select(Photo.path, Photo.size).where(Photo.root_id == there)
    files = session.execute(query).all()
    missing = sum(size_of(os.path.join(path, name)) != size for name, size in files)
    if new and not left:
        remove_root(session, old.root_id)
    return Moved(photos - left, left, missing)


def _rename(session: Session, root_id: int, path: bytes) -> None:
    old, excluded = session.execute(
        select(Root.path, Root.excluded).where(Root.id == root_id)
    ).one()
    moved = {
        "path": path,
        "last_seen_online": datetime.now(UTC),
        "checksum": root_checksum(path, excluded),
    }
    session.execute(update(Root).where(Root.id == root_id).values(moved))
    for failed in _failures_below(session, old):
        there = os.path.join(path, failed[len(os.path.join(old, b"")) :])
        clear_failure(session, there)
        session.execute(update(Failure).where(Failure.path == failed).values(path=there))
    refresh_words(session, _photos_of(session, root_id))


def _join(session: Session, old: KnownRoot, new: KnownRoot, path: bytes) -> None:
    """Let photos take the places of the same bytes in the other folder, or of files of its own.

    Patterns that are remembered for the one hold in the other as well.
    """
    photos = _placed(session, [old.root_id]), _placed(session, [new.root_id])
    pairs = [(gone.photo_id, found.photo_id) for gone, found in pair_up(*photos)]
    if pairs:
        merge(session, pairs)
    known = set(session.scalars(select(Photo.path).where(Photo.root_id == new.root_id)))
    query = select(Photo.id, Photo.path, Photo.size).where(Photo.root_id == old.root_id)
    there = [
        key
        for key, name, size in session.execute(query).all()
        if name not in known and size_of(os.path.join(path, name)) == size
    ]
    for chunk in chunks(there):
        move = update(Photo).where(Photo.id.in_(chunk)).values(root_id=new.root_id)
        session.execute(move, execution_options=NO_SYNC)
    refresh_words(session, there)
    fresh = [pattern for pattern in old.excluded if pattern not in new.excluded]
    exclude(session, new, (*fresh, *new.excluded), instead=True)


def size_of(path: bytes) -> int | None:
    """The size of a file in bytes; None where it cannot be looked at."""
    try:
        return os.stat(path).st_size
    except OSError:
        return None


def remove_root(session: Session, root_id: int) -> set[str]:
    """Forget a folder with its photos and failures; returns the content hashes of the photos."""
    path = session.scalars(select(Root.path).where(Root.id == root_id)).one()
    hashes = set(session.scalars(select(Photo.content_hash).where(Photo.root_id == root_id)))
    remove_photos(session, _photos_of(session, root_id))
    session.execute(delete(Root).where(Root.id == root_id), execution_options=NO_SYNC)
    others = [os.path.join(other, b"") for other in session.scalars(select(Root.path))]
    for failed in _failures_below(session, path):
        if not any(failed.startswith(other) for other in others):
            clear_failure(session, failed)
    return hashes


def remove_emptied(session: Session, root_ids: Collection[int]) -> None:
    """Forget those of some folders that have no photo any more, and are away or another's name."""
    roots = _paths(session)
    for root_id in root_ids:
        path = roots[root_id]
        others = [other for key, other in roots.items() if key != root_id]
        is_gone = is_away(path) or any(is_same_folder(path, other) for other in others)
        if is_gone and not photo_count(session, root_id):
            remove_root(session, root_id)


def _paths(session: Session) -> dict[int, bytes]:
    """The absolute path of each indexed folder, by its id."""
    return dict(session.execute(select(Root.id, Root.path)).all())


def photo_count(session: Session, root_id: int) -> int:
    """How many photos a folder has in the catalog."""
    query = select(func.count()).select_from(Photo).where(Photo.root_id == root_id)
    return session.scalar(query) or 0


def _photos_of(session: Session, root_id: int) -> Sequence[int]:
    query = select(Photo.id).where(Photo.root_id == root_id).order_by(Photo.id)
    return session.scalars(query).all()


def _failures_below(session: Session, folder: bytes) -> list[bytes]:
    below = os.path.join(folder, b"")
    return [path for path in session.scalars(select(Failure.path)) if path.startswith(below)]
