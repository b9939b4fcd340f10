"""Opens what commands work with: a home and its database, captioner and embedder, an engine.

Which captioner a command takes: the one named by --model, else the home's own, else the shipped.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.common.errors import sentence
from commands.common.output import note

if TYPE_CHECKING:
    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from catalog.database import Database
    from catalog.home import Home
    from catalog.model_registry import Described
    from search.engine import SearchEngine


@contextmanager
def open_catalog(home: Path | None) -> Iterator[tuple[Home, Database]]:
    """The home and its database, closed at the end.

    The home is that of the command's --home, else of --home before the command, else the
    environment's.
    """
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
    """A search engine on a home, with the captioner of --model, else the one that answers.

    `quick` takes the embedder that loads sooner, for a command that ends with its answer.
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
    """A search engine with the home's newest complete captioner; in a new home, the shipped one.

    A captioner that cannot be loaded is passed over, with a note on stderr.
    """
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


def load_models(
    model: Path | None, device: str | None, embedder: str | None = None, quick: bool = False
) -> tuple[Captioner, SentenceEmbedder]:
    """The captioner of a checkpoint file (None: the shipped one) and its sentence embedder.

    `embedder` names another one; `quick` takes the one that loads sooner.
    """
    from captioner.checkpoint import load_checkpoint
    from captioner.embedder import choose_embedder

    captioner = load_checkpoint(model, device)
    name = embedder or captioner.embedder_name
    return captioner, choose_embedder(name, str(captioner.device), quick)


def describing_models(
    home: Home, database: Database, model: Path | None, device: str | None, embedder: str | None
) -> tuple[Captioner, SentenceEmbedder]:
    """Captioner and embedder to index a home with: named, else last chosen for it, else shipped.

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
    """The newest captioner that has described every photo and whose file is there.

    None in a new home, or where all of them are `passed`.
    """
    from catalog.model_registry import described, newest_complete_model

    with database.read() as session:
        usable = {
            each.model_id: each
            for each in described(session)
            if each.model_id not in passed and checkpoint_of(home, each)
        }
        model_id = newest_complete_model(session, list(usable))
    return None if model_id is None else usable[model_id]


def checkpoint_of(home: Home, model: Described) -> Path | None:
    """A captioner's checkpoint file; None if the home keeps none and it is not the shipped one."""
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
