"""Which vector store a home uses, by $TELLSHOW_VECTORS: FAISS, pgvector or Milvus."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class UnknownVectorStore(ValueError):
    """The environment names a vector store that there is not."""


class StoreName(StrEnum):
    """FAISS: files of the home. PGVECTOR: tables of the catalog's PostgreSQL. MILVUS: a server."""

    FAISS = "faiss"
    PGVECTOR = "pgvector"
    MILVUS = "milvus"


@dataclass(frozen=True)
class VectorStore:
    """A store; `address`: of Milvus, as pymilvus takes it: a URI, or a file of Milvus Lite."""

    name: StoreName
    address: str = ""


FAISS = VectorStore(StoreName.FAISS)


def read_store(value: str | None) -> VectorStore:
    """The store that a person named, FAISS for no name. Raises UnknownVectorStore."""
    if not value:
        return FAISS
    name, _, address = value.partition(":")
    if name == StoreName.MILVUS and address:
        return VectorStore(StoreName.MILVUS, address)
    if not address and name in (StoreName.FAISS, StoreName.PGVECTOR):
        return VectorStore(StoreName(name))
    raise UnknownVectorStore(
        f"$TELLSHOW_VECTORS is {value!r}, and must be faiss, pgvector, or milvus: and its address, "
        "as in milvus:http://localhost:19530; or not set, for faiss."
    )
