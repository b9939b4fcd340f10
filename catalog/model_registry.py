"""The captioners and sentence embedders that made rows, and which of them is to answer searches.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, delete, func, select
from sqlalchemy.orm import Session, aliased

from catalog.checksums import check_models, checked_rows, model_checksum
from catalog.fulltext import refresh_words
from catalog.models import Caption, Model, Photo, Root, State
from catalog.sql import upsert


@dataclass(frozen=True)
class ModelView:
    """A captioner or a sentence embedder that made rows."""

    model_id: int
    kind: str
    name: str
    sha256: str


@dataclass(frozen=True)
class Described:
    """How many photos a captioner has described; `embedder` None: the captioner's own."""

    model_id: int
    name: str
    sha256: str
    embedder: str | None
    photos: int


@dataclass(frozen=True)
class NewModel:
    """A model ("captioner" or "embedder") as it is recorded when it is first used."""

    kind: str
    name: str
    sha256: str
    config: Mapping[str, Any]
    metrics: Mapping[str, Any]


def register_models(session: Session, models: Sequence[NewModel]) -> list[int]:
    """Return the ids of models, in order, recording those that are new."""
    known = {(model.name, model.sha256): model.model_id for model in list_models(session)}
    return [known.get((model.name, model.sha256)) or _add(session, model) for model in models]


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
    return register_models(session, [NewModel(kind, name, sha256, config, metrics)])[0]


def _add(session: Session, model: NewModel) -> int:
    values = {
        "kind": model.kind,
        "name": model.name,
        "sha256": model.sha256,
        "config": dict(model.config),
        "metrics": dict(model.metrics),
        "created_at": datetime.now(UTC),
    }
    values["checksum"] = model_checksum(values)
    query = upsert(session, Model).values(values).on_conflict_do_nothing()
    session.execute(query)  # another writer may have been first
    named = Model.name == model.name, Model.sha256 == model.sha256
    return session.scalars(select(Model.id).where(*named)).one()


def model_id(session: Session, *, name: str, sha256: str) -> int | None:
    """Return the id of a recorded model, None if it is not."""
    return session.scalar(select(Model.id).where(Model.name == name, Model.sha256 == sha256))


def list_models(session: Session) -> list[ModelView]:
    """Return every model that was used here, the one registered last at the end.

    Raises DamagedValue where the row of one is not as it was written.
    """
    columns = (Model.id, Model.kind, Model.name, Model.sha256)
    return [ModelView(*row) for row in checked_rows(session, Model, *columns)]


def described(session: Session) -> list[Described]:
    """Return every captioner used here and how many photos it has described, oldest first.

    Raises DamagedValue where the row of a model is not as it was written.
    """
    check_models(session)
    query = (
        select(Model.id, Model.name, Model.sha256, Model.config, func.count(State.photo_id))
        .outerjoin(State, State.model_id == Model.id)
        .where(Model.kind == "captioner")
        .group_by(Model.id)
        .order_by(Model.id)
    )
    return [
        Described(key, name, sha256, config.get("embedder"), photos)
        for key, name, sha256, config, photos in session.execute(query)
    ]


def newest_complete_model(session: Session, usable: Sequence[int]) -> int | None:
    """The newest of these models that has described every photo that an older one has.

    `usable`: model ids, oldest first; None for none. It is the model to search by while a newer
    one is still describing the photos.
    """
    for place in reversed(range(len(usable))):
        if not any(_lacks(session, usable[place], older) for older in usable[:place]):
            return usable[place]
    return None


def undescribed(session: Session, model_id: int) -> dict[bytes, int]:
    """Return by folder how many photos only captioners before this one have described."""
    before = select(Model.id).where(Model.kind == "captioner", Model.id < model_id)
    older = session.scalars(before).all()
    if not older:
        return {}
    others = select(State.photo_id).where(State.model_id.in_(older))
    own = select(State.photo_id).where(State.model_id == model_id)
    query = (
        select(Root.path, func.count(Photo.id).label("photos"))
        .join(Photo, Photo.root_id == Root.id)
        .where(Photo.id.in_(others), Photo.id.not_in(own))
        .group_by(Root.path)
        .order_by(Root.path)
    )
    return {row.path: row.photos for row in session.execute(query)}


def remove_model(session: Session, model_id: int) -> None:
    """Remove a model and all that it made of photos; the photos stay."""
    query = select(Caption.photo_id).where(Caption.model_id == model_id).distinct()
    captioned = session.scalars(query).all()
    session.execute(delete(Model).where(Model.id == model_id))
    refresh_words(session, captioned)


def model_name(captioner: str, own_embedder: str, embedder: str) -> str:
    """The name that a captioner's rows are kept under: with another embedder they are others."""
    return captioner if embedder == own_embedder else f"{captioner} with {embedder}"


def _lacks(session: Session, model_id: int, other: int) -> bool:
    """Whether there is a photo that the other model has described and this one has not."""
    theirs, own = aliased(State), aliased(State)
    same = and_(own.photo_id == theirs.photo_id, own.model_id == model_id)
    query = select(theirs.photo_id).outerjoin(own, same)
    query = query.where(theirs.model_id == other, own.photo_id.is_(None)).limit(1)
    return session.scalar(query) is not None
