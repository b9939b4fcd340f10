"""Preprocessing of one file before the model: read, hash, decode, metadata, thumbnail.

Runs in several threads at once, ahead of the model; decoding itself happens in other processes.
Writes thumbnails and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from captioner.image_file import UnreadablePhoto, check_size
from catalog.home import Home
from catalog.records import FileStamp, Metadata, Origin
from catalog.remote_folders import is_remote, read_object
from catalog.thumbnails import thumbnails_of
from indexer.decode_pool import DecoderKilled, Decoders
from indexer.decode_worker import decode_tags
from indexer.metadata import Tags, find_origin
from indexer.plan import Task
from indexer.remote_walk import stamp_of


@dataclass(frozen=True)
class Prepared:
    """A photo ready for the model; the stamp of the task's file is of when it was read."""

    task: Task
    content_hash: str
    metadata: Metadata
    pixels: NDArray[np.uint8]  # [3,S,S]


@dataclass(frozen=True)
class SameBytes:
    """A file whose bytes are in the catalog already, or came before in this run.

    `origin` is its own: another name may say another date.
    """

    task: Task
    content_hash: str
    origin: Origin


@dataclass(frozen=True)
class Failed:
    """A file that is skipped: until it changes where `lasting`, else only in this run."""

    task: Task
    reason: str
    lasting: bool


Outcome = Prepared | SameBytes | Failed


DECAYED = (
    "Its bytes changed although its size and time did not: bring it back from a backup, or, if it "
    "is right, give it a new time with touch."
)


class FileChanging(OSError):
    """A file is being written to while it is read."""


class Preparer:
    """Preprocesses the files of one run, and decodes no bytes twice in it.

    `size`: side of the square that the model sees, in pixels.
    """

    def __init__(self, home: Home, decoders: Decoders, size: int = 224) -> None:
        self._thumbnails = thumbnails_of(home)
        self._decoders = decoders
        self._size = size
        self._known: Collection[bytes] = ()
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self.unreadable: dict[str, str] = {}  # content hash -> reason

    def prepare(self, task: Task) -> Outcome:
        """Read and decode a file, and write its thumbnail.

        Raises OSError where the thumbnail cannot be written, DecodingInterrupted and NoDecoder.
        """
        try:
            data, file = _read(task)
        except UnreadablePhoto as error:
            return Failed(task, str(error), lasting=True)
        except OSError as error:
            return Failed(task, f"The file cannot be read: {_reason(error)}.", lasting=False)
        task = replace(task, file=file)
        content_hash = hashlib.sha256(data).hexdigest()
        if _has_decayed(task, content_hash):
            return Failed(task, DECAYED, lasting=False)
        if not self._is_first(content_hash):
            return SameBytes(task, content_hash, self._origin(task, data))
        if bytes.fromhex(content_hash) in self._known:
            self._restore_thumbnail(content_hash, data)
            return SameBytes(task, content_hash, self._origin(task, data))
        return self._decode(task, content_hash, data)

    def start_pass(self, known: Collection[bytes]) -> None:
        """Start a pass over files, with nothing seen so far.

        `known`: the SHA-256s of the bytes that need no model; asking the database for each file
        would cost more than reading it.
        """
        self._known = known
        self._seen = set()

    def interrupt(self) -> None:
        """End every wait for a file that is being decoded."""
        self._decoders.interrupt()

    def _is_first(self, content_hash: str) -> bool:
        with self._lock:
            first = content_hash not in self._seen
            self._seen.add(content_hash)
        return first

    def _origin(self, task: Task, data: bytes) -> Origin:
        try:
            tags = self._decoders.decode(data, decode_tags)
        except (UnreadablePhoto, DecoderKilled):
            tags = Tags()
        return find_origin(tags, task.full_path, task.file.mtime_ns)

    def _restore_thumbnail(self, content_hash: str, data: bytes) -> None:
        """Make the thumbnail of a known photo again where it is missing."""
        if not self._thumbnails.has(content_hash):
            with contextlib.suppress(UnreadablePhoto, DecoderKilled):
                decoded = self._decoders.decode_photo(data, self._size)
                self._thumbnails.add(content_hash, decoded.thumbnail)

    def _decode(self, task: Task, content_hash: str, data: bytes) -> Outcome:
        try:
            decoded = self._decoders.decode_photo(data, self._size)
        except UnreadablePhoto as error:
            self.unreadable[content_hash] = str(error)
            return Failed(task, str(error), lasting=True)
        except DecoderKilled as error:
            return Failed(task, str(error), lasting=False)
        self._thumbnails.add(content_hash, decoded.thumbnail)
        origin = find_origin(decoded.tags, task.full_path, task.file.mtime_ns)
        metadata = replace(decoded.metadata, **vars(origin))
        return Prepared(task, content_hash, metadata, decoded.pixels)


def _has_decayed(task: Task, content_hash: str) -> bool:
    """Whether a known file has other bytes than it had, and nobody wrote any."""
    known, file = task.known, task.file
    if known is None or known.content_hash == content_hash:
        return False
    if is_remote(task.root) and known.sidecars != file.sidecars:  # somebody wrote others
        return False
    return (known.size, known.mtime_ns) == (file.size, file.mtime_ns)


def _read(task: Task, attempts: int = 2) -> tuple[bytes, FileStamp]:
    """The bytes of a file and its stamp, of the same moment. Raises OSError, UnreadablePhoto."""
    if is_remote(task.root):
        return _read_remote(task)
    for _ in range(attempts):
        with open(task.full_path, "rb") as file:
            before = os.fstat(file.fileno())
            check_size(before.st_size)
            data = file.read(before.st_size + 1)
            after = os.fstat(file.fileno())
        if before.st_mtime_ns == after.st_mtime_ns and len(data) == after.st_size:
            # That of the sidecars is of before: one that changes meanwhile is read by the next run.
            return data, replace(task.file, size=after.st_size, mtime_ns=after.st_mtime_ns)
    raise FileChanging("it is being written to")


def _read_remote(task: Task) -> tuple[bytes, FileStamp]:
    check_size(task.file.size)
    found = read_object(task.full_path)
    if found is None:
        raise FileNotFoundError(task.full_path)
    check_size(found.info.size)
    return found.content, stamp_of(task.file.path, found.info)


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "it is no longer there"
    return error.strerror or str(error).rstrip(".")
