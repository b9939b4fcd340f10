"""Which captioner and embedder a command works with: as named, as chosen for a home, as shipped.

Knows nothing of what they are asked.
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from catalog.answering import Described
    from catalog.home import Home
    from catalog.session import Database


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
    from catalog.answering import described
    from catalog.checkpoints import KeptCheckpoints

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
    from catalog.answering import answering, described

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
