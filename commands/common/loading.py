"""What commands work with, opened and closed again: a home with its database, and engines on it.

Knows nothing of what is done with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.common.errors import sentence
from commands.common.output import note

if TYPE_CHECKING:
    from catalog.database import Database
    from catalog.home import Home
    from search.engine import SearchEngine
import functools
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from catalog.database import Database
    from catalog.home import Home
    from catalog.model_registry import Described


@contextmanager
def open_catalog(home: Path | None) -> Iterator[tuple[Home, Database]]:
    """An open home; `--home` of the command, then of the group, then the environment's."""
    from catalog.database import open_database
    from catalog.home import open_home

    opened = open_home(home or click.get_current_context().obj)
    database = open_database(opened)
    try:
        yield opened, database
    finally:
        database.close()


@contextmanager
def open_engine(
    home: Path | None, model: Path | None, device: str | None, quick: bool = False
) -> Iterator[SearchEngine]:
    """An engine on a home, with the captioner that is named, else the one that answers.

    `quick` is for a command that ends with its answer.
    """
    from search.engine import SearchEngine

    with open_catalog(home) as (opened, database):
        if model is None:
            yield answering_engine(opened, database, device, quick)
        else:
            yield SearchEngine(opened, database, *load_models(model, device, quick=quick))


def answering_engine(
    home: Home, database: Database, device: str | None, quick: bool = False
) -> SearchEngine:
    """An engine with the captioner that answers, passing over those that cannot be loaded."""
    from captioner.checkpoint import CheckpointError
    from captioner.embedder import EmbedderUnavailable
    from search.engine import SearchEngine

    passed: set[int] = set()
    while (chosen := answering_captioner(home, database, passed)) is not None:
        try:
            models = load_models(checkpoint_of(home, chosen), device, chosen.embedder, quick)
            return SearchEngine(home, database, *models)
        except (CheckpointError, EmbedderUnavailable) as error:
            note(f"{chosen.name} cannot answer: {sentence(error)}")
            passed.add(chosen.model_id)
    return SearchEngine(home, database, *load_models(None, device, quick=quick))


# Which captioner and embedder a command works with: as named, as chosen for a home, as shipped


def load_models(
    model: Path | None, device: str | None, embedder: str | None = None, quick: bool = False
) -> tuple[Captioner, SentenceEmbedder]:
    """A checkpoint (the shipped one, where none is named) and a sentence embedder, its own.

    `quick` is for a command that ends with its answer.
    """
    from captioner.checkpoint import load_checkpoint
    from captioner.embedder import choose_embedder

    captioner = load_checkpoint(model, device)
    name = embedder or captioner.embedder_name
    return captioner, choose_embedder(name, str(captioner.device), quick)


def describing_models(
    home: Home, database: Database, model: Path | None, device: str | None, embedder: str | None
) -> tuple[Captioner, SentenceEmbedder]:
    """What indexes a home: as named, else as a person chose last for it, else as shipped.

    The home keeps the checkpoint, so that searches find it whatever is shipped later.
    """
    from captioner.checkpoint import DEFAULT_CHECKPOINT
    from catalog.checkpoints import KeptCheckpoints
    from catalog.model_registry import described

    kept = KeptCheckpoints(home)
    with database.read() as session:
        last = described(session)[-1:]
    if model is None and last and kept.is_chosen(last[0].sha256):
        embedder = embedder or last[0].embedder
        return load_models(kept.path(last[0].sha256), device, embedder)
    captioner, sentences = load_models(model, device, embedder)
    if model is None:
        kept.keep_shipped(DEFAULT_CHECKPOINT, captioner.sha256)
    else:
        kept.keep_chosen(model, captioner.sha256)
    return captioner, sentences


def answering_captioner(
    home: Home, database: Database, passed: Collection[int] = frozenset()
) -> Described | None:
    """The newest captioner whose file is there and that is complete; None in a new home."""
    from catalog.model_registry import answering, described

    with database.read() as session:
        usable = {
            each.model_id: each
            for each in described(session)
            if each.model_id not in passed and checkpoint_of(home, each)
        }
        model_id = answering(session, list(usable))
    return None if model_id is None else usable[model_id]


def checkpoint_of(home: Home, model: Described) -> Path | None:
    """A captioner's checkpoint, if the home keeps it or it is the shipped one."""
    from captioner.checkpoint import DEFAULT_CHECKPOINT
    from catalog.checkpoints import KeptCheckpoints

    kept = KeptCheckpoints(home).path(model.sha256)
    if kept is None and model.sha256 == _sha256(DEFAULT_CHECKPOINT):
        return DEFAULT_CHECKPOINT
    return kept


@functools.cache
def _sha256(path: Path) -> str | None:
    from captioner.filehash import sha256_of

    return sha256_of(path) if path.is_file() else None
