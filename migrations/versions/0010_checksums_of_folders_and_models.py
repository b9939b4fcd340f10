"""A checksum over each indexed folder's path and patterns, and over what is known of each model.

What is there by now gets its checksum as it is, by a copy of the rules of catalog/checksums.py as
they were at this revision. Printed as SQL it adds the columns only, and what is there has none.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_COVERED = {
    "root": ("path", "excluded"),
    "model": ("kind", "name", "sha256", "config", "metrics", "created_at"),
}
_JSON = {"excluded", "config", "metrics"}


def upgrade() -> None:
    """Add the columns, and note the checksums of what is there."""
    for table in _COVERED:
        op.add_column(
            table, sa.Column("checksum", sa.String(32), nullable=False, server_default="")
        )
        if not context.is_offline_mode():
            _fill(op.get_bind(), table)


def downgrade() -> None:
    """Drop the columns."""
    for table in _COVERED:
        op.drop_column(table, "checksum")


def _fill(connection: sa.Connection, table: str) -> None:
    # In SQLite damaged text need not be UTF-8: it is read as bytes.
    form = "CAST({} AS BLOB)" if connection.dialect.name == "sqlite" else "{}"
    names = _COVERED[table]
    columns = ", ".join(form.format(name) for name in names)
    for key, *values in connection.execute(sa.text(f"SELECT id, {columns} FROM {table}")).all():
        try:
            details = [
                _json(value) if name in _JSON else value
                for name, value in zip(names, values, strict=True)
            ]
        except (ValueError, RecursionError):
            continue  # damaged, which is told when it is read
        statement = sa.text(f"UPDATE {table} SET checksum = :checksum WHERE id = :key")
        connection.execute(statement, {"checksum": _checksum(details), "key": key})


def _json(value: Any) -> str:
    found = json.loads(value) if isinstance(value, (bytes, str)) else value
    return json.dumps(found, sort_keys=True)


def _checksum(values: Iterable[Any]) -> str:
    values = list(values)
    digest = blake2b(digest_size=16)
    for value in (len(values), *values):
        encoded = _encoded(value)
        digest.update(struct.pack("<Q", len(encoded)))
        digest.update(encoded)
    return digest.hexdigest()


def _encoded(value: Any) -> bytes:
    if isinstance(value, (bytes, memoryview)):
        return bytes(value)
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, datetime):
        plain = value.astimezone(UTC).replace(tzinfo=None)
        return plain.isoformat(" ", "microseconds").encode()
    return repr(value).encode()
