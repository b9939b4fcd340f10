"""Folders of photos in S3, as paths: s3://bucket/prefix is s3:/bucket/prefix, as pathlib writes it.

Such a path is not absolute, so that it is none of a file system that this program indexes. Endpoint
and keys are those of object_store.py. Everything that asks raises StoreUnavailable.
"""

from __future__ import annotations

import functools
import io
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from catalog.object_store import ObjectInfo, ObjectStore, StoredObject, StoreUnavailable, open_store

_START = "s3:/"
_ASKED_AGAIN = 30.0  # seconds, after which a folder is looked at again that pages show
_PIECE = 4 << 20  # bytes that are read ahead of a photo that is sent
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def is_remote(path: bytes | Path) -> bool:
    """Whether a path is one of S3."""
    return os.fsdecode(path).startswith(_START)


def as_url(path: bytes | Path) -> bytes:
    """A path of S3 as people write it, with two slashes."""
    return b"s3://" + os.fsencode(path)[len(_START) :]


def modified_ns(found: ObjectInfo) -> int:
    """When an object was written, in nanoseconds since 1970."""
    return (found.modified - _EPOCH) // _MICROSECOND * 1000


def has_objects(folder: bytes | Path) -> bool:
    """Whether there is anything in a folder."""
    store, key = _place(folder)
    return next(store.list(key), None) is not None


def is_there(folder: bytes | Path) -> bool | None:
    """`has_objects` as of half a minute ago at most; None where its store does not answer."""
    return _is_there(os.fsdecode(folder), int(time.monotonic() / _ASKED_AGAIN))


def list_objects(folder: bytes | Path) -> Iterator[tuple[bytes, ObjectInfo]]:
    """The objects below a folder, with their paths relative to it."""
    store, key = _place(folder)
    for found in store.list(key):
        yield os.fsencode(found.key[len(key) :].lstrip("/")), found


def look_at(path: bytes | Path) -> ObjectInfo | None:
    """A file without its bytes; None where there is none."""
    store, key = _place(path)
    return store.head(key)


def read_object(path: bytes | Path) -> StoredObject | None:
    """A file with its bytes; None where there is none."""
    store, key = _place(path)
    return store.get(key)


def open_object(path: bytes | Path, found: ObjectInfo) -> io.BufferedReader:
    """A file to read from anywhere in, as it was when it was looked at.

    What reads it raises OSError where it was replaced or removed meanwhile.
    """
    store, _ = _place(path)
    return io.BufferedReader(_ObjectFile(store, found), _PIECE)


class _ObjectFile(io.RawIOBase):
    """An object as a file, whose pieces are asked for one by one."""

    def __init__(self, store: ObjectStore, found: ObjectInfo) -> None:
        self._store, self._found, self._at = store, found, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._found.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, room: memoryview) -> int:  # type: ignore[override]
        wanted = min(len(room), self._found.size - self._at)
        if wanted <= 0:
            return 0
        piece = self._store.read_range(self._found, self._at, wanted)
        room[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def _place(path: bytes | Path) -> tuple[ObjectStore, str]:
    """The bucket of a path, and the key in it; raises UnknownStore where it names no bucket."""
    bucket, _, key = os.fsdecode(path)[len(_START) :].lstrip("/").partition("/")
    return open_store(f"s3://{bucket}"), key


@functools.lru_cache(maxsize=256)
def _is_there(folder: str, moment: int) -> bool | None:
    try:
        return has_objects(Path(folder))
    except StoreUnavailable:
        return None
