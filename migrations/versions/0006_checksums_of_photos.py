"""A checksum over what was read from each photo: its size, format and origin.

What is there by now gets its checksum as it is, by a copy of the rules of catalog/checksums.py as
they were at this revision: no photo is read. Printed as SQL it adds the column only, and every
photo then counts as damaged, and is described again by the next indexing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BATCH = 500

_CONTENT = ("content_hash", "width", "height", "format", "indexed_at")
_ORIGIN = ("taken_at", "camera", "latitude", "longitude", "taken_offset", "taken_from",
           "metadata_version")  # fmt: skip
_TEXTS = {"content_hash", "format", "indexed_at", "taken_at", "camera", "taken_from"}
_SET = "UPDATE photo SET checksum = :checksum WHERE id = :photo"


def upgrade() -> None:
    """Add the column, and note the checksums of the photos that are there."""
    op.add_column("photo", sa.Column("checksum", sa.String(32), nullable=False, server_default=""))
    if not context.is_offline_mode():
        _fill(op.get_bind())


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("photo", "checksum")


def _fill(connection: sa.Connection) -> None:
    # In SQLite damaged text need not be UTF-8: it is read as bytes.
    form = "CAST({} AS BLOB)" if connection.dialect.name == "sqlite" else "{}"
    names = [form.format(name) if name in _TEXTS else name for name in (*_CONTENT, *_ORIGIN)]
    query = sa.text(
        f"SELECT id, {', '.join(names)} FROM photo WHERE id > :last ORDER BY id LIMIT :batch"
    )
    last = -1
    while rows := connection.execute(query, {"last": last, "batch": BATCH}).all():
        last = rows[-1][0]
        values = [{"photo": key, "checksum": _checksum(details)} for key, *details in rows]
        connection.execute(sa.text(_SET), values)


def _checksum(details: list[Any]) -> str:
    return _half(details[: len(_CONTENT)]) + _half(details[len(_CONTENT) :])


def _half(values: Iterable[Any]) -> str:
    values = list(values)
    digest = blake2b(digest_size=8)
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
    if isinstance(value, float):
        return struct.pack("<d", value + 0.0)
    if isinstance(value, datetime):
        plain = value.astimezone(UTC).replace(tzinfo=None)
        return plain.isoformat(" ", "microseconds").encode()
    return repr(value).encode()
