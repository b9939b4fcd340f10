"""Real proxies, nginx and Caddy, with the lines that the documentation has for them."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from tests.project.source_tree import ROOT

PATIENCE = 60  # seconds
NGINX = """
{user}
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
    server {{
        listen 127.0.0.1:{port};
        {location}
    }}
}}
"""
CADDY = """
{{
    admin off
    auto_https off
}}
http://127.0.0.1:{port} {{
    {location}
}}
"""


def documented(language: str, page: str = "deployment.md", place: int = 0) -> str:
    """The lines of the documentation that set up a proxy, in the first block of their language."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = re.findall(rf"```{language}\n(.*?)```", text, re.S)
    return str(found[place])


def missing(program: str) -> NoReturn:
    reason = f"{program} is not installed"
    if os.environ.get("TELLSHOW_REQUIRE_PROXY") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def proxy(kind: str, location: str, folder: Path, http: str = "") -> Iterator[str]:
    """The URL of a proxy with these lines in the place of its site, stopped at the end.

    `http`: lines for nginx beside the site.
    """
    program = shutil.which(kind, path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        missing(kind)
    port, file = free_port(), folder / kind
    layout = NGINX if kind == "nginx" else CADDY
    user = "user root;" if os.geteuid() == 0 else ""  # whose the folder is
    file.write_text(
        layout.format(folder=folder, port=port, location=location, user=user, http=http)
    )
    command = {
        "nginx": [program, "-c", str(file), "-e", str(folder / "error.log")],
        "caddy": [program, "run", "--adapter", "caddyfile", "--config", str(file)],
    }[kind]
    environment = {**os.environ, "HOME": str(folder)}  # where Caddy keeps what it knows
    with (folder / "out.log").open("wb") as out:
        started = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        wait_for(port, started, folder / "out.log")
        yield f"http://127.0.0.1:{port}/"
    finally:
        started.terminate()
        started.wait(PATIENCE)


def wait_for(port: int, started: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert started.poll() is None, log.read_text()
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    pytest.fail(f"it does not listen: {log.read_text()}")
