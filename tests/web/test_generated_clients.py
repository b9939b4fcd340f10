"""Clients that others' generators make of the API's description compile and work, as documented."""

from __future__ import annotations

import importlib
import io
import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.project.source_tree import ROOT

PACKAGE = "tellshow_client"
TYPESCRIPT = ROOT / "tests" / "clients"
TOOLS = TYPESCRIPT / "node_modules"  # made by: make clients
EXAMPLE_LINE = r"[01]\.\d\d +/.+"  # a probability and a path


def example(language: str, site: str) -> str:
    """The program of docs/clients.md in a language, to ask this server."""
    text = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
    [program] = re.findall(rf"```{language}\n(.*?)```", text, re.S)
    return program.replace("http://127.0.0.1:8765", site.rstrip("/"))


def run(*command: str | Path, folder: Path) -> str:
    """What a program prints, run in a folder; fails with all that it said where it fails."""
    beside_python = str(Path(sys.executable).parent)
    path = os.pathsep.join([beside_python, os.environ["PATH"]])
    env = {**os.environ, "PATH": path, "no_proxy": "127.0.0.1"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# Python, by openapi-python-client


@pytest.fixture(scope="module")
def package(site: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The generated package; whatever its generator would leave out makes it fail."""
    folder = tmp_path_factory.mktemp("python-client")
    run(
        *(sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"),
        *("--url", f"{site}openapi.json", "--meta", "none", "--output-path", PACKAGE),
        folder=folder,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield importlib.import_module(PACKAGE)
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture
def connection(package: ModuleType, site: str) -> Iterator[Any]:
    with package.Client(base_url=site.rstrip("/"), timeout=120) as client:
        yield client


def operation(tag: str, name: str) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.api.{tag}.{name}")


def model(name: str) -> Any:
    return getattr(importlib.import_module(f"{PACKAGE}.models"), name)


def test_every_module_of_the_python_client_can_be_imported(package: ModuleType) -> None:
    names = [each.name for each in pkgutil.walk_packages(package.__path__, f"{PACKAGE}.")]
    for name in names:
        importlib.import_module(name)
    assert f"{PACKAGE}.api.words.rank" in names


def test_python_client_searches(connection: Any, client: FlaskClient) -> None:
    asked = {"q": "a cat", "k": 3, "not_": ["snow", "a boat"], "after": date(1990, 1, 1)}
    answer = operation("search", "search").sync(client=connection, rating=0, **asked)
    same = client.get("/api/v1/search?q=a+cat&k=3&not=snow&not=a+boat&after=1990-01-01&rating=0")
    assert isinstance(answer, model("SearchAnswer"))
    assert [each.path for each in answer.results] == [each["path"] for each in same.json["results"]]
    assert [each.to_dict()["words"] for each in answer.results] == [
        each["words"] for each in same.json["results"]
    ]


def test_python_client_reads_a_photo_and_its_images(connection: Any, cat: int) -> None:
    photo = operation("photos", "photo").sync(cat, client=connection)
    thumbnail = operation("photos", "thumbnail").sync(cat, client=connection)
    original = operation("photos", "original").sync(cat, client=connection)
    assert photo.path.endswith("cat.png")
    assert Image.open(thumbnail.payload).format == "JPEG"
    assert original.payload.read() == Path(photo.path).read_bytes()


@pytest.mark.parametrize("form", [True, False], ids=["form", "bytes"])
def test_python_client_searches_by_a_picture(
    connection: Any, package: ModuleType, sample_photos: Path, cat: int, form: bool
) -> None:
    types = importlib.import_module(f"{PACKAGE}.types")
    file = types.File(io.BytesIO((sample_photos / "cat.png").read_bytes()), "cat.png", "image/png")
    body = model("SearchByPictureFilesBody")(image=file) if form else file
    answer = operation("search", "search_by_picture").sync(client=connection, body=body, k=1)
    assert [each.photo_id for each in answer.results] == [cat]


def test_python_client_ranks_what_it_is_given_and_nothing_more(connection: Any, cat: int) -> None:
    rank, body = operation("words", "rank"), model("RankBody")
    given = rank.sync(cat, client=connection, body=body(sentences=["a rocket", "a cat"]))
    assert [each.sentence for each in given.sentences] == ["a cat", "a rocket"]
    assert rank.sync(cat, client=connection, body=body()).candidates > 2


def test_python_example_of_the_document_works(package: ModuleType, site: str) -> None:
    (folder,) = package.__path__
    lines = run(sys.executable, "-c", example("python", site), folder=Path(folder).parent)
    assert re.fullmatch(rf"({EXAMPLE_LINE}, \d+ bytes\n){{3}}", lines)


def test_error_has_its_type_in_the_python_client(connection: Any) -> None:
    answer = operation("photos", "photo").sync(987654321, client=connection)
    assert isinstance(answer, model("ErrorAnswer"))
    assert answer.error.code == "unknown_photo"


# TypeScript, by openapi-typescript and openapi-fetch


def no_typescript(reason: str) -> NoReturn:
    """Skip, or fail where node is required."""
    if os.environ.get("TELLSHOW_REQUIRE_NODE") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def node() -> str:
    """The program that runs JavaScript; without it or its packages, the test skips."""
    found = shutil.which("node")
    if found is None:
        no_typescript("there is no node on this machine")
    if not (TOOLS / "typescript").is_dir():
        no_typescript("there are no packages in tests/clients/node_modules; run: make clients")
    return found


@pytest.fixture(scope="module")
def programs(node: str, site: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the compiled clients: search_photos.js and example.js."""
    folder = tmp_path_factory.mktemp("typescript-client")
    for name in ("package.json", "tsconfig.json", "search_photos.ts", "describe_types.mjs"):
        shutil.copy(TYPESCRIPT / name, folder)
    (folder / "node_modules").symlink_to(TOOLS)
    (folder / "example.ts").write_text(example("typescript", site), encoding="utf-8")
    types = run(node, "describe_types.mjs", f"{site}openapi.json", folder=folder)
    (folder / "api.d.ts").write_text(types, encoding="utf-8")
    run(node, TOOLS / "typescript" / "bin" / "tsc", folder=folder)
    return folder


def test_typescript_example_of_the_document_works(node: str, programs: Path) -> None:
    lines = run(node, "example.js", folder=programs)
    assert re.fullmatch(rf"({EXAMPLE_LINE}\n){{3}}", lines)


def test_typescript_client_compiles_and_works(
    node: str, programs: Path, site: str, client: FlaskClient, cat: int
) -> None:
    told = json.loads(run(node, "search_photos.js", site.rstrip("/"), folder=programs))
    found = client.get("/api/v1/search?q=a+cat&k=2&not=snow&not=a+boat&after=1990-01-01").json
    thumbnail = client.get(f"/api/v1/photos/{cat}/thumbnail").data
    assert told == {
        "paths": [each["path"] for each in found["results"]],
        "best": cat,
        "nearness": "left out",
        "path": client.get(f"/api/v1/photos/{cat}").json["path"],
        "ranked": ["a cat", "a rocket"],
        "thumbnail": {"type": "image/jpeg", "size": len(thumbnail)},
        "likeForm": cat,
        "likeBytes": cat,
        "refused": "invalid_query",
    }
