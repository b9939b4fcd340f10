"""What commands work with, opened and closed again: a home with its database, and engines on it.

Knows nothing of what is done with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.captioners import answering_captioner, checkpoint_of, load_models
from commands.errors import sentence
from commands.output import note

if TYPE_CHECKING:
    from catalog.home import Home
    from catalog.session import Database
    from search.engine import SearchEngine


@contextmanager
def open_catalog(home: Path | None) -> Iterator[tuple[Home, Database]]:
    """An open home; `--home` of the command, then of the group, then the environment's."""
    from catalog.home import open_home
    from catalog.session import open_database

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
