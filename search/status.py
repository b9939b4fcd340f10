"""The status of a home: how much is indexed, from which folders and by which models."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.database import Database
from catalog.model_registry import described
from catalog.paths import show_path
from catalog.roots import list_roots
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
class Status:
    """What is indexed, and by which model; captions and vectors are those of the one that answers.

    `models`: all that were used here, oldest first. `sqlite`: its version, None for PostgreSQL.
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

    def to_json(self) -> dict[str, object]:
        """The `status --json` object."""
        return asdict(self)


def read_status(database: Database, captioner: Captioner, embedder: SentenceEmbedder) -> Status:
    """Counts of the catalog; raises DatabaseUnavailable."""
    with database.read() as session:
        own = own_model_id(session, captioner, embedder)
        counts, used, roots = count_rows(session, own), described(session), list_roots(session)
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
            RootStatus(show_path(root.path), root.photos, os.path.isdir(root.path))
            for root in roots
        ),
        sqlite=database.sqlite_version,
    )
