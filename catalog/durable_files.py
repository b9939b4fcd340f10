"""Files that survive a power cut: flushed, and under their name whole or not at all."""

from __future__ import annotations

import errno
import functools
import hashlib
import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

FULL = (errno.ENOSPC, errno.EDQUOT)
_LITTLE = 1 << 20  # bytes; with less than this left nothing of a catalog can be written
_READING = threading.Lock()


def sync(path: Path) -> None:
    """Flush a file's bytes, or a folder's list of names, so that they survive a power cut.

    Raises OSError.
    """
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open a folder, and needs no flush of one.
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_durably(path: Path, content: bytes, *, shared: bool = False) -> None:
    """Put a small file in place, whole or not at all, by way of `path`'s name and `.*.tmp`.

    `shared`: who else may read it is as with other new files. Raises OSError.
    """
    with replacing(path, shared=shared) as file:
        file.write(content)


@contextmanager
def replacing(path: Path, *, shared: bool = False) -> Iterator[BinaryIO]:
    """A file to be written that takes the place of the one at `path` at the end; see write_durably.

    Where anything is raised meanwhile, all is as it was. Raises OSError.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".tmp")
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        if shared:
            partial.chmod(0o666 & ~_umask())
        sync(partial)
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
    sync(path.parent)


def _umask() -> int:
    """The permissions that new files lack, which can only be read by setting them."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal; read piece by piece. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked_sha256(path: Path) -> str:
    """The same; read once a process, unless the file changes.

    Who asks while another thread reads it waits for that. Raises OSError, also for what is no file.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{path} is no file")
    stamp = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    with _READING:
        return _sha256(path, stamp)


@functools.lru_cache
def _sha256(path: Path, stamp: tuple[int, ...]) -> str:
    return sha256_of(path)


def is_full(folder: Path) -> bool:
    """Whether the disk of a folder has no room left, or its owner none of a quota."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1 << 16))
            file.flush()
        return shutil.disk_usage(folder).free < _LITTLE
    except OSError as error:
        return error.errno in FULL
