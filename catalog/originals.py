"""Photos that decayed: files whose bytes changed although their size and time did not."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from hashlib import file_digest

from sqlalchemy import select

from catalog.database import Database
from catalog.models import Photo, Root
from catalog.paths import show_path
from catalog.remote_folders import is_remote, look_at, modified_ns, open_object


def changed_originals(database: Database, root_ids: Sequence[int] | None = None) -> Iterator[str]:
    """Read the photos of some roots or of all; yields the paths of those that decayed.

    A file that is gone, cannot be read, or has another size or time is left to indexing, which
    names it. Raises DatabaseUnavailable.
    """
    query = select(Root.path, Photo.path, Photo.size, Photo.mtime_ns, Photo.content_hash)
    query = query.join(Root, Root.id == Photo.root_id).order_by(Photo.id)
    if root_ids is not None:
        query = query.where(Photo.root_id.in_(root_ids))
    with database.read() as session:  # over before the photos are read, which may take hours
        rows = session.execute(query).all()
    for root, path, size, mtime_ns, content_hash in rows:
        full_path = os.path.join(root, path)
        if _content_hash(full_path, size, mtime_ns) not in (None, content_hash):
            yield show_path(full_path)


def _content_hash(path: bytes, size: int, mtime_ns: int) -> str | None:
    """The SHA-256 of a file that has this size and time, before and after it is read, else None."""
    if is_remote(path):
        return _remote_hash(path, size, mtime_ns)
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode) or _stamp(before) != (size, mtime_ns):
                return None
            digest = file_digest(file, "sha256").hexdigest()
            return digest if _stamp(os.fstat(file.fileno())) == (size, mtime_ns) else None
    except OSError:
        return None


def _remote_hash(path: bytes, size: int, mtime_ns: int) -> str | None:
    """The same of a file in S3; one that cannot be read now is left to indexing, too."""
    try:
        found = look_at(path)
        if found is None or (found.size, modified_ns(found)) != (size, mtime_ns):
            return None
        with open_object(path, found) as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for somebody to write, should it be a pipe by now."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _stamp(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns
