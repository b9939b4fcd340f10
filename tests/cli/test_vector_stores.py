"""The same commands and the same answers, whichever vector store the environment names."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.database import open_database
from catalog.home import open_home
from search.engine import SearchEngine
from tellshow import Exit, run
from tests.postgresql import Server
from web import create_app

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


def test_two_servers_find_by_pgvector_what_a_third_program_indexed(
    told: Any,
    album: Path,
    sample_photos: Path,
    postgresql: Server,
    tmp_path: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TELLSHOW_DATABASE_URL", postgresql.new_database("servers"))
    monkeypatch.setenv("TELLSHOW_VECTORS", "pgvector")
    told("index", str(album))
    home = open_home(tmp_path / "home")
    databases = [open_database(home) for _ in range(2)]
    engines = [SearchEngine(home, each, captioner, embedder) for each in databases]
    clients = [create_app(engine).test_client() for engine in engines]

    def first(client: FlaskClient) -> str:
        answer = client.get("/api/v1/search?q=a+cup+of+coffee").get_json()
        return Path(answer["results"][0]["path"]).name

    assert "coffee.png" not in map(first, clients)
    shutil.copy(sample_photos / "coffee.png", album)
    assert told("index", str(album))["indexed"] == 1
    assert list(map(first, clients)) == ["coffee.png", "coffee.png"]
    for database in databases:
        database.close()
