"""Imports go down only, and siblings do not know each other."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.source_tree import (
    FLOORS,
    NEVER_IMPORTS,
    ROOT,
    imports_among,
    imports_of,
    names_imported,
    python_files,
)


@pytest.mark.parametrize("floor", FLOORS)
def test_floor_imports_only_from_floors_below(floor: str) -> None:
    assert python_files(floor)
    assert imports_among(floor, set(FLOORS) - FLOORS[floor] - {floor}) == []


@pytest.mark.parametrize("floor", NEVER_IMPORTS)
def test_floor_leaves_the_libraries_of_other_floors_alone(floor: str) -> None:
    assert imports_among(floor, NEVER_IMPORTS[floor]) == []


@pytest.mark.parametrize(("room", "other"), [("pages", "api"), ("api", "pages")])
def test_pages_and_api_share_no_more_than_what_lies_beside_both(room: str, other: str) -> None:
    files = [file for file in python_files("web") if file.parent.name == room]
    assert files
    assert [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files
        for name in names_imported(file)
        if f"{name}.".startswith(f"web.{other}.")
    ] == []


@pytest.mark.parametrize(
    "revision", sorted((ROOT / "migrations" / "versions").glob("*.py")), ids=lambda path: path.stem
)
def test_revision_imports_nothing_of_the_project_that_may_change_after_it(revision: Path) -> None:
    assert set(imports_of(revision)) & set(FLOORS) == set()


@pytest.mark.parametrize("floor", FLOORS)
def test_product_does_not_import_from_its_tests(floor: str) -> None:
    assert imports_among(floor, {"tests", "benchmarks", "pytest"}) == []


@pytest.mark.parametrize(
    ("floor", "unknown"),
    [("catalog", "torch"), ("captioner", "sqlalchemy"), ("indexer", "flask"), ("search", "flask")],
)
def test_loading_a_floor_brings_in_nothing_it_must_not_know(floor: str, unknown: str) -> None:
    """What parsing cannot see: an import that comes in by way of a third party."""
    modules = ", ".join(
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in python_files(floor)
        if file.name != "__init__.py"
    )
    program = f"import sys, {modules}; sys.exit({unknown!r} in sys.modules)"
    loading = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True
    )
    assert loading.returncode == 0, loading.stderr


@pytest.mark.parametrize(
    "module", ["catalog.records", "captioner.image_file", "indexer.decode_worker"]
)
def test_process_that_decodes_photos_loads_neither_sql_nor_torch(module: str) -> None:
    program = f"import sys, {module}; print(*{{'sqlalchemy', 'torch', 'faiss'}} & {{*sys.modules}})"
    loading = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True
    )
    assert (loading.returncode, loading.stdout.strip()) == (0, ""), loading.stderr
