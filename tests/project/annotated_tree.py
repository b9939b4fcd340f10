"""The annotated tree of docs/architecture.md, made from the first sentence of every file.

    python -m tests.project.annotated_tree

writes it into the document anew. A test holds the document to what this makes.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.project.source_tree import FLOORS, ROOT, python_files

ARCHITECTURE = ROOT / "docs" / "architecture.md"
_MODULES, _TESTS = "The tree", "Which test holds what"
# What stands in folders that hold no package, or one whose __init__.py is empty.
_FOLDERS = {
    "captioner/training": "How a captioner is trained.",
    "catalog/vectors": "Nearest-neighbour search among the photos' vectors, by FAISS.",
    "commands/common": "What several commands share.",
    "search/evaluation": "Recall on captioned photos, and the weights that are fitted to it.",
    "web/api": "The JSON API under /api/v1.",
    "web/indexing": "Index runs that the server starts and shows.",
    "web/middleware": "What every request passes before its view.",
    "web/pages": "The HTML pages.",
    "web/static": "Style sheets and scripts of the pages.",
    "web/templates": "The pages' HTML; a name with _ is part of others.",
}


def trees() -> dict[str, str]:
    """The generated sections of the document, in Markdown, by their heading."""
    product = [*FLOORS, "benchmarks"]
    modules = [line for floor in product for line in _of_floor(floor)]
    return {_MODULES: "\n".join(modules).strip(), _TESTS: "\n".join(_of_tests()).strip()}


def written(document: str) -> dict[str, str]:
    """The same sections as they stand in the document."""
    return {heading: _section(heading).findall(document)[0][1] for heading in (_MODULES, _TESTS)}


def main() -> None:
    """Write the sections into the document."""
    document = ARCHITECTURE.read_text(encoding="utf-8")
    for heading, text in trees().items():
        document = _section(heading).sub(lambda found, new=text: f"{found[1]}{new}\n", document)
    ARCHITECTURE.write_text(document, encoding="utf-8")


def _section(heading: str) -> re.Pattern[str]:
    """From the comment below a heading to the next heading, which is no part of it."""
    return re.compile(rf"(?s)(## {heading}\n.*?-->\n\n)(.*?)\n(?=\n## |\Z)")


def _of_floor(floor: str) -> Iterator[str]:
    """A module of its own, or a package with all its folders and files."""
    if (ROOT / f"{floor}.py").is_file():
        yield from (f"### {_link(ROOT / f'{floor}.py')}", "")
        yield from (_described(ROOT / f"{floor}.py"), "")
        return
    folders = sorted({file.parent for file in python_files(floor)})
    if floor == "web":
        folders += [ROOT / "web" / "static", ROOT / "web" / "templates"]
    for folder in folders:
        yield from _of_folder(folder)


def _of_folder(folder: Path) -> Iterator[str]:
    name = folder.relative_to(ROOT).as_posix()
    yield from (f"{'###' if '/' not in name else '####'} `{name}/`", "")
    yield from (_FOLDERS.get(name) or _described(folder / "__init__.py"), "")
    if folder.name == "templates":
        yield ", ".join(f"`{file.name}`" for file in sorted(folder.iterdir())) + "."
    for file in sorted(folder.iterdir()):
        if file.suffix in {".py", ".js", ".css"} and file.name != "__init__.py":
            yield f"- {_link(file)}: {_described(file)}"
    yield ""


def _of_tests() -> Iterator[str]:
    for folder in sorted({file.parent for file in (ROOT / "tests").rglob("test_*.py")}):
        yield from (f"### `{folder.relative_to(ROOT).as_posix()}/`", "")
        yield from ("| what | held by |", "| --- | --- |")
        for file in sorted(folder.glob("test_*.py")):
            yield f"| {_described(file).replace('|', chr(92) + '|')} | {_link(file)} |"
        yield ""


def _link(file: Path) -> str:
    return f"[`{file.name}`](../{file.relative_to(ROOT).as_posix()})"


def _described(file: Path) -> str:
    """The first sentence of a file's docstring, or of the comment that a script begins with."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        opening = ast.get_docstring(ast.parse(text)) or ""
    else:
        found = re.match(r"/\*(.*?)\*/|(?://[^\n]*\n)+", text, re.S)
        opening = re.sub(r"(?m)^/+ ?|^/\*+|\*/$", "", found[0]) if found else ""
    paragraph = " ".join(opening.strip().split("\n\n")[0].split())
    sentence = re.match(r".*?[.!?](?= [A-Z]|$)|.*", paragraph)
    return sentence[0] if sentence else ""


if __name__ == "__main__":
    main()
