"""Docstrings say what callers need: what a module is, and what a function raises."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.project.source_tree import FLOORS, ROOT, python_files

LONGEST_OPENING = 100  # characters
WALLS = 12  # modules that may say what they know nothing of
MODULES = [file for floor in (*FLOORS, "benchmarks") for file in python_files(floor)]

Definition = ast.FunctionDef | ast.ClassDef


def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def public_functions(node: ast.AST, within: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """Functions and methods whose names and whose classes' names are public."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition) and not child.name.startswith("_"):
            if isinstance(child, ast.ClassDef):
                yield from public_functions(child, f"{within}{child.name}.")
            else:
                yield f"{within}{child.name}", child


def raised(node: ast.AST) -> Iterator[str]:
    """The names of the exceptions that a function's own body makes and raises."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*Definition.__args__, ast.Lambda)):
            continue
        if isinstance(child, ast.Raise) and isinstance(child.exc, ast.Call):
            name = child.exc.func
            if isinstance(name, ast.Name) and name.id[0].isupper():
                yield name.id
            elif isinstance(name, ast.Attribute):
                yield name.attr
        yield from raised(child)


def is_command(function: ast.FunctionDef) -> bool:
    """Whether its docstring is what `--help` shows; errors stand in the command's own document."""
    return any("click.command" in ast.unparse(mark) for mark in function.decorator_list)


def test_public_functions_name_the_exceptions_they_raise() -> None:
    silent = [
        f"{file.relative_to(ROOT)}: {name} raises {error}"
        for file in MODULES
        for name, function in public_functions(parsed(file))
        if not is_command(function)
        for error in sorted({*raised(function)})
        if error not in (ast.get_docstring(function) or "")
    ]
    assert silent == []


def test_modules_open_with_one_line_that_says_what_they_are() -> None:
    openings = {
        str(file.relative_to(ROOT)): (ast.get_docstring(parsed(file)) or "").split("\n")
        for file in MODULES
        if file.read_text(encoding="utf-8").strip()
    }
    assert [name for name, lines in openings.items() if len(lines[0]) > LONGEST_OPENING] == []
    assert [name for name, lines in openings.items() if lines[0][-1:] not in {".", "?"}] == []
    assert [name for name, lines in openings.items() if any(lines[1:2])] == []


def test_only_walls_worth_defending_say_what_they_know_nothing_of() -> None:
    said = [
        str(file.relative_to(ROOT))
        for file in MODULES
        if "knows nothing" in " ".join(file.read_text(encoding="utf-8").split()).lower()
    ]
    assert len(said) <= WALLS, said
