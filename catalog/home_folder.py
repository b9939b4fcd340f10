"""Where the home lies, told without the database: for what is to be loaded before anything else."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def home_folder(path: Path | None = None) -> Path:
    """The folder at `path`, else $TELLSHOW_HOME, else the platform's user data folder."""
    return (path or _default_folder()).expanduser().absolute()


def _default_folder() -> Path:
    named = os.environ.get("TELLSHOW_HOME")
    return Path(named) if named else Path(platformdirs.user_data_dir("tellshow", appauthor=False))
