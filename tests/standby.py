"""A hot standby of a test's PostgreSQL server: a copy of it that follows and can only be read."""

from __future__ import annotations

import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from sqlalchemy import URL

from tests.postgresql import Server


def _programs(server: Server) -> tuple[Path, str | None]:
    """Where PostgreSQL's own programs lie, and the user who may run them."""
    started: Any = server._server
    return Path(started.bin_path), started.system_user


@contextmanager
def following(server: Server) -> Iterator[URL]:
    """The URL of a standby of the server's first database, ended at the end."""
    programs, user = _programs(server)
    with tempfile.TemporaryDirectory(prefix="standby-", ignore_cleanup_errors=True) as name:
        top, data = Path(name), Path(name) / "data"
        top.chmod(0o755)
        data.mkdir(0o700)
        if user is not None:
            for folder in (top, data):
                shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)

        def run(program: str, *arguments: str) -> None:
            command = [str(programs / program), *arguments]
            with (top / "log").open("ab") as log:
                subprocess.run(
                    command, user=user, check=True, stdout=log, stderr=log, timeout=120, cwd="/"
                )

        host = server.url.query.get("host") or parse_qs(str(server.url)).get("host")
        run("pg_basebackup", "-D", str(data), "-h", str(host), "-U", "postgres", "-R", "-X",
            "stream", "-c", "fast")  # fmt: skip
        options = f'-h "" -k {top} -c hot_standby=on -c fsync=off'
        run("pg_ctl", "-D", str(data), "-w", "-o", options, "-l", str(top / "server.log"), "start")
        try:
            yield server.url.update_query_dict({"host": str(top)})
        finally:
            run("pg_ctl", "-D", str(data), "-w", "-m", "fast", "stop")
