"""The captioner checkpoints that a home keeps, by SHA-256: those that described its photos."""

from __future__ import annotations

import functools
import re
import shutil
import stat
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.durable_files import sha256_of, sync
from catalog.home import Home
from catalog.own_files import list_files, remove_own

_READING = threading.Lock()
_NAME = re.compile(r"(?:shipped-)?([0-9a-f]{64})\.safetensors")


@dataclass(frozen=True)
class KeptCheckpoints:
    """Files named by their SHA-256.

    Those that came with a release are told from those that a person chose: the former give way to
    the next release's.
    """

    home: Home

    def path(self, sha256: str) -> Path | None:
        """The file of a checkpoint, None where it is not kept, or not as it was.

        A checkpoint is as it was where its bytes have the SHA-256 that it is named by.
        """
        files = (self._chosen(sha256), self._shipped(sha256))
        return next((path for path in files if is_sound(path, sha256)), None)

    def files(self) -> list[Path]:
        """All checkpoints that are kept, sound or not."""
        return [path for path in list_files(self.home.path, "models").own if _names_one(path)]

    def damaged(self) -> list[Path]:
        """Kept files whose bytes are not those that they are named by."""
        return [path for path in self.files() if not is_sound(path, sha256_in_name(path) or "")]

    def mend(self, damaged: Path, spares: Sequence[Path]) -> bool:
        """Replace a damaged file by a sound copy, kept beside it or a spare; False without one.

        Raises OSError.
        """
        sha256 = sha256_in_name(damaged) or ""
        copies = [self.path(sha256), *spares]
        sound = next((copy for copy in copies if copy and is_sound(copy, sha256)), None)
        if sound is None:
            return False
        _place(sound, damaged, sha256)
        return True

    def is_chosen(self, sha256: str) -> bool:
        """Whether a person chose this checkpoint."""
        return self._chosen(sha256).is_file()

    def is_kept(self, sha256: str) -> bool:
        """Whether there is a file of this checkpoint, sound or not."""
        return self.is_chosen(sha256) or self._shipped(sha256).is_file()

    def keep_chosen(self, file: Path, sha256: str) -> None:
        """Keep a copy of a file that a person chose, who may write over it. Raises OSError."""
        _place(file, self._chosen(sha256), sha256)

    def keep_shipped(self, file: Path, sha256: str) -> None:
        """Keep a copy of a release's own file beyond that release. Raises OSError."""
        _place(file, self._shipped(sha256), sha256)

    def drop(self, sha256: str) -> None:
        """Remove a checkpoint. Raises OSError."""
        remove_own(self.home.path, (self._chosen(sha256), self._shipped(sha256)))

    def _chosen(self, sha256: str) -> Path:
        return self.home.models / f"{sha256}.safetensors"

    def _shipped(self, sha256: str) -> Path:
        return self.home.models / f"shipped-{sha256}.safetensors"


def sha256_in_name(file: Path) -> str | None:
    """The SHA-256 that a kept checkpoint is named by; None for any other name."""
    found = _NAME.fullmatch(file.name)
    return found[1] if found else None


def is_sound(file: Path, sha256: str) -> bool:
    """Whether a file is there and has this SHA-256; read once a process, unless it changes."""
    try:
        return checked_sha256(file) == sha256
    except OSError:
        return False


def checked_sha256(file: Path) -> str:
    """A file's SHA-256, of its bytes; read once a process, unless it changes.

    Who asks while another thread reads it waits for that. Raises OSError, also for what is no file.
    """
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{file} is no file")
    stamp = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    with _READING:
        return _sha256(file, stamp)


def _names_one(file: Path) -> bool:
    return sha256_in_name(file) is not None


@functools.lru_cache
def _sha256(file: Path, stamp: tuple[int, ...]) -> str:
    return sha256_of(file)


def _place(file: Path, kept: Path, sha256: str) -> None:
    """Put a copy there, whole or not at all, also after a power cut.

    A former release kept a hard link, which damage of its own file damages as well.
    """
    if is_sound(kept, sha256) and not _is_same_file(file, kept):
        return
    partial = kept.with_suffix(".tmp")
    partial.unlink(missing_ok=True)
    shutil.copyfile(file, partial)
    sync(partial)
    partial.replace(kept)
    sync(kept.parent)


def _is_same_file(file: Path, other: Path) -> bool:
    try:
        return file.samefile(other)
    except OSError:  # one of them is not there
        return False
