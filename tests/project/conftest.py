"""What the tests of the project look at: the project's configuration and its tracked files."""

import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.project.source_tree import ROOT


@pytest.fixture(scope="session")
def setup_config() -> ConfigParser:
    """setup.cfg, parsed."""
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


@pytest.fixture(scope="session")
def tracked_files() -> list[Path]:
    """Every file under version control, relative to the project's root."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: which files are tracked is unknown")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]
