"""What a tool finds that reads the description and tries everything it allows and forbids."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.web.live_server import running
from web import WebConfig

if TYPE_CHECKING:
    from search.engine import SearchEngine

TOKEN = "pass-word"
# What OpenAPI has no words for: two dates must be in order, and bytes must be a picture.
SETTINGS = """
[[operations]]
include-name = ["GET /api/v1/search", "POST /api/v1/search"]
checks.positive_data_acceptance.enabled = false
"""


def test_schemathesis_finds_nothing(
    engine: SearchEngine, sample_photos: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(SETTINGS)
    # Runs start and stop, and index nothing.
    waits = (sys.executable, "-c", "import time; time.sleep(600)")
    config = WebConfig(token=TOKEN, rate_limit=0, indexable=(sample_photos,), index_command=waits)
    with running(engine, config) as url:
        done = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                *("--config-file", settings, "--no-color", "run", f"{url}openapi.json"),
                *("--header", f"Authorization: Bearer {TOKEN}"),
                *("--seed", "0", "--max-examples", "10", "--generation-database", "none"),
                *("--request-timeout", "120", "--suppress-health-check", "all"),
                # A stream goes on for a minute, whoever asks; test_collection.py reads one.
                *("--exclude-path", "/api/v1/events"),
                # What people keep is tried by test_albums.py: twice as many addresses take twice as
                # long here.
                *("--exclude-path-regex", "^/api/v1/(albums|favourites|shares|searches|zip)"),
                "--continue-on-failure",
            ],
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path), "HTTP_PROXY": "", "http_proxy": ""},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested: 23" in done.stdout
