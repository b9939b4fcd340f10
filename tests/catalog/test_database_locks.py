"""A database that is open stays locked, whatever else this process looks at."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from catalog.database import open_database
from catalog.home import open_home
from catalog.home_adoption import is_of_another_program

pytest.importorskip("fcntl", reason="only POSIX locks are lost when a file is closed")

# SQLite's shared lock, which a process that ends its last connection tries to take for itself
# before it removes the log.
_TAKE = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)
    except OSError:
        print("held")
    else:
        print("free")
"""


def _lock_of(file: Path) -> str:
    asked = [sys.executable, "-c", _TAKE, str(file)]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def test_looking_at_an_open_database_leaves_its_lock(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    with closing(open_database(home)) as database:
        assert home.database_file is not None
        with database.read() as session:
            session.execute(text("SELECT count(*) FROM photo")).all()
            assert _lock_of(home.database_file) == "held"
            assert not is_of_another_program(home.database_file)
            assert _lock_of(home.database_file) == "held"
            with closing(open_database(open_home(home.path))):
                assert _lock_of(home.database_file) == "held"
            assert _lock_of(home.database_file) == "held"
