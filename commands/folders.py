"""The folders that a command is given: what cannot be one is refused before anything is loaded.

Knows nothing of the photos in them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from commands.errors import Failed

if TYPE_CHECKING:
    from catalog.session import Database


def refuse_files(folders: tuple[Path, ...]) -> None:
    """A photo named instead of its folder."""
    for folder in folders:
        if folder.is_file():
            raise Failed(f"{folder} is a file; give the folder that holds it")


def refuse_unknown(database: Database, folders: tuple[Path, ...]) -> None:
    """A folder that never was, before the model is loaded, which takes seconds."""
    from indexer.folders import resolve_folders, split_offline

    with database.read() as session:
        split_offline(session, resolve_folders(folders))
