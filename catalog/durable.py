"""What has to be on the disk itself, not only in the system's memory, before something else is.

Does not know what the files hold.
"""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Return when a file's bytes, or a folder's list of names, would survive a power cut."""
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open a folder, and needs no flush of one.
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
