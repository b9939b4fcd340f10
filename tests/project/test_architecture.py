"""docs/architecture.md is true: floors and their imports, every file in its tree, every test."""

import re
from itertools import pairwise

import pytest

from tests.project.annotated_tree import ARCHITECTURE, trees, written
from tests.project.source_tree import FLOORS, NEVER_IMPORTS, ROOT, floors_imported

TASKS = 13


@pytest.fixture(scope="module")
def document() -> str:
    return ARCHITECTURE.read_text(encoding="utf-8")


def section(document: str, heading: str) -> str:
    """The part of the document below a heading."""
    return document.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def table(text: str) -> list[list[str]]:
    """The cells of a table's rows, without its head."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_drawn_arrows_are_exactly_the_imports_of_the_floors(document: str) -> None:
    drawn = re.findall(r"^ *(\w+) --> (\w+)$", section(document, "The floors"), re.M)
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == {(floor, below) for floor in FLOORS for below in floors_imported(floor)}


def test_drawn_arrows_are_allowed_and_lead_down(document: str) -> None:
    drawn = re.findall(r"^ *(\w+) --> (\w+)$", section(document, "The floors"), re.M)
    assert [arrow for arrow in drawn if arrow[1] not in FLOORS[arrow[0]]] == []


def test_table_names_every_floor_and_the_libraries_it_leaves_alone(document: str) -> None:
    rows = {cells[0].strip("`").removesuffix(".py").strip("/"): cells for cells in table(
        section(document, "The floors")
    )}  # fmt: skip
    assert {name: set(re.findall(r"`(\w+)`", cells[2])) for name, cells in rows.items()} == (
        NEVER_IMPORTS
    )


def test_tree_is_what_the_files_say_of_themselves(document: str) -> None:
    assert written(document) == trees(), "run: make tree"


def test_tree_has_every_file_of_the_product_and_nothing_else(document: str) -> None:
    linked = re.findall(r"\]\(\.\./([^)]+)\)", section(document, "The tree"))
    present = [
        file.relative_to(ROOT).as_posix()
        for floor in (*FLOORS, "benchmarks")
        for file in [ROOT / f"{floor}.py", *(ROOT / floor).rglob("*")]
        if file.is_file() and file.suffix in {".py", ".js", ".css"} and file.name != "__init__.py"
    ]
    assert sorted(linked) == sorted(present)


def test_every_file_and_folder_of_the_tree_says_what_it_is(document: str) -> None:
    lines = [line for line in section(document, "The tree").splitlines() if line]
    assert [
        line for line in lines if line.startswith("- ") and not re.search(r"\): \S", line)
    ] == []
    assert [first for first, second in pairwise(lines) if first[0] == second[0] == "#"] == []


def test_each_task_names_files_and_the_test_that_holds_them(document: str) -> None:
    tasks = table(section(document, "Where do I change ..."))
    assert len(tasks) == TASKS
    assert [task for task, files, _ in tasks if "](../" not in files] == []
    assert [task for task, _, tests in tasks if "](../tests/" not in tests] == []
