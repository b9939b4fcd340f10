"""The captioner checkpoints that a home keeps, by SHA-256: those that described its photos.

With a shared store a checkpoint lies there, too, and comes into the home when it is first asked
for: what reads one reads a file.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.durable_files import checked_sha256, sync
from catalog.home import Home
from catalog.object_store import ObjectStore, open_store
from catalog.own_files import list_files, remove_own

_FOLDER = "models"
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

        A checkpoint is as it was where its bytes have the SHA-256 that it is named by. Raises
        StoreUnavailable where it is not in the home, and the shared store does not answer.
        """
        files = self._own(sha256)
        found = next((path for path in files if is_sound(path, sha256)), None)
        if found is not None or self._store is None or self.home.read_only:
            return found
        return next((path for path in files if self._fetch(self._store, path, sha256)), None)

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

    def mend_store(self, *, mend: bool) -> list[tuple[str, bool]]:
        """Damaged checkpoints of the shared store, as people read them, and whether each is mended.

        With `mend` the home's own copy takes their place, if it has a sound one. Reads all of
        them; raises StoreUnavailable.
        """
        store = self._store
        return [] if store is None else list(self._mend_store(store, mend))

    def is_chosen(self, sha256: str) -> bool:
        """Whether a person chose this checkpoint. Raises StoreUnavailable."""
        return self._is_there(self._chosen(sha256))

    def is_kept(self, sha256: str) -> bool:
        """Whether there is a file of this checkpoint, sound or not. Raises StoreUnavailable."""
        return self.is_chosen(sha256) or self._is_there(self._shipped(sha256))

    def keep_chosen(self, file: Path, sha256: str) -> None:
        """Keep a copy of a file that a person chose, who may write over it. Raises OSError."""
        self._keep(file, self._chosen(sha256), sha256)

    def keep_shipped(self, file: Path, sha256: str) -> None:
        """Keep a copy of a release's own file beyond that release. Raises OSError."""
        self._keep(file, self._shipped(sha256), sha256)

    def drop(self, sha256: str) -> None:
        """Remove a checkpoint. Raises OSError."""
        files = self._own(sha256)
        remove_own(self.home.path, files)
        if self._store is not None:
            self._store.delete(map(_key, files))

    @property
    def _store(self) -> ObjectStore | None:
        return None if self.home.store_url is None else open_store(self.home.store_url)

    def _is_there(self, kept: Path) -> bool:
        if kept.is_file():
            return True
        return self._store is not None and self._store.head(_key(kept)) is not None

    def _keep(self, file: Path, kept: Path, sha256: str) -> None:
        _place(file, kept, sha256)
        if self._store is None or self._store.put_new(_key(kept), kept):
            return
        there = self._store.head(_key(kept))
        if there is not None and there.size != kept.stat().st_size:
            self._store.replace(there, kept)

    def _mend_store(self, store: ObjectStore, mend: bool) -> Iterator[tuple[str, bool]]:
        for found in store.list(_FOLDER):
            kept = self.home.models / Path(found.key).name
            sha256 = sha256_in_name(kept)
            with tempfile.TemporaryDirectory(prefix="tellshow-") as folder:
                copy = Path(folder) / kept.name
                is_whole = store.download(found.key, copy) and is_sound(copy, sha256 or "")
            if sha256 is not None and not is_whole:
                sound = next((each for each in self._own(sha256) if is_sound(each, sha256)), None)
                yield (
                    store.shown(found.key),
                    bool(mend and sound is not None and store.replace(found, sound)),
                )

    def _own(self, sha256: str) -> tuple[Path, Path]:
        return self._chosen(sha256), self._shipped(sha256)

    def _fetch(self, store: ObjectStore, kept: Path, sha256: str) -> bool:
        """Bring a checkpoint from the store into the home; whether it is sound."""
        with tempfile.TemporaryDirectory(dir=self.home.path, prefix=".fetch.") as folder:
            file = Path(folder) / kept.name
            if not store.download(_key(kept), file) or not is_sound(file, sha256):
                return False
            _place(file, kept, sha256)
        return True

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


def _key(kept: Path) -> str:
    return f"{_FOLDER}/{kept.name}"


def _names_one(file: Path) -> bool:
    return sha256_in_name(file) is not None


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
