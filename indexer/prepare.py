"""All that can be done for one file before the model: read, hash, decode, metadata, thumbnail.

Runs in several threads at once, ahead of the model; decoding itself happens in other processes.
Writes thumbnails and nothing else; knows nothing of captions.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Collection
from dataclasses import dataclass, replace

import torch

from captioner.image_file import UnreadablePhoto, check_size, squeeze
from catalog.home import Home
from catalog.records import FileStamp, Metadata
from indexer.decode_pool import Decoders
from indexer.plan import Task
from indexer.thumbnails import is_there, write_thumbnail


@dataclass(frozen=True)
class Prepared:
    """A photo ready for the model; the task's file is as it was when it was read."""

    task: Task
    content_hash: str
    metadata: Metadata
    pixels: torch.Tensor  # uint8 [3,S,S]


@dataclass(frozen=True)
class SameBytes:
    """A file whose bytes are in the catalog, or were met before in this run."""

    task: Task
    content_hash: str


@dataclass(frozen=True)
class Failed:
    """A file that is left out; `lasting` until it changes, else only this time."""

    task: Task
    reason: str
    lasting: bool


Outcome = Prepared | SameBytes | Failed


class FileChanging(OSError):
    """A file is being written to."""


class Preparer:
    """Prepares the files of one run, and sees to it that no bytes are decoded twice in it."""

    def __init__(self, home: Home, decoders: Decoders, size: int = 224) -> None:
        self._home = home
        self._decoders = decoders
        self._size = size
        self._known: Collection[bytes] = ()
        self._lock = threading.Lock()
        self._met: set[str] = set()
        self.unreadable: dict[str, str] = {}  # content hash -> reason

    def prepare(self, task: Task) -> Outcome:
        """Do all that comes before the model.

        Raises OSError only where nothing can be written.
        """
        try:
            data, file = _read(task)
        except UnreadablePhoto as error:
            return Failed(task, str(error), lasting=True)
        except OSError as error:
            return Failed(task, f"The file cannot be read: {_reason(error)}.", lasting=False)
        task = replace(task, file=file)
        content_hash = hashlib.sha256(data).hexdigest()
        if not self._is_first(content_hash):
            return SameBytes(task, content_hash)
        if bytes.fromhex(content_hash) in self._known:
            self._mend(content_hash, data)
            return SameBytes(task, content_hash)
        return self._decode(task, content_hash, data)

    def begin(self, known: Collection[bytes]) -> None:
        """Go through files from here on, none of whose bytes were met before.

        `known`: the SHA-256s of the bytes that need no model; asking the database for each file
        would cost more than reading it.
        """
        self._known = known
        self._met = set()

    def interrupt(self) -> None:
        """Let nobody wait for a file that is being decoded."""
        self._decoders.interrupt()

    def _is_first(self, content_hash: str) -> bool:
        with self._lock:
            first = content_hash not in self._met
            self._met.add(content_hash)
        return first

    def _mend(self, content_hash: str, data: bytes) -> None:
        """Make the thumbnail of a known photo anew where it was lost."""
        if not is_there(self._home.thumbnail(content_hash)):
            with contextlib.suppress(UnreadablePhoto):
                self._write_thumbnail(self._decoders.decode(data).thumbnail, content_hash)

    def _decode(self, task: Task, content_hash: str, data: bytes) -> Outcome:
        try:
            decoded = self._decoders.decode(data)
        except UnreadablePhoto as error:
            self.unreadable[content_hash] = str(error)
            return Failed(task, str(error), lasting=True)
        self._write_thumbnail(decoded.thumbnail, content_hash)
        pixels = squeeze(decoded.pixels, self._size)
        return Prepared(task, content_hash, decoded.metadata, pixels)

    def _write_thumbnail(self, thumbnail: bytes, content_hash: str) -> None:
        target = self._home.thumbnail(content_hash)
        if not is_there(target):
            write_thumbnail(thumbnail, target, self._home.thumbnails)


def _read(task: Task, attempts: int = 2) -> tuple[bytes, FileStamp]:
    """The bytes of a file and its stamp, of the same moment. Raises OSError, UnreadablePhoto."""
    for _ in range(attempts):
        with open(task.full_path, "rb") as file:
            before = os.fstat(file.fileno())
            check_size(before.st_size)
            data = file.read(before.st_size + 1)
            after = os.fstat(file.fileno())
        if before.st_mtime_ns == after.st_mtime_ns and len(data) == after.st_size:
            return data, FileStamp(task.file.path, after.st_size, after.st_mtime_ns)
    raise FileChanging("it is being written to")


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "it is no longer there"
    return error.strerror or str(error)
