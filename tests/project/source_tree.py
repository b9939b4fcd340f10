"""The project's own source, read and never imported: which floors exist, what they import."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BELOW_WEB = {"indexer", "search", "captioner", "catalog"}
# A floor -> the floors it may import from.
FLOORS: dict[str, set[str]] = {
    "tellshow": {"commands"},
    "commands": {"web", *BELOW_WEB},
    "web": BELOW_WEB,
    "indexer": {"captioner", "catalog"},
    "search": {"captioner", "catalog"},
    "captioner": set(),
    "catalog": set(),
    "migrations": {"catalog"},
}
# A floor -> the libraries that belong to others.
NEVER_IMPORTS = {
    "tellshow": {"torch", "numpy", "sqlalchemy", "faiss", "flask"},
    "commands": {"torch", "torchvision", "transformers", "safetensors", "sqlalchemy", "faiss"},
    "web": {"click", "faiss"},
    "indexer": {"flask", "click", "faiss"},
    "search": {"flask", "click", "faiss"},
    "captioner": {"sqlalchemy", "alembic", "sqlite3", "pysqlite3", "faiss"},
    "catalog": {"torch", "torchvision", "sentence_transformers", "transformers", "safetensors"},
    "migrations": {"torch", "flask", "click"},
}


def python_files(floor: str) -> list[Path]:
    """The floor's files: a module's one, or a package's all."""
    module = ROOT / f"{floor}.py"
    return [module] if module.is_file() else sorted((ROOT / floor).rglob("*.py"))


def imports_of(file: Path) -> Iterator[str]:
    """The top-level name of everything the file imports, wherever in the file it does."""
    yield from (name.split(".")[0] for name in names_imported(file))


def names_imported(file: Path) -> Iterator[str]:
    """The dotted name of everything the file imports, such as "web.images.version_of"."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_among(floor: str, unwanted: set[str]) -> list[str]:
    """Every import the floor makes of something unwanted, as one line each."""
    return [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in python_files(floor)
        for name in imports_of(file)
        if name in unwanted
    ]


def floors_imported(floor: str) -> set[str]:
    """The other floors that the floor really imports."""
    return {name for file in python_files(floor) for name in imports_of(file)} & {*FLOORS} - {floor}
