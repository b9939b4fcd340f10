"""The thumbnails of a home's photos, by the hashes of the photos' bytes: in its folder, or shared.

Wherever they lie, each carries a checksum of itself and of that hash, see sealed_thumbnails.py.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from catalog.home import Home
from catalog.object_store import ObjectStore, open_store
from catalog.own_files import is_own_name, list_files, remove_own
from catalog.sealed_thumbnails import (
    MOST_BYTES,
    is_sealed,
    is_whole,
    is_whole_content,
    read_thumbnail,
    seal,
)

UNFINISHED = ".tmp"
_FOLDER = "thumbnails"
_ASKED_AT_ONCE = 16  # of a store, which answers each after some milliseconds
# Of a shared store: another machine may be about to record the photo of what nothing names yet.
_SPARED = timedelta(days=1)


@dataclass(frozen=True)
class Found:
    """A thumbnail that is there; `jpeg` None where it is damaged, `modified` in seconds (POSIX)."""

    jpeg: bytes | None
    modified: float


class Thumbnails(Protocol):
    """Thumbnails by content hash. With a shared store everything raises StoreUnavailable."""

    def has(self, content_hash: str) -> bool:
        """Whether one was written; one that is empty was lost in a power cut."""

    def lookup(self) -> Callable[[str], bool]:
        """`has` for many: what it says may be as of the first question."""

    def find(self, content_hash: str) -> Found | None:
        """One with its checksum compared; None where there is none."""

    def read(self, content_hash: str) -> bytes | None:
        """A JPEG; None where it is missing or damaged."""

    def add(self, content_hash: str, jpeg: bytes) -> None:
        """Write one, with a checksum, unless there is one. Raises OSError."""

    def remove(self, hashes: Iterable[str]) -> int:
        """Remove some; how many were there. Raises OSError."""

    def damaged(self, hashes: Collection[str]) -> list[str]:
        """Those of the hashes whose thumbnail is missing or not as it was written."""

    def orphans(self, known: Collection[str], *, remove: bool) -> list[str]:
        """Where those lie that are of none of the hashes, as a run that was killed leaves them.

        Raises OSError where they are to be removed.
        """

    def remove_leftovers(self, known: Collection[str] | None) -> None:
        """Remove unfinished files, and orphans where `known` says which are none.

        Needs the writer's lock. Where no hash is known none is an orphan: the catalog may be
        another's. Raises OSError.
        """


def thumbnails_of(home: Home) -> Thumbnails:
    """The thumbnails of a home. Raises UnknownStore and StoreUnavailable."""
    if home.store_url is None:
        return FolderThumbnails(home)
    return StoredThumbnails(open_store(home.store_url))


@dataclass(frozen=True)
class FolderThumbnails:
    """Thumbnails as files of the home, in 256 folders; see Thumbnails."""

    home: Home

    def has(self, content_hash: str) -> bool:
        """See Thumbnails."""
        try:
            found = self.home.thumbnail(content_hash).stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size > 0

    def lookup(self) -> Callable[[str], bool]:
        """See Thumbnails."""
        return self.has

    def find(self, content_hash: str) -> Found | None:
        """See Thumbnails."""
        path = self.home.thumbnail(content_hash)
        if not path.is_file():
            return None
        return Found(read_thumbnail(path), path.stat().st_mtime)

    def read(self, content_hash: str) -> bytes | None:
        """See Thumbnails."""
        return read_thumbnail(self.home.thumbnail(content_hash))

    def add(self, content_hash: str, jpeg: bytes) -> None:
        """See Thumbnails; by a temporary file of the same file system.

        It is left out where a folder lies in its place, which the doctor names.
        """
        if self.has(content_hash):
            return
        handle, name = tempfile.mkstemp(dir=self.home.thumbnails, suffix=UNFINISHED)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(seal(jpeg, content_hash))
            _move(Path(name), self.home.thumbnail(content_hash))
        except BaseException as error:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
            if not isinstance(error, (IsADirectoryError, NotADirectoryError)):
                raise

    def remove(self, hashes: Iterable[str]) -> int:
        """See Thumbnails."""
        files = [self.home.thumbnail(each) for each in hashes]
        return len(remove_own(self.home.path, [file for file in files if file.is_file()]))

    def damaged(self, hashes: Collection[str]) -> list[str]:
        """See Thumbnails."""
        return [each for each in hashes if not is_whole(self.home.thumbnail(each))]

    def orphans(self, known: Collection[str], *, remove: bool) -> list[str]:
        """See Thumbnails."""
        files = list_files(self.home.path, _FOLDER).own
        left = [path for path in files if path.suffix == UNFINISHED or path.stem not in known]
        if remove:
            remove_own(self.home.path, left)
        return [str(path) for path in left]

    def remove_leftovers(self, known: Collection[str] | None) -> None:
        """See Thumbnails."""
        files = list_files(self.home.path, _FOLDER, deep=False).own
        remove_own(self.home.path, [path for path in files if path.suffix == UNFINISHED])
        if known:
            self.orphans(known, remove=True)


def _move(path: Path, target: Path) -> None:
    try:
        path.replace(target)
    except FileNotFoundError:  # the folder's first; asking each time would cost more
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)


@dataclass(frozen=True)
class StoredThumbnails:
    """Thumbnails as objects of a store, by the same names as in a folder; see Thumbnails."""

    store: ObjectStore

    def has(self, content_hash: str) -> bool:
        """See Thumbnails."""
        found = self.store.head(_key(content_hash))
        return found is not None and found.size > 0

    def lookup(self) -> Callable[[str], bool]:
        """See Thumbnails; one listing a shard, when it is first asked about."""
        shards: dict[str, set[bytes]] = {}

        def has(content_hash: str) -> bool:
            shard = content_hash[:2]
            if shard not in shards:
                shards[shard] = {bytes.fromhex(each) for each, _ in self._listed(shard)}
            return bytes.fromhex(content_hash) in shards[shard]

        return has

    def find(self, content_hash: str) -> Found | None:
        """See Thumbnails."""
        found = self.store.get(_key(content_hash), MOST_BYTES)
        if found is None:
            return None
        jpeg = found.content if is_sealed(found.content, content_hash) else None
        return Found(jpeg, found.info.modified.timestamp())

    def read(self, content_hash: str) -> bytes | None:
        """See Thumbnails."""
        found = self.find(content_hash)
        return found.jpeg if found else None

    def add(self, content_hash: str, jpeg: bytes) -> None:
        """See Thumbnails; of several that write one at once the first wins.

        One that is there and damaged gives way, unless another has replaced it meanwhile.
        """
        key, content = _key(content_hash), seal(jpeg, content_hash)
        if self.store.put_new(key, content):
            return
        found = self.store.get(key)
        if found is not None and not is_sealed(found.content, content_hash):
            self.store.replace(found.info, content)

    def remove(self, hashes: Iterable[str]) -> int:
        """See Thumbnails."""
        there = [each for each, found in self._each(self.has, list(hashes)) if found]
        self.store.delete(map(_key, there))
        return len(there)

    def damaged(self, hashes: Collection[str]) -> list[str]:
        """See Thumbnails."""
        return [each for each, found in self._each(self._is_whole, list(hashes)) if not found]

    def orphans(self, known: Collection[str], *, remove: bool) -> list[str]:
        """See Thumbnails; what is younger than a day is none."""
        before = datetime.now(UTC) - _SPARED
        left = [
            content_hash
            for content_hash, modified in self._listed()
            if content_hash not in known and modified < before
        ]
        if remove:
            self.store.delete(map(_key, left))
        return [self.store.shown(_key(each)) for each in left]

    def remove_leftovers(self, known: Collection[str] | None) -> None:
        """See Thumbnails; a store leaves nothing unfinished."""
        if known:
            self.orphans(known, remove=True)

    def _listed(self, shard: str = "") -> Iterator[tuple[str, datetime]]:
        """The hashes of those that are not empty, in a shard or in all, and when each was made."""
        for found in self.store.list(f"{_FOLDER}/{shard}".rstrip("/")):
            if found.size > 0 and is_own_name(found.key) and found.key.endswith(".jpg"):
                yield Path(found.key).stem, found.modified

    def _is_whole(self, content_hash: str) -> bool:
        found = self.store.get(_key(content_hash), MOST_BYTES)
        return found is not None and is_whole_content(found.content, content_hash)

    def _each(
        self, ask: Callable[[str], bool], hashes: Collection[str]
    ) -> Iterator[tuple[str, bool]]:
        """What is answered about each hash; several are asked about at once."""
        with ThreadPoolExecutor(_ASKED_AT_ONCE, thread_name_prefix="store") as pool:
            yield from zip(hashes, pool.map(ask, hashes), strict=True)


def _key(content_hash: str) -> str:
    return f"{_FOLDER}/{content_hash[:2]}/{content_hash}.jpg"
