"""The folders to index: made absolute, and checked against the disk and the catalog."""

from __future__ import annotations

import os
from collections.abc import Container, Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from catalog.object_store import StoreUnavailable
from catalog.paths import show_path
from catalog.remote_folders import has_objects, is_remote
from catalog.roots import known_roots


class FolderNotFound(FileNotFoundError):
    """A folder that is neither on disk nor in the catalog."""


class NotAFolder(NotADirectoryError):
    """A path of a file, where a folder is needed."""


def resolve_folders(folders: Sequence[Path]) -> list[Path]:
    """Absolute folders, each once, without those that lie in another one given.

    Those in S3 stay as they are, see remote_folders.py. Raises NotAFolder for a path of something
    else.
    """
    found = sorted({each if is_remote(each) else each.expanduser().resolve() for each in folders})
    for folder in found:
        if folder.exists() and not folder.is_dir():
            raise NotAFolder(f"{show_path(os.fsencode(folder))} is not a folder.")
    return [folder for folder in found if not set(folder.parents) & set(found)]


def split_offline(session: Session, folders: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return the folders that are there, and those that were indexed before but are away.

    Raises FolderNotFound for one that is neither, StoreUnavailable for a new one in a store that
    does not answer.
    """
    return split_by_presence(folders, known_roots(session))


def split_by_presence(
    folders: Sequence[Path], known: Container[bytes]
) -> tuple[list[Path], list[Path]]:
    """As split_offline, given the absolute paths of the folders that were indexed before.

    Raises FolderNotFound.
    """
    online = [folder for folder in folders if _is_there(folder, known)]
    offline = [folder for folder in folders if folder not in online]
    for folder in offline:
        if os.fsencode(folder) not in known:
            raise FolderNotFound(f"There is no folder {show_path(os.fsencode(folder))}.")
    return online, offline


def _is_there(folder: Path, known: Container[bytes]) -> bool:
    if not is_remote(folder):
        return folder.is_dir()
    try:
        return has_objects(folder)
    except StoreUnavailable:
        if os.fsencode(folder) in known:
            return False
        raise
