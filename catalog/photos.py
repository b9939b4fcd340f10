"""Every SQL query about photos and what was computed from them.

Functions take a session and neither commit nor roll back: who opened it decides. Knows nothing of
FAISS, nor of where vectors, captions and states come from.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session

from catalog import models
from catalog.chunks import chunks
from catalog.fulltext import refresh_words
from catalog.models import Caption, Model, Photo, Root, State, Vector, VectorChange

# A session holds no loaded rows that these bulk statements could make stale.
_NO_SYNC = {"synchronize_session": False}

# Without this, rows with a None and rows without would be sent apart.
_ONE_SHAPE = {"render_nulls": True}


class UnevenVectors(ValueError):
    """Vectors of one kind and model are stored in several lengths."""


@dataclass(frozen=True)
class FileStamp:
    """A file as the file system shows it; `path` is relative to its root."""

    path: bytes
    size: int
    mtime_ns: int


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


@dataclass(frozen=True)
class Metadata:
    """What a photo says about itself; sizes in upright pixels, `taken_at` aware, degrees."""

    width: int
    height: int
    format: str
    taken_at: datetime | None
    camera: str | None
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True)
class NewPhoto:
    """Everything that indexing found out about a file.

    `captions`: (text, log-likelihood in nats), best first. `vectors`: kind ("caption", "visual")
    to a unit vector [D], stored as float16.
    """

    file: FileStamp
    content_hash: str
    metadata: Metadata
    captions: tuple[tuple[str, float], ...]
    vectors: Mapping[str, NDArray[Any]]
    state: bytes
    bias: float


@dataclass(frozen=True)
class PhotoView:
    """What a result or a photo's own page shows; `size` in bytes."""

    photo_id: int
    root: bytes
    path: bytes
    content_hash: str
    size: int
    width: int
    height: int
    format: str
    taken_at: datetime | None
    camera: str | None
    latitude: float | None
    longitude: float | None
    indexed_at: datetime
    captions: tuple[tuple[str, float], ...]

    @property
    def full_path(self) -> Path:
        """Absolute path of the file."""
        return Path(os.fsdecode(self.root)) / os.fsdecode(self.path)


@dataclass(frozen=True)
class RootView:
    """An indexed folder, its number of photos, and when it was last there."""

    root_id: int
    path: bytes
    photos: int
    last_seen_online: datetime


@dataclass(frozen=True)
class ModelView:
    """A captioner or a sentence embedder that made rows."""

    model_id: int
    kind: str
    name: str
    sha256: str


@dataclass(frozen=True)
class Failure:
    """A file that could not be indexed; `path` is absolute."""

    path: bytes
    size: int
    mtime_ns: int
    reason: str


@dataclass(frozen=True)
class Counts:
    """Numbers of rows; captions and vectors of one model, where one was named."""

    photos: int
    captions: int
    failures: int
    vectors: int


# Models and roots


def register_model(
    session: Session,
    *,
    kind: str,
    name: str,
    sha256: str,
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
) -> int:
    """Return the id of a model ("captioner" or "embedder"), recording it if it is new."""
    known = model_id(session, name=name, sha256=sha256)
    if known is not None:
        return known
    row = Model(kind=kind, name=name, sha256=sha256, config=dict(config), metrics=dict(metrics))
    row.created_at = _now()
    session.add(row)
    session.flush()
    return row.id


def model_id(session: Session, *, name: str, sha256: str) -> int | None:
    """Return the id of a recorded model, None if it is not."""
    return session.scalar(select(Model.id).where(Model.name == name, Model.sha256 == sha256))


def list_models(session: Session) -> list[ModelView]:
    """Return every model that was used here, the one registered last at the end."""
    query = select(Model.id, Model.kind, Model.name, Model.sha256).order_by(Model.id)
    return [ModelView(*row) for row in session.execute(query)]


def get_or_add_root(session: Session, folder: Path) -> int:
    """Return the id of a folder that is there now, recording it if it is new."""
    path = os.fsencode(folder.resolve())
    seen = {"last_seen_online": _now()}
    known = session.scalar(select(Root.id).where(Root.path == path))
    if known is None:
        return session.scalars(insert(Root).values(path=path, **seen).returning(Root.id)).one()
    session.execute(update(Root).where(Root.id == known).values(seen))
    return known


def roots(session: Session) -> list[RootView]:
    """Return every indexed folder, by path."""
    query = (
        select(Root.id, Root.path, func.count(Photo.id), Root.last_seen_online)
        .outerjoin(Photo, Photo.root_id == Root.id)
        .group_by(Root.id, Root.path, Root.last_seen_online)
        .order_by(Root.path)
    )
    return [RootView(*row) for row in session.execute(query)]


# Photos: what is known


def known_files(session: Session, root_id: int, model_id: int) -> dict[bytes, KnownFile]:
    """Return the root's files by relative path; `has_state` speaks of `model_id`."""
    rows = session.execute(_known(model_id).where(Photo.root_id == root_id))
    return {row[1]: KnownFile(*row) for row in rows}


def photo_with_content(session: Session, content_hash: str, model_id: int) -> KnownFile | None:
    """Return a photo with the same bytes: one with a state if there is one, then lowest id."""
    query = (
        _known(model_id)
        .where(Photo.content_hash == content_hash)
        .order_by(State.photo_id.is_(None), Photo.id)
        .limit(1)
    )
    row = session.execute(query).first()
    return KnownFile(*row) if row else None


def content_hashes(session: Session) -> set[str]:
    """Return the hashes of all bytes that some photo has."""
    return set(session.scalars(select(Photo.content_hash)))


def photo_ids(session: Session, model_id: int) -> list[int]:
    """Return the ids of all photos with a state by the model, in ascending order."""
    query = select(State.photo_id).where(State.model_id == model_id).order_by(State.photo_id)
    return list(session.scalars(query))


def sample_photo_ids(session: Session, model_id: int, count: int) -> list[int]:
    """Return at most `count` ids of photos with a state by the model, evenly spread, ascending.

    Each costs a look into the index, however many photos there are.
    """
    own = State.model_id == model_id
    first, last = session.execute(
        select(func.min(State.photo_id), func.max(State.photo_id)).where(own)
    ).one()
    if first is None:
        return []
    step = max((last - first) / max(count - 1, 1), 1)
    starts = sorted({first + round(step * number) for number in range(count)})
    found = (
        session.scalar(select(func.min(State.photo_id)).where(own, State.photo_id >= start))
        for start in starts
        if start <= last
    )
    return sorted({key for key in found if key is not None})


def _known(model_id: int) -> Select[int, bytes, int, int, str, bool, int]:
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
    ).outerjoin(State, and_(State.photo_id == Photo.id, State.model_id == model_id))


# Photos: changes


def add_photos(
    session: Session, root_id: int, model_id: int, photos: Sequence[NewPhoto], embedder: str
) -> list[int]:
    """Store a batch and return its ids in order.

    A photo that is known by its path keeps its id: its captions, vectors and state by this model
    are replaced, and those by every model where its bytes changed.
    """
    # First of all: on PostgreSQL this row's lock also makes concurrent writers take turns.
    change = _next_change(session)
    ids = _store_files(session, root_id, model_id, photos)
    owners = list(zip(ids, photos, strict=True))
    _insert(session, Caption, [row for key, new in owners for row in _captions(key, model_id, new)])
    vectors = (row for key, new in owners for row in _vectors(key, model_id, new, embedder))
    _insert(session, Vector, [{**row, "change": change} for row in vectors])
    _insert(session, State, [_state(key, model_id, new) for key, new in owners])
    refresh_words(session, ids)
    return ids


def copy_photo(session: Session, source_id: int, root_id: int, file: FileStamp) -> int:
    """Store a file with the same bytes as a known photo, all that was computed included."""
    target = _id_at(session, root_id, file.path)
    if target == source_id:
        touch_photo(session, source_id, file)
        return source_id
    change = _next_change(session)
    photo = _copied_photo(session, source_id)
    photo.update(root_id=root_id, **asdict(file), indexed_at=_now())
    if target is None:
        target = session.scalars(insert(Photo).values(photo).returning(Photo.id)).one()
    else:
        _forget(session, [target])
        session.execute(update(Photo).where(Photo.id == target).values(photo))
    for table in (Caption, Vector, State):
        _copy_rows(session, table, source_id, target, change)
    refresh_words(session, [target])
    return target


def move_photo(session: Session, photo_id: int, root_id: int, file: FileStamp) -> None:
    """Give a photo a new path; a photo that was known there is removed."""
    other = _id_at(session, root_id, file.path)
    if other is not None and other != photo_id:
        remove_photos(session, [other])
    moved = {"root_id": root_id, **asdict(file)}
    session.execute(update(Photo).where(Photo.id == photo_id).values(moved))
    refresh_words(session, [photo_id])


def touch_photo(session: Session, photo_id: int, file: FileStamp) -> None:
    """Note a file's new size and time; its bytes, hence all that was computed, are the same."""
    stamp = {"size": file.size, "mtime_ns": file.mtime_ns}
    session.execute(update(Photo).where(Photo.id == photo_id).values(stamp))


def remove_photos(session: Session, ids: Sequence[int]) -> None:
    """Remove photos and all that was computed from them."""
    if not ids:
        return
    _next_change(session)
    for chunk in chunks(ids):
        session.execute(delete(Photo).where(Photo.id.in_(chunk)), execution_options=_NO_SYNC)


def forget_photos(session: Session, ids: Sequence[int], model_id: int) -> None:
    """Drop all that a model made of photos; the next indexing with it makes it again."""
    if not ids:
        return
    _next_change(session)
    _forget(session, ids, model_id)
    refresh_words(session, ids)


def _store_files(
    session: Session, root_id: int, model_id: int, photos: Sequence[NewPhoto]
) -> list[int]:
    rows = {new.file.path: _photo_row(root_id, new) for new in photos}
    known = _known_at(session, root_id, list(rows))
    same = [key for path, (key, digest) in known.items() if digest == rows[path]["content_hash"]]
    changed = [key for key, _ in known.values() if key not in set(same)]
    _forget(session, same, model_id)
    _forget(session, changed)
    ids = {path: key for path, (key, _) in known.items()}
    if known:
        session.execute(update(Photo), [{"id": key, **rows[path]} for path, key in ids.items()])
    fresh = [row for path, row in rows.items() if path not in known]
    if fresh:
        query = insert(Photo).returning(Photo.path, Photo.id)
        added = session.execute(query, fresh, execution_options=_ONE_SHAPE)
        ids.update((row.path, row.id) for row in added)
    return [ids[new.file.path] for new in photos]


def _photo_row(root_id: int, new: NewPhoto) -> dict[str, Any]:
    return {
        "root_id": root_id,
        **asdict(new.file),
        "content_hash": new.content_hash,
        **asdict(new.metadata),
        "indexed_at": _now(),
    }


def _captions(key: int, model_id: int, new: NewPhoto) -> Iterator[dict[str, Any]]:
    for rank, (text, likelihood) in enumerate(new.captions):
        yield {
            "photo_id": key,
            "model_id": model_id,
            "rank": rank,
            "text": text,
            "log_likelihood": likelihood,
        }


def _vectors(key: int, model_id: int, new: NewPhoto, embedder: str) -> Iterator[dict[str, Any]]:
    for kind, values in new.vectors.items():
        yield {
            "photo_id": key,
            "model_id": model_id,
            "kind": kind,
            "embedder": embedder if kind == "caption" else None,
            "blob": np.asarray(values, dtype="<f2").tobytes(),
        }


def _state(key: int, model_id: int, new: NewPhoto) -> dict[str, Any]:
    return {"photo_id": key, "model_id": model_id, "blob": new.state, "bias": new.bias}


def _known_at(
    session: Session, root_id: int, paths: Sequence[bytes]
) -> dict[bytes, tuple[int, str]]:
    known = {}
    for chunk in chunks(paths):
        query = select(Photo.path, Photo.id, Photo.content_hash)
        query = query.where(Photo.root_id == root_id, Photo.path.in_(chunk))
        known.update({path: (key, digest) for path, key, digest in session.execute(query)})
    return known


def _id_at(session: Session, root_id: int, path: bytes) -> int | None:
    query = select(Photo.id).where(Photo.root_id == root_id, Photo.path == path)
    return session.scalar(query)


def _copied_photo(session: Session, source_id: int) -> dict[str, Any]:
    columns = [column for column in Photo.__table__.columns if column.name != "id"]
    row = session.execute(select(*columns).where(Photo.id == source_id)).mappings().one()
    return dict(row)


def _copy_rows(
    session: Session, table: type[models.Base], source_id: int, target_id: int, change: int
) -> None:
    own = {"photo_id": literal(target_id), "change": literal(change)}
    columns = list(table.__table__.columns)
    values = [own.get(column.name, column) for column in columns]
    rows = select(*values).where(table.__table__.c.photo_id == source_id)
    session.execute(insert(table).from_select([column.name for column in columns], rows))


def _forget(session: Session, ids: Sequence[int], model_id: int | None = None) -> None:
    for chunk in chunks(ids):
        for table in (Caption, Vector, State):
            query = delete(table).where(table.photo_id.in_(chunk))
            if model_id is not None:
                query = query.where(table.model_id == model_id)
            session.execute(query, execution_options=_NO_SYNC)


def _insert(session: Session, table: type[models.Base], rows: list[dict[str, Any]]) -> None:
    if rows:
        session.execute(insert(table), rows, execution_options=_ONE_SHAPE)


# Failures


def known_failures(session: Session) -> dict[bytes, Failure]:
    """Return every file that could not be indexed, by absolute path."""
    row = models.Failure
    query = select(row.path, row.size, row.mtime_ns, row.reason).order_by(row.path)
    return {found[0]: Failure(*found) for found in session.execute(query)}


def record_failure(session: Session, path: bytes, size: int, mtime_ns: int, reason: str) -> None:
    """Remember why the file at an absolute path could not be indexed."""
    clear_failure(session, path)
    row = {"path": path, "size": size, "mtime_ns": mtime_ns, "reason": reason}
    session.execute(insert(models.Failure), [row])


def clear_failure(session: Session, path: bytes) -> None:
    """Forget that the file at an absolute path failed, if it did."""
    query = delete(models.Failure).where(models.Failure.path == path)
    session.execute(query, execution_options=_NO_SYNC)


# Reading for search


def view_photos(
    session: Session, ids: Sequence[int], model_id: int | None = None
) -> dict[int, PhotoView]:
    """Return photos by id; ids that are gone are left out.

    Captions are those by `model_id`, else those by the newest model that captioned the photo.
    """
    views: dict[int, PhotoView] = {}
    for chunk in chunks(ids):
        captions = _captions_of(session, chunk, model_id)
        query = select(Root.path.label("root"), *_view_columns()).join(
            Photo, Photo.root_id == Root.id
        )
        for row in session.execute(query.where(Photo.id.in_(chunk))).mappings():
            view = PhotoView(**row, captions=captions.get(row["photo_id"], ()))
            views[view.photo_id] = view
    return views


def list_photos(session: Session) -> list[PhotoView]:
    """Return every photo, in order of id."""
    ids = session.scalars(select(Photo.id).order_by(Photo.id)).all()
    views = view_photos(session, ids)
    return [views[key] for key in ids]


def load_states(
    session: Session, ids: Sequence[int], model_id: int
) -> dict[int, tuple[bytes, float]]:
    """Return (packed state, hub bias) by photo id; photos without one are left out."""
    states: dict[int, tuple[bytes, float]] = {}
    for chunk in chunks(ids):
        query = select(State.photo_id, State.blob, State.bias)
        query = query.where(State.model_id == model_id, State.photo_id.in_(chunk))
        states.update({key: (blob, bias) for key, blob, bias in session.execute(query)})
    return states


def iter_vectors(
    session: Session, kind: str, model_id: int, batch: int = 4096, after: int = 0
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float16]]]:
    """Yield (photo ids [N], unit vectors [N, D]) of all vectors changed since change `after`.

    Raises UnevenVectors where those of a batch differ in length.
    """
    query = (
        select(Vector.photo_id, Vector.blob)
        .where(Vector.model_id == model_id, Vector.kind == kind, Vector.change > after)
        .order_by(Vector.change, Vector.photo_id)
    )
    # Closed also where the reader stops early: PostgreSQL keeps a cursor open for the rest.
    with session.execute(query, execution_options={"yield_per": batch}) as rows:
        for part in rows.partitions():
            yield _unpacked(kind, part)


def load_vectors(
    session: Session, ids: Sequence[int], kind: str, model_id: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float16]]]:
    """Yield (photo ids [N], unit vectors [N, D]) of given photos; those without are left out.

    Raises UnevenVectors where those of a part differ in length.
    """
    for chunk in chunks(ids):
        query = select(Vector.photo_id, Vector.blob).where(
            Vector.photo_id.in_(chunk), Vector.kind == kind, Vector.model_id == model_id
        )
        if rows := session.execute(query).all():
            yield _unpacked(kind, rows)


def vector_ids(session: Session, kind: str, model_id: int) -> NDArray[np.int64]:
    """Return the ids [N] of all photos with a vector of the kind by the model."""
    query = select(Vector.photo_id).where(Vector.model_id == model_id, Vector.kind == kind)
    return np.fromiter(session.scalars(query), dtype=np.int64)


def count_vectors(session: Session, kind: str, model_id: int) -> int:
    """Return the number of vectors of the kind by the model."""
    query = select(func.count()).select_from(Vector)
    return session.scalar(query.where(Vector.model_id == model_id, Vector.kind == kind)) or 0


def newest_vector_change(session: Session, kind: str, model_id: int) -> int:
    """Return the last change that wrote a vector of the kind by the model; 0 for none."""
    query = select(func.max(Vector.change))
    return session.scalar(query.where(Vector.model_id == model_id, Vector.kind == kind)) or 0


def _unpacked(
    kind: str, rows: Sequence[Row[int, bytes]]
) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
    ids = np.array([key for key, _ in rows], dtype=np.int64)
    if len({len(blob) for _, blob in rows}) > 1:
        raise UnevenVectors(f"The stored {kind} vectors differ in length.")
    values = np.frombuffer(b"".join(blob for _, blob in rows), dtype="<f2")
    return ids, values.reshape(len(rows), -1).astype(np.float16, copy=False)


def _view_columns() -> tuple[ColumnElement[Any], ...]:
    names = (
        "path content_hash size width height format taken_at camera latitude longitude indexed_at"
    )
    columns = Photo.__table__.columns
    return (Photo.id.label("photo_id"), *(columns[name] for name in names.split()))


def _captions_of(
    session: Session, ids: Sequence[int], model_id: int | None
) -> dict[int, tuple[tuple[str, float], ...]]:
    query = select(Caption.photo_id, Caption.model_id, Caption.text, Caption.log_likelihood)
    query = query.where(Caption.photo_id.in_(ids))
    if model_id is not None:
        query = query.where(Caption.model_id == model_id)
    newest: dict[int, int] = {}
    captions: dict[int, tuple[tuple[str, float], ...]] = {}
    ordered = query.order_by(Caption.photo_id, Caption.model_id.desc(), Caption.rank)
    for key, model, text, likelihood in session.execute(ordered):
        if newest.setdefault(key, model) == model:
            captions[key] = (*captions.get(key, ()), (text, likelihood))
    return captions


# Counts, changes


def counts(session: Session, model_id: int | None = None) -> Counts:
    """Return how much is stored; captions and vectors of one model, or of all."""
    return Counts(
        photos=_count(session, Photo),
        captions=_count(session, Caption, model_id),
        failures=_count(session, models.Failure),
        vectors=_count(session, Vector, model_id),
    )


def change_counter(session: Session) -> int:
    """Return the counter that every committed change to vectors makes grow."""
    return session.scalars(select(VectorChange.counter)).one()


def _next_change(session: Session) -> int:
    query = update(VectorChange).values(counter=VectorChange.counter + 1)
    query = query.execution_options(**_NO_SYNC)
    return session.scalars(query.returning(VectorChange.counter)).one()


def _count(session: Session, table: type[models.Base], model_id: int | None = None) -> int:
    query = select(func.count()).select_from(table)
    if model_id is not None:
        query = query.where(table.__table__.c.model_id == model_id)
    return session.scalar(query) or 0


def _now() -> datetime:
    return datetime.now(UTC)
