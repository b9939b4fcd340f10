"""The status of a home: how much is indexed, from which folders and by which models."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass

from sqlalchemy.orm import Session

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.calibrations import list_calibrations
from catalog.database import Database
from catalog.image_vectors import chosen_image_embedder
from catalog.model_registry import described, list_models
from catalog.paths import show_path
from catalog.roots import is_reachable, list_roots
from catalog.views import count_rows
from search.collection import own_model_id


@dataclass(frozen=True)
class RootStatus:
    """An indexed folder, how many photos it holds and whether it can be reached."""

    path: str
    photos: int
    online: bool


@dataclass(frozen=True)
class ModelStatus:
    """A captioner, how many photos it has described, and whether it answers searches."""

    name: str
    sha256: str
    photos: int
    answers: bool


@dataclass(frozen=True)
class ImageEmbedderStatus:
    """The home's image embedder, the folder that it was named by, and how many photos it has."""

    name: str
    sha256: str
    folder: str
    vectors: int


@dataclass(frozen=True)
class CalibrationStatus:
    """Weights that were fitted on captions of one's own, for a captioner and an image embedder.

    `captioner` and `image_embedder`: their names, the latter None where it was fitted without one.
    `fitted_at`: in ISO 8601. `sound`: they are as they were written.
    """

    captioner: str
    image_embedder: str | None
    captions: int
    photos: int
    fitted_at: str
    sound: bool


@dataclass(frozen=True)
class Status:
    """What is indexed, and by which model; captions and vectors are those of the one that answers.

    `models`: all that were used here, oldest first. `sqlite`: its version, None for PostgreSQL.
    `runtime`: what computes, and in which precision.
    `image_embedder` and `calibrations`: None where the home has none.
    """

    photos: int
    captions: int
    failures: int
    model: str
    embedder: str
    vectors: int
    models: tuple[ModelStatus, ...]
    roots: tuple[RootStatus, ...]
    sqlite: str | None
    runtime: str
    image_embedder: ImageEmbedderStatus | None = None
    calibrations: tuple[CalibrationStatus, ...] | None = None

    def to_json(self) -> dict[str, object]:
        """The `status --json` object; what the home may have and has not is left out."""
        told = asdict(self)
        for name in ("image_embedder", "calibrations"):
            if told[name] is None:
                del told[name]
        return told


def read_status(database: Database, captioner: Captioner, embedder: SentenceEmbedder) -> Status:
    """Counts of the catalog; raises DatabaseUnavailable."""
    with database.read() as session:
        own = own_model_id(session, captioner, embedder)
        counts, used, roots = count_rows(session, own), described(session), list_roots(session)
        chosen, calibrations = chosen_image_embedder(session), _calibrations(session)
        embedded = count_rows(session, chosen.model_id).vectors if chosen else 0
    return Status(
        photos=counts.photos,
        captions=counts.captions,
        failures=counts.failures,
        model=captioner.name,
        embedder=embedder.name,
        vectors=counts.vectors,
        models=tuple(
            ModelStatus(each.name, each.sha256, each.photos, each.model_id == own) for each in used
        ),
        roots=tuple(
            RootStatus(show_path(root.path), root.photos, is_reachable(root.path)) for root in roots
        ),
        sqlite=database.sqlite_version,
        runtime=captioner.runtime,
        image_embedder=ImageEmbedderStatus(
            chosen.name, chosen.sha256, show_path(os.fsencode(chosen.folder)), embedded
        )
        if chosen
        else None,
        calibrations=calibrations or None,
    )


def _calibrations(session: Session) -> tuple[CalibrationStatus, ...]:
    found = list_calibrations(session)
    names = {model.model_id: model.name for model in list_models(session)} if found else {}
    return tuple(
        CalibrationStatus(
            captioner=names[each.model_id],
            image_embedder=None if each.image_model_id is None else names[each.image_model_id],
            captions=each.captions,
            photos=each.photos,
            fitted_at=each.fitted_at.isoformat(timespec="seconds"),
            sound=each.ranking is not None,
        )
        for each in found
    )
