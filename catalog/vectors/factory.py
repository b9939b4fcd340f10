"""A FAISS index of whichever kind: made from SQL, read from a file, written to one.

Knows nothing of which file counts, nor of what was changed since.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from catalog.home import IndexKind
from catalog.vectors.flat import ExactVectors
from catalog.vectors.ivf import ListedBuilder, ListedVectors, sample_size
from catalog.vectors.kinds import Ids, choose_kind
from catalog.vectors.store import StoredVectors

Kept = ExactVectors | ListedVectors

# Lists of more vectors stay on disk, and are read where a search looks.
MAPPED_FROM = 100_000


def make_kept(
    faiss: Any, stored: StoredVectors, session: Session, wanted: IndexKind | None
) -> Kept:
    """All vectors that SQL holds, in an index of the kind that suits so many."""
    ids = stored.ids(session)
    kind = choose_kind(len(ids), wanted)
    if kind is IndexKind.EXACT:
        return _exact(faiss, stored, session)
    return _listed(faiss, stored, session, kind, ids)


def read_kept(faiss: Any, path: Path, dimension: int, count: int) -> Kept | None:
    """The index in a file; None where it is none of so many vectors of this dimension."""
    is_mapped = count > MAPPED_FROM
    flags = faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY if is_mapped else 0
    try:
        index = faiss.read_index(str(path), flags)
    except RuntimeError:
        return None
    if index.d != dimension or index.ntotal != count:
        return None
    if isinstance(index, faiss.IndexIDMap2):
        return ExactVectors(faiss, index)
    return ListedVectors(faiss, index, is_mapped)


def write_kept(faiss: Any, kept: Kept, path: Path) -> None:
    """Write an index to a file. Raises OSError."""
    try:
        faiss.write_index(kept.index, str(path))
    except RuntimeError as error:
        raise OSError(f"The vectors cannot be written to {path}.") from error


def _exact(faiss: Any, stored: StoredVectors, session: Session) -> ExactVectors:
    made = ExactVectors.empty(faiss, stored.dimension)
    for keys, values in stored.since(session, 0):
        made.add(keys, values)
    return made


def _listed(
    faiss: Any, stored: StoredVectors, session: Session, kind: IndexKind, ids: Ids
) -> ListedVectors:
    random = np.random.default_rng(0)
    chosen = np.sort(random.choice(np.sort(ids), sample_size(len(ids)), replace=False))
    parts = stored.of(session, chosen.tolist())
    sample = np.concatenate([values for _, values in parts])
    builder = ListedBuilder(faiss, kind, len(ids), sample)
    del sample  # it is as large as a good part of the index
    for keys, values in stored.since(session, 0):
        builder.add(keys, values)
    return builder.finish()
