"""The photos in SQL: files that are known, added, copied, moved and removed.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog.bulk_insert import insert_rows
from catalog.change_feed import next_change, note_removed
from catalog.checksums import HALF, origin_checksum, photo_checksum
from catalog.database import WriteConflict
from catalog.descriptions import add_descriptions, copy_descriptions, drop_descriptions
from catalog.fulltext import refresh_words
from catalog.kept_rows import follow_contents
from catalog.models import Photo, State
from catalog.records import FileStamp, Metadata, NewPhoto, Origin
from catalog.sql import NO_SYNC, ONE_SHAPE, chunks, is_postgresql, upsert


@dataclass(frozen=True)
class KnownFile:
    """A file as it was when it was indexed.

    `has_state`: captions, vectors and state by the model asked about are there.
    """

    photo_id: int
    path: bytes
    size: int
    mtime_ns: int
    content_hash: str
    has_state: bool
    root_id: int
    metadata_version: int
    sidecars: str


def known_files(session: Session, root_id: int, model_id: int) -> dict[bytes, KnownFile]:
    """Return the root's files by relative path; `has_state` speaks of `model_id`."""
    rows = session.execute(_known(model_id).where(Photo.root_id == root_id))
    return {row[1]: KnownFile(*row) for row in rows}


def sample_files(session: Session, root_id: int, count: int) -> list[tuple[bytes, int, str]]:
    """Return (relative path, size, content hash) of about `count` photos from all over a root."""
    ids = session.scalars(select(Photo.id).where(Photo.root_id == root_id).order_by(Photo.id)).all()
    chosen = ids[:: max(len(ids) // count, 1)]
    query = select(Photo.path, Photo.size, Photo.content_hash).where(Photo.id.in_(chosen))
    rows = session.execute(query.order_by(Photo.id))
    return [(path, size, content_hash) for path, size, content_hash in rows]


def photo_with_content(session: Session, content_hash: str, model_id: int) -> KnownFile | None:
    """Return a photo with the same bytes: one with a state if there is one, then lowest id."""
    return next(iter(photos_with_content(session, content_hash, model_id)), None)


def photos_with_content(session: Session, content_hash: str, model_id: int) -> list[KnownFile]:
    """Return the photos with the same bytes: those with a state first, then by id."""
    query = (
        _known(model_id)
        .where(Photo.content_hash == content_hash)
        .order_by(State.photo_id.is_(None), Photo.id)
    )
    return [KnownFile(*row) for row in session.execute(query)]


def has_photos(session: Session) -> bool:
    """Whether any photo is in the catalog."""
    return session.scalar(select(Photo.id).limit(1)) is not None


def count_photos(session: Session) -> int:
    """How many photos are in the catalog."""
    return session.scalar(select(func.count()).select_from(Photo)) or 0


def content_hashes(session: Session) -> set[str]:
    """Return the hashes of all bytes that some photo has."""
    return set(session.scalars(select(Photo.content_hash)))


def contents_of(session: Session, ids: Sequence[int]) -> list[str]:
    """Return the content hashes of photos, in their order; ids that are gone are left out."""
    known: dict[int, str] = {}
    for chunk in chunks(ids):
        query = select(Photo.id, Photo.content_hash).where(Photo.id.in_(chunk))
        known.update((key, content_hash) for key, content_hash in session.execute(query))
    return [known[key] for key in ids if key in known]


def ids_with_contents(session: Session, hashes: Sequence[str]) -> dict[str, list[int]]:
    """Return the ids of all photos with these bytes, by content hash, ascending."""
    found: dict[str, list[int]] = {}
    for chunk in chunks(list(dict.fromkeys(hashes))):
        query = select(Photo.content_hash, Photo.id).where(Photo.content_hash.in_(chunk))
        for content_hash, key in session.execute(query.order_by(Photo.id)):
            found.setdefault(content_hash, []).append(key)
    return found


def described_contents(session: Session, model_id: int) -> set[bytes]:
    """Return the SHA-256s, of 32 bytes each, of all photos with a state by the model."""
    query = select(Photo.content_hash).join(State, State.photo_id == Photo.id)
    rows = session.scalars(query.where(State.model_id == model_id))
    return {bytes.fromhex(content_hash) for content_hash in rows}


def add_photos(
    session: Session, root_id: int, model_id: int, photos: Sequence[NewPhoto], embedder: str
) -> list[int]:
    """Store a batch and return its ids in order.

    A photo that is known by its path keeps its id: its captions, vectors and state by this model
    are replaced, and those by every model where its bytes changed. Of two writers that store the
    same photo at once the second waits for the first, and replaces what it stored.
    """
    change = next_change(session)
    ids = _store_files(session, root_id, model_id, photos, change)
    owners = list(zip(ids, photos, strict=True))
    add_descriptions(session, model_id, owners, embedder, change)
    refresh_words(session, ids)
    return ids


def copy_photo(
    session: Session, source_id: int, root_id: int, file: FileStamp, origin: Origin | None = None
) -> int:
    """Store a file with the same bytes as a known photo, all that was computed included.

    `origin`: the file's own, where it may be another, as its name is. Raises WriteConflict where
    another writer removed the known one.
    """
    target, _ = _lock_known(session, root_id, [file.path]).get(file.path, (None, ""))
    if target == source_id:
        touch_photo(session, source_id, file, origin)
        return source_id
    change = next_change(session)
    photo = _copied_photo(session, source_id)
    photo.update(root_id=root_id, **asdict(file), indexed_at=datetime.now(UTC))
    photo.update({} if origin is None else _columns(origin))
    photo["checksum"] = photo_checksum(photo)
    if target is None:
        new = _insert_files(session, [photo]).get(file.path)
        if new is None:  # another writer was first
            return copy_photo(session, source_id, root_id, file, origin)
        target = new
    else:
        drop_descriptions(session, [target])
        note_removed(session, [target], change)
        session.execute(update(Photo).where(Photo.id == target).values(photo))
    copy_descriptions(session, source_id, target, change)
    refresh_words(session, [target])
    return target


def move_photo(
    session: Session, photo_id: int, root_id: int, file: FileStamp, origin: Origin | None = None
) -> None:
    """Give a photo a new path, and maybe an origin; a photo that was known there is removed."""
    other = _id_at(session, root_id, file.path)
    if other is not None and other != photo_id:
        remove_photos(session, [other])
    moved = {"root_id": root_id, **asdict(file), **_origin(origin)}
    session.execute(update(Photo).where(Photo.id == photo_id).values(moved))
    refresh_words(session, [photo_id])


def touch_photo(
    session: Session, photo_id: int, file: FileStamp, origin: Origin | None = None
) -> None:
    """Note a file's new time, and maybe origin; its bytes, hence all descriptions, are the same."""
    stamp = {**asdict(file), **_origin(origin)}
    del stamp["path"]
    session.execute(update(Photo).where(Photo.id == photo_id).values(stamp))
    if origin is not None:
        refresh_words(session, [photo_id])


def remove_photos(session: Session, ids: Sequence[int]) -> None:
    """Remove photos and all that was computed from them."""
    if not ids:
        return
    change = next_change(session)
    for chunk in chunks(sorted(ids)):
        session.execute(delete(Photo).where(Photo.id.in_(chunk)), execution_options=NO_SYNC)
    note_removed(session, ids, change)


def forget_photos(session: Session, ids: Sequence[int], model_id: int) -> None:
    """Drop all that a model made of photos; the next indexing with it makes it again."""
    if not ids:
        return
    change = next_change(session)
    drop_descriptions(session, ids, model_id)
    note_removed(session, ids, change)
    refresh_words(session, ids)


def _known(model_id: int) -> Select[int, bytes, int, int, str, bool, int, int, str]:
    # One transaction writes captions, vectors and state: the state stands for all three.
    has_state: ColumnElement[bool] = State.photo_id.is_not(None)
    has_state = has_state.label("has_state")
    return select(
        Photo.id,
        Photo.path,
        Photo.size,
        Photo.mtime_ns,
        Photo.content_hash,
        has_state,
        Photo.root_id,
        Photo.metadata_version,
        Photo.sidecars,
    ).outerjoin(State, and_(State.photo_id == Photo.id, State.model_id == model_id))


def _origin(origin: Origin | None) -> dict[str, Any]:
    """New values of a photo's row, its checksum's second half among them."""
    if origin is None:
        return {}
    content, columns = func.substr(Photo.checksum, 1, HALF), _columns(origin)
    return {**columns, "checksum": content.concat(origin_checksum(columns))}


def _columns(known: Origin | Metadata) -> dict[str, Any]:
    """What is known of a photo, by the columns of its row."""
    columns = {**vars(known), **vars(known.annotations)}
    del columns["annotations"]
    return columns


def _store_files(
    session: Session, root_id: int, model_id: int, photos: Sequence[NewPhoto], change: int
) -> list[int]:
    """Store the files' own rows, of photos without descriptions by the model; their ids in order.

    Writers of the same photos lock them in one order, by path.
    """
    rows = {new.file.path: _photo_row(root_id, new) for new in photos}
    waiting = list(rows)
    ids: dict[bytes, int] = {}
    while waiting:
        known = _lock_known(session, root_id, sorted(waiting))
        files = [_KnownRow(*known[path], rows[path]) for path in known]
        _replace_files(session, model_id, files, change)
        ids.update((path, key) for path, (key, _) in known.items())
        ids.update(_insert_files(session, [rows[path] for path in waiting if path not in known]))
        waiting = [path for path in waiting if path not in ids]  # another writer was first
    return [ids[new.file.path] for new in photos]


@dataclass(frozen=True)
class _KnownRow:
    """A photo that is known, the hash of its former bytes, and its new row."""

    photo_id: int
    content_hash: str
    row: dict[str, Any]

    @property
    def is_changed(self) -> bool:
        """Whether its bytes are others now."""
        return bool(self.content_hash != self.row["content_hash"])


def _replace_files(
    session: Session, model_id: int, files: Sequence[_KnownRow], change: int
) -> None:
    """Put new rows in the places of known ones, and drop what models made of them."""
    if not files:
        return
    changed = [each.photo_id for each in files if each.is_changed]
    drop_descriptions(session, [each.photo_id for each in files if not each.is_changed], model_id)
    drop_descriptions(session, changed)
    note_removed(session, changed, change)
    session.execute(update(Photo), [{"id": each.photo_id, **each.row} for each in files])
    new = {each.content_hash: each.row["content_hash"] for each in files if each.is_changed}
    follow_contents(session, new)


def _insert_files(session: Session, rows: Sequence[dict[str, Any]]) -> dict[bytes, int]:
    """Insert rows of files, and return their ids by path; of none where another writer was first.

    There that writer is waited for.
    """
    if not rows:
        return {}
    if is_postgresql(session):
        rows = _with_ids(session, rows)
        try:
            with session.begin_nested():
                insert_rows(session, Photo, rows)
        except IntegrityError:
            pass
        else:
            return {row["path"]: row["id"] for row in rows}
    query = upsert(session, Photo).on_conflict_do_nothing(index_elements=["root_id", "path"])
    query = query.returning(Photo.path, Photo.id)
    added = session.execute(query, rows, execution_options=ONE_SHAPE)
    return {row.path: row.id for row in added}


def _with_ids(session: Session, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of files with ids in their order, sorted by path: the order in which all are locked."""
    next_ids = text(
        "SELECT nextval(pg_get_serial_sequence('photo', 'id')) FROM generate_series(1, :count)"
    )
    ids = session.scalars(next_ids, {"count": len(rows)})
    given = [{"id": key, **row} for key, row in zip(ids, rows, strict=True)]
    return sorted(given, key=lambda row: row["path"])


def _photo_row(root_id: int, new: NewPhoto) -> dict[str, Any]:
    row = {
        "root_id": root_id,
        **asdict(new.file),
        "content_hash": new.content_hash,
        **_columns(new.metadata),
        "indexed_at": datetime.now(UTC),
    }
    return {**row, "checksum": photo_checksum(row)}


def _lock_known(
    session: Session, root_id: int, paths: Sequence[bytes]
) -> dict[bytes, tuple[int, str]]:
    """Id and content hash by path of the files that are known, locked until the end."""
    known = {}
    for chunk in chunks(paths):
        query = select(Photo.path, Photo.id, Photo.content_hash).order_by(Photo.path)
        query = query.where(Photo.root_id == root_id, Photo.path.in_(chunk))
        query = query.with_for_update(key_share=True)  # nothing on SQLite
        known.update({path: (key, digest) for path, key, digest in session.execute(query)})
    return known


def _id_at(session: Session, root_id: int, path: bytes) -> int | None:
    query = select(Photo.id).where(Photo.root_id == root_id, Photo.path == path)
    return session.scalar(query)


def _copied_photo(session: Session, source_id: int) -> dict[str, Any]:
    columns = [column for column in Photo.__table__.columns if column.name != "id"]
    query = select(*columns).where(Photo.id == source_id)
    # On PostgreSQL it stays as it is until all of it is copied.
    row = session.execute(query.with_for_update(key_share=True)).mappings().one_or_none()
    if row is None:
        raise WriteConflict(f"Photo {source_id} was removed while it was copied.")
    return dict(row)
