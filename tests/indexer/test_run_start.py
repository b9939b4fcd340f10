"""How a run begins: in one writing transaction, or not at all."""

import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from catalog.model_registry import list_models
from catalog.roots import list_roots
from catalog.runs import list_runs
from catalog.vectors.faiss_index import FaissMissing
from indexer import pipeline
from indexer.pipeline import FolderNotFound
from tests.indexer.factories import Catalog


def is_untouched(catalog: Catalog) -> bool:
    with catalog.database.read() as session:
        return not (list_models(session) or list_roots(session) or list_runs(session, 10))


def test_run_begins_in_one_writing_transaction(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    transactions: list[object] = []
    before_planning: list[int] = []
    make_plan = pipeline.make_plan

    def noting(*arguments, **options):  # type: ignore[no-untyped-def]
        before_planning.append(len(transactions))
        return make_plan(*arguments, **options)

    monkeypatch.setattr(pipeline, "make_plan", noting)

    def note_writer(connection: Connection) -> None:
        if connection.get_execution_options().get("tellshow_writer"):
            transactions.append(connection)

    event.listen(catalog.database.engine, "begin", note_writer)
    catalog.index(*folders)
    assert before_planning[0] == 1


def test_run_without_faiss_leaves_the_catalog_as_it_was(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(FaissMissing):
        catalog.index(folder)
    assert is_untouched(catalog)


def test_run_with_an_unknown_folder_leaves_the_catalog_as_it_was(
    catalog: Catalog, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(FolderNotFound):
        catalog.index(folder, tmp_path / "nowhere")
    assert is_untouched(catalog)
