"""The captioner checkpoints that a home keeps, by SHA-256: those that described its photos."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from catalog.home import Home, sync


@dataclass(frozen=True)
class KeptCheckpoints:
    """Files named by their SHA-256.

    Those that came with a release are told from those that a person chose: the former give way to
    the next release's.
    """

    home: Home

    def path(self, sha256: str) -> Path | None:
        """The file of a checkpoint, None where it is not kept."""
        files = (self._chosen(sha256), self._shipped(sha256))
        return next((path for path in files if path.is_file()), None)

    def is_chosen(self, sha256: str) -> bool:
        """Whether a person chose this checkpoint."""
        return self._chosen(sha256).is_file()

    def keep_chosen(self, file: Path, sha256: str) -> None:
        """Keep a copy of a file that a person chose, who may write over it. Raises OSError."""
        _place(file, self._chosen(sha256), link=False)

    def keep_shipped(self, file: Path, sha256: str) -> None:
        """Keep a release's own file beyond that release, by a hard link where possible.

        Raises OSError.
        """
        _place(file, self._shipped(sha256), link=True)

    def drop(self, sha256: str) -> None:
        """Remove a checkpoint. Raises OSError."""
        self._chosen(sha256).unlink(missing_ok=True)
        self._shipped(sha256).unlink(missing_ok=True)

    def _chosen(self, sha256: str) -> Path:
        return self.home.models / f"{sha256}.safetensors"

    def _shipped(self, sha256: str) -> Path:
        return self.home.models / f"shipped-{sha256}.safetensors"


def _place(file: Path, kept: Path, *, link: bool) -> None:
    """Put a copy or a link there, whole or not at all, also after a power cut."""
    if kept.is_file() and kept.stat().st_size == file.stat().st_size:
        return
    partial = kept.with_suffix(".tmp")
    partial.unlink(missing_ok=True)
    if not (link and _linked(file, partial)):
        shutil.copyfile(file, partial)
        sync(partial)
    partial.replace(kept)
    sync(kept.parent)


def _linked(file: Path, other: Path) -> bool:
    try:
        os.link(file, other)
    except OSError:  # another disk, or a file system without links
        return False
    return True
