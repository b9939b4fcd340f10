"""Which folders to index: given by a person, checked against what is there and what was.

Knows nothing of the photos in them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from catalog.paths import show_path
from catalog.roots import list_roots


class FolderNotFound(FileNotFoundError):
    """A folder that is not there, and of which nothing is known either."""


class NotAFolder(NotADirectoryError):
    """A path that leads to something else than a folder."""


def resolve_folders(folders: Sequence[Path]) -> list[Path]:
    """Absolute folders, each once, without those that lie in another one given.

    Raises NotAFolder.
    """
    found = sorted({folder.expanduser().resolve() for folder in folders})
    for folder in found:
        if folder.exists() and not folder.is_dir():
            raise NotAFolder(f"{show_path(os.fsencode(folder))} is not a folder.")
    return [folder for folder in found if not set(folder.parents) & set(found)]


def split_offline(session: Session, folders: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return the folders that are there, and those that were indexed once but are not there now.

    Raises FolderNotFound for one that is neither.
    """
    known = {root.path for root in list_roots(session)}
    online = [folder for folder in folders if folder.is_dir()]
    offline = [folder for folder in folders if folder not in online]
    for folder in offline:
        if os.fsencode(folder) not in known:
            raise FolderNotFound(f"There is no folder {show_path(os.fsencode(folder))}.")
    return online, offline
