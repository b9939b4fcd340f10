"""What a search loads: each of these libraries would make a fresh process wait for seconds."""

import json
import os
import subprocess
import sys

import pytest

from captioner.machine import cores
from catalog.home import Home
from tests.cli.command_process import REPOSITORY, usual_environment

UNNEEDED = {
    "torch", "torchvision", "sentence_transformers", "transformers", "tokenizers", "sklearn",
    "scipy", "sympy", "alembic", "PIL", "pillow_heif",
}  # fmt: skip

# Each a part of the second that a search takes from nothing.
PARTS_WITHOUT_USE = {
    "sqlalchemy.dialects.postgresql", "filelock", "catalog.vectors.milvus_index",
    "catalog.vectors.pgvector_index", "catalog.facets", "catalog.thumbnails", "search.status",
}  # fmt: skip


@pytest.fixture(scope="module")
def searching(indexed_home: Home) -> subprocess.CompletedProcess[str]:
    """A search as a process of its own that says on stderr what it imports."""
    options = ["--home", str(indexed_home.path), "--json"]
    return subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tellshow", "search", "a cat", *options],
        cwd=REPOSITORY, env=usual_environment(),
        capture_output=True, text=True, check=True,
    )  # fmt: skip


def test_a_search_finds_photos_without_libraries_that_load_for_seconds(
    searching: subprocess.CompletedProcess[str],
) -> None:
    assert json.loads(searching.stdout)["results"]
    loaded = {line.rpartition("|")[2].strip() for line in searching.stderr.splitlines()}
    assert {"onnxruntime", "search.engine"} <= loaded
    assert {name.partition(".")[0] for name in loaded} & UNNEEDED == set()
    assert loaded & PARTS_WITHOUT_USE == set()


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads are counted by Linux")
@pytest.mark.skipif(cores() < 2, reason="there is one thread anyhow")
@pytest.mark.parametrize(("asked", "expected"), [(None, 1), ("2", 2)])
def test_numpy_computes_in_one_thread_unless_the_environment_says_more(
    asked: str | None, expected: int
) -> None:
    program = (
        "import os, tellshow; tellshow.use_one_thread_of_blas(); import numpy;"
        "print(len(os.listdir('/proc/self/task')))"
    )
    environment = usual_environment()
    environment.pop("OPENBLAS_NUM_THREADS", None)
    if asked:
        environment["OPENBLAS_NUM_THREADS"] = asked
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) == expected
