"""Makes the vector index that a home uses; another implementation is one more line here."""

from __future__ import annotations

from catalog.database import Database
from catalog.home import Home
from catalog.vectors.chosen_store import StoreName
from catalog.vectors.interface import VectorIndex


def make_vector_index(
    home: Home, database: Database, model_id: int, kind: str, dimension: int
) -> VectorIndex:
    """The vectors [D] of one kind ("caption", "visual", "image") and model, not opened yet.

    Raises FaissMissing, and VectorsUnavailable where another store was chosen.
    """
    # Imported here: a home uses one of them, and a search waits for its imports.
    if home.vector_store.name is StoreName.PGVECTOR:
        from catalog.vectors.pgvector_index import PgvectorIndex

        return PgvectorIndex(database, model_id, kind, dimension)
    if home.vector_store.name is StoreName.MILVUS:
        from catalog.vectors.milvus_index import MilvusIndex

        address = home.vector_store.address
        return MilvusIndex(address, database, model_id, kind, dimension)
    from catalog.vectors.faiss_index import FaissIndex

    return FaissIndex(home, database, model_id, kind, dimension)
