"""The programs behind the figures in docs/ run, on a few photos."""

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.home import Home
from tests.project.source_tree import ROOT

Run = Callable[[str, list[str]], str]

_CAPTIONS = """image\tcaption
cat.png\ta cat looks at the camera
cat.png\ta man and a cat sit
photographer.png\ta man takes a picture of a dog
photographer.png\ta man with a camera stands
astronaut.png\ta smiling woman in an orange suit
astronaut.png\ta woman with a child smiles
"""


@pytest.fixture(scope="module")
def captions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("benchmarks") / "captions.tsv"
    file.write_text(_CAPTIONS)
    return file


@pytest.fixture
def printed_by(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """What a program prints, run in this process: its libraries are loaded once for all."""

    def run(name: str, data: list[str]) -> str:
        monkeypatch.setattr(sys, "argv", [name, *data])
        importlib.import_module(f"benchmarks.{name}").main()
        return capsys.readouterr().out

    return run


def _run(name: str, data: list[str]) -> str:
    """What a program prints that asks for a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *data],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ranking_measures_its_parts(printed_by: Run, captions: Path, sample_photos: Path) -> None:
    printed = printed_by("ranking", ["--captions", str(captions), "--images", str(sample_photos)])
    assert "| likelihood | " in printed
    assert "right photo among 200 candidates: 100.0%" in printed
    assert "roles exchanged (1 pairs)" in printed


def test_ways_to_write_captions_are_compared(
    printed_by: Run, captions: Path, sample_photos: Path
) -> None:
    printed = printed_by("captions", ["--captions", str(captions), "--images", str(sample_photos)])
    assert "| 5 of 10 samples | " in printed
    assert "| beams | length penalty | BLEU-4 | CIDEr |" in printed


def test_decoding_is_compared_with_pillow(printed_by: Run, sample_photos: Path) -> None:
    printed = printed_by(
        "decode", ["--folder", str(sample_photos), "--count", "1", "--repeat", "1"]
    )
    differences = [float(row.split("|")[-2]) for row in printed.splitlines()[2:]]
    assert len(differences) == 3
    assert max(differences) < 1.5


def test_answers_are_timed_and_compared(
    printed_by: Run, captions: Path, sample_photos: Path
) -> None:
    data = ["--folder", str(sample_photos), "--queries", str(captions), "--count", "2"]
    printed = printed_by("search", data)
    assert "| by HTTP, end to end | " in printed
    assert "12 photos for one query: " in printed


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_load_is_measured_and_every_answer_judged(
    captions: Path, sample_photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "another.png").write_bytes((sample_photos / "cat.png").read_bytes())
    data = ["--folder", str(sample_photos), "--queries", str(captions), "--more", str(tmp_path)]
    printed = _run("load", [*data, "--clients", "3", "--seconds", "2"])
    assert "12 photos; 1 more were indexed meanwhile" in printed
    assert printed.count(" | 0 | 0 |\n") == 3
    assert "2 models were loaded to start, 0 later" in printed


def test_contrast_is_measured_by_what_people_wrote(
    printed_by: Run, captions: Path, sample_photos: Path
) -> None:
    data = ["--captions", str(captions), "--images", str(sample_photos)]
    scenes = ["--subjects", "man", "--places", "suit", "camera"]
    printed = printed_by("query_modifiers", [*data, *scenes])
    assert printed.count("| retrieve | ") == 3
    assert "captions rather than the same with actors exchanged" in printed


def test_what_people_wrote_finds_what_it_names(printed_by: Run, tmp_path: Path) -> None:
    rows = ["image\tcaption", "5.png\ta cat", "5.png\ta cat sleeps"]
    for number in range(5):
        (tmp_path / f"{number}.png").touch()
        rows += [f"{number}.png\ta dog {doing}" for doing in ("runs", "barks", "sleeps")]
    (tmp_path / "5.png").touch()
    file = tmp_path / "captions.tsv"
    file.write_text("\n".join(rows) + "\n")
    data = ["--captions", str(file), "--images", str(tmp_path)]
    printed = printed_by("human_captions", data)
    assert "6 photos, 1 noun queries" in printed
    assert "| 1 caption a photo | 1.000 | 1.000 |" in printed
    with file.open("a") as opened:  # half of what is drawn does not name it now
        opened.writelines(f"{number}.png\tit {doing}\n" for number in range(5) for doing in "abc")
    assert "| 1 caption a photo | 1.000" not in printed_by("human_captions", data)


def test_indexing_is_timed_beside_a_tower_and_as_it_grows(
    printed_by: Run, sample_photos: Path
) -> None:
    data = ["--folder", str(sample_photos), "--count", "3", "--repeat", "1", "--growth", "2"]
    printed = printed_by("index", [*data, "--batch-size", "2"])
    assert "3 photos, " in printed
    assert "| CLIP ViT-B/32's image tower alone, onnx float32 | " in printed
    assert "| SQL, beside the model | " in printed
    assert "\n| 2 | " in printed


def test_the_start_of_a_search_is_timed_by_stages(indexed_home: Home) -> None:
    printed = _run("startup", ["--home", str(indexed_home.path), "--count", "1"])
    for stage in ("imports", "loading the checkpoint", "first result", "end of the process"):
        assert f"\n| {stage} | " in printed


def test_vectors_measures_an_approximate_index(tmp_path: Path) -> None:
    options = ["--photos", "1500", "--queries", "5", "--index", "ivf", "--home", str(tmp_path)]
    first, again = (json.loads(_run("vectors", options)) for _ in range(2))
    assert (first["index"], first["photos"]) == ("ivf", 1500)
    assert min(first["recall_at_200"].values()) >= 0.95
    assert first["resident_mb"] > 0
    assert first["recall_at_200"] == again["recall_at_200"]
    assert "fill_seconds" not in again


def test_reliability_diagrams_show_each_world_with_its_error(
    printed_by: Run, tmp_path: Path
) -> None:
    report = {"claimed": 0.8, "true": 0.7, "expected_error": 0.1, "bins": [[5, 0.8, 0.7]]}
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps({"short": {"reliability": report}}))
    files = [str(tmp_path / name) for name in ("a.json", "b.json")]
    picture = tmp_path / "calibration.svg"
    printed_by("reliability", ["--evaluation", *files, "--names", "A", "B", "--out", str(picture)])
    drawn = picture.read_text()
    assert drawn.count("expected error 0.10, claimed less true +0.10") == 2
    assert "<svg" in drawn


def test_browsing_is_timed_request_by_request() -> None:
    printed = _run("browse", ["--photos", "200", "--times", "2"])
    assert re.search(r"^\| a jump of the scrubber, 100 photos \| \d+ \| \d+ \|$", printed, re.M)
    assert re.search(r"^\| map of the world \| \d+ \| \d+ \|$", printed, re.M)
