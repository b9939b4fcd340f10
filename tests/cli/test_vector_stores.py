"""The same commands and the same answers, whichever vector store the environment names."""

import json
from pathlib import Path
from typing import Any

import pytest

from tellshow import Exit, run
from tests.postgresql import Server

pytestmark = pytest.mark.scale


@pytest.fixture
def told(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """What a command prints as JSON."""

    def ask(*arguments: str) -> Any:
        home = ["--home", str(tmp_path / "home")]
        assert run([*arguments, *home, "--json"]) == Exit.DONE
        return json.loads(capfd.readouterr().out)

    return ask


@pytest.mark.parametrize("store", ["pgvector", "milvus"])
def test_index_search_and_doctor_answer_as_with_faiss(
    store: str,
    told: Any,
    sample_photos: Path,
    postgresql: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if store == "milvus":
        pytest.importorskip("milvus_lite", reason="milvus_lite is not installed")
    named = f"milvus:{tmp_path / 'milvus.db'}" if store == "milvus" else store
    monkeypatch.setenv("TELLSHOW_DATABASE_URL", postgresql.new_database("stores"))
    monkeypatch.setenv("TELLSHOW_VECTORS", named)
    assert told("index", str(sample_photos))["indexed"] == 12
    found = told("search", "a cup of coffee")["results"]
    assert found[0]["path"].endswith("coffee.png")
    assert told("doctor")["findings"] == []
    assert not list((tmp_path / "home" / "vectors").iterdir())
    monkeypatch.delenv("TELLSHOW_VECTORS")
    assert told("search", "a cup of coffee")["results"] == found
