"""Builds a FAISS index of the kind that suits from SQL, reads one from a file, writes one to it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from catalog.durable_files import is_full
from catalog.vectors.flat import FlatIndex
from catalog.vectors.interface import Ids
from catalog.vectors.ivf import IvfBuilder, IvfIndex, sample_size
from catalog.vectors.kinds import IndexKind, choose_kind
from catalog.vectors.store import StoredVectors

FlatOrIvf = FlatIndex | IvfIndex

# Inverted lists of more vectors stay on disk, and are read where a search looks.
MAPPED_FROM = 100_000


def build_index(
    faiss: Any, stored: StoredVectors, session: Session, wanted: IndexKind | None
) -> FlatOrIvf:
    """All vectors that SQL holds, in an index of the kind wanted or that suits so many.

    Raises DimensionMismatch.
    """
    ids = stored.ids(session)
    kind = choose_kind(len(ids), wanted)
    if kind is IndexKind.FLAT:
        return _build_flat(faiss, stored, session)
    return _build_ivf(faiss, stored, session, kind, ids)


def read_index(faiss: Any, path: Path, dimension: int, count: int) -> FlatOrIvf | None:
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
        return FlatIndex(faiss, index)
    return IvfIndex(faiss, index, is_mapped)


def write_index(faiss: Any, index: FlatOrIvf, path: Path) -> None:
    """Write an index to a file. Raises OSError, with ENOSPC where the disk is full."""
    try:
        faiss.write_index(index.index, str(path))
    except RuntimeError as error:  # of FAISS, which keeps the system's reason to itself
        if is_full(path.parent):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise OSError(f"The vectors cannot be written to {path}.") from error


def _build_flat(faiss: Any, stored: StoredVectors, session: Session) -> FlatIndex:
    index = FlatIndex.empty(faiss, stored.dimension)
    for keys, values in stored.since(session):
        index.add(keys, values)
    return index


def _build_ivf(
    faiss: Any, stored: StoredVectors, session: Session, kind: IndexKind, ids: Ids
) -> IvfIndex:
    random = np.random.default_rng(0)
    chosen = np.sort(random.choice(np.sort(ids), sample_size(len(ids)), replace=False))
    parts = stored.of_photos(session, chosen.tolist())
    sample = np.concatenate([values for _, values in parts])
    builder = IvfBuilder(faiss, kind, len(ids), sample)
    del sample  # it is as large as a good part of the index
    for keys, values in stored.since(session):
        builder.add(keys, values)
    return builder.finish()
