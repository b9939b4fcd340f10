"""Pages in the terminal are parts of one order, past the candidates, too."""

import json
from pathlib import Path

import pytest

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from search.engine import SearchEngine
from search.request import SearchRequest
from tellshow import Exit, run
from tests.search.many_photos import COUNT, many_photos


def test_offsets_lead_through_all_photos(
    tmp_path: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    engine: SearchEngine,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with many_photos(tmp_path, captioner, embedder, engine) as many:
        question = many.read(SearchRequest("a cat"))
        whole = many.order(question).page(0, COUNT).found.ids.tolist()
    found = []
    for offset in range(0, COUNT, 200):
        command = ["search", "a cat", "-k", "200", "--offset", str(offset), "--json"]
        assert run([*command, "--home", str(tmp_path / "home")]) == Exit.DONE
        found += [result["photo_id"] for result in json.loads(capsys.readouterr().out)["results"]]
    assert found == whole
