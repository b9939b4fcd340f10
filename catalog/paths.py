"""Paths as people read them; everywhere else they are the bytes that the file system gave."""

from __future__ import annotations

import os


def show_path(path: bytes) -> str:
    """A path as text; bytes that are no text become question marks."""
    return os.fsdecode(path).encode("utf-8", "replace").decode()
