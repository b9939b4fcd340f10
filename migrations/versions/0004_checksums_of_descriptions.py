"""A checksum over what a model made of each photo.

What is there by now gets its checksum as it is, by a copy of the rules of catalog/checksums.py as
they were at this revision: no model runs. Printed as SQL it adds the column only, and every photo
then counts as damaged, and is described again by the next indexing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BATCH = 500

_STATES = (
    "SELECT state.photo_id, {content_hash}, {blob}, state.bias "
    "FROM state JOIN photo ON photo.id = state.photo_id "
    "WHERE state.model_id = :model AND state.photo_id > :last "
    "ORDER BY state.photo_id LIMIT :batch"
)
_CAPTIONS = (
    "SELECT photo_id, rank, {text}, log_likelihood FROM caption "
    "WHERE model_id = :model AND photo_id BETWEEN :first AND :last ORDER BY photo_id, rank"
)
_VECTORS = (
    "SELECT photo_id, {kind}, {embedder}, {blob} FROM vector "
    "WHERE model_id = :model AND photo_id BETWEEN :first AND :last ORDER BY photo_id"
)
_SET = "UPDATE state SET checksum = :checksum WHERE photo_id = :photo AND model_id = :model"


def upgrade() -> None:
    """Add the column, and note the checksums of the descriptions that are there."""
    op.add_column("state", sa.Column("checksum", sa.String(32), nullable=False, server_default=""))
    if not context.is_offline_mode():
        connection = op.get_bind()
        for (model,) in connection.execute(sa.text("SELECT id FROM model ORDER BY id")).all():
            _fill(connection, model)


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("state", "checksum")


def _fill(connection: sa.Connection, model: int) -> None:
    last = -1
    while states := _rows(connection, _STATES, model=model, last=last, batch=BATCH):
        first, last = states[0][0], states[-1][0]
        captions = _by_photo(_rows(connection, _CAPTIONS, model=model, first=first, last=last))
        vectors = _by_photo(_rows(connection, _VECTORS, model=model, first=first, last=last))
        values = [
            {
                "photo": row[0],
                "model": model,
                "checksum": _checksum(row[1:], captions.get(row[0], []), vectors.get(row[0], [])),
            }
            for row in states
        ]
        connection.execute(sa.text(_SET), values)


def _rows(connection: sa.Connection, query: str, **parameters: int) -> Sequence[Any]:
    # In SQLite damaged text need not be UTF-8: it is read as bytes.
    form = "CAST({} AS BLOB)" if connection.dialect.name == "sqlite" else "{}"
    names = ("content_hash", "blob", "text", "kind", "embedder")
    columns = {name: form.format(name) for name in names}
    return connection.execute(sa.text(query.format(**columns)), parameters).all()


def _by_photo(rows: Iterable[Any]) -> dict[int, list[Any]]:
    return {key: [row[1:] for row in group] for key, group in groupby(rows, lambda row: row[0])}


def _checksum(state: Any, captions: Iterable[Any], vectors: Iterable[Any]) -> str:
    digest = blake2b(digest_size=16)
    for row in (state, *captions, *sorted(vectors, key=lambda row: _encoded(row[0]))):
        for value in (len(row), *row):
            encoded = _encoded(value)
            digest.update(struct.pack("<Q", len(encoded)))
            digest.update(encoded)
    return digest.hexdigest()


def _encoded(value: Any) -> bytes:
    if isinstance(value, (bytes, memoryview)):
        return bytes(value)
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, float):
        return struct.pack("<d", value + 0.0)
    return repr(value).encode()
