"""`make bench`: what the collector makes of benchmarks, and that it ends in time."""

import subprocess
import sys
from pathlib import Path

from benchmarks.machine import features_of, in_short, model_of, not_masked
from benchmarks.plots import first_table
from benchmarks.suite import Measure, as_markdown, mended, run, written
from tests.project.source_tree import ROOT

_CPUINFO = """processor\t: 0
model name\t: A CPU of 2024
flags\t\t: fpu fma avx2 avx512f avx512_bf16 amx_bf16 sse2
"""
_SECTION = """### Searching

| | p50 ms | p95 ms |
| --- | --- | --- |
| by HTTP, end to end | 83 | 1,125 |
| **first stage** | 7.5 | 24 |

| another | table |
| --- | --- |
| 1 | of one column |
"""


def test_machine_is_told_by_its_model_and_what_networks_run_fast_on() -> None:
    assert model_of(_CPUINFO) == "A CPU of 2024"
    assert features_of(_CPUINFO) == ["avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16"]
    assert features_of("") == []


def test_masked_features_are_not_told_as_those_of_a_run() -> None:
    named = features_of(_CPUINFO)
    assert not_masked(named, {"AVX512F": False}) == ["avx2", "fma"]
    assert not_masked(named, {"AVX512F": True}) == not_masked(named, {}) == named


def test_plots_are_drawn_of_the_first_table() -> None:
    table = first_table(_SECTION)
    assert table is not None
    assert table.columns == ("p50 ms", "p95 ms")
    assert table.rows == {"by HTTP, end to end": (83, 1125), "first stage": (7.5, 24)}
    assert first_table("no table") is None


def test_json_becomes_a_table() -> None:
    table = as_markdown('{"photos": 5, "recall_at_200": {"caption": 0.98}}')
    assert table.endswith("| photos | 5 |\n| recall at 200, caption | 0.98 |")
    assert as_markdown("| a |\n") == "| a |"


def test_last_run_gives_way_to_the_next_and_all_else_stays() -> None:
    once = written("# Page\n\nText\n", "first")
    twice = written(f"{once}\nmore\n", "second")
    assert once.startswith("# Page\n\nText\n")
    assert "first" not in twice
    assert twice == once.replace("first", "second") + "\nmore\n"


def test_sections_of_some_benchmarks_give_way_and_others_stay() -> None:
    document = written("# Page\n", "head\n\n### A\n\nold\n\n### B\n\nkept\n\n### C\n\nold")
    once = mended(document, ["### A\n\nnew", "### C\n\nnew"])
    assert once == document.replace("old", "new")
    assert mended(document, ["### D\n\nnew"]) is None


def test_benchmark_that_is_not_done_in_time_is_broken_off() -> None:
    section = run(Measure("Slow", "walk", lambda: []), 0.2, {})
    assert section.startswith("### Slow\n\n`python -m benchmarks.walk`")
    assert in_short() in section
    assert "Broken off" in section


def test_benchmark_that_fails_says_why_and_shows_no_folder_of_this_machine(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    measure = Measure("Disk", "disk", lambda: ["--home", missing, "--no-such-option"])
    section = run(measure, 60, {str(tmp_path): "OWN"})
    assert "Failed with exit code 2" in section
    assert "--home OWN/missing" in section
    assert str(tmp_path) not in section


def test_tables_plots_and_machine_are_written_into_the_document(
    sample_photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "images").symlink_to(sample_photos)
    (tmp_path / "dev.tsv").write_text("image\tcaption\ncat.png\ta cat\nrocket.jpg\ta rocket\n")
    document = tmp_path / "benchmarks.md"
    subprocess.run(
        [sys.executable, "-m", "benchmarks.suite", "--data", tmp_path, "--document", document,
         "--only", "decode", "--tiny"],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    text = document.read_text()
    assert "| it computes in | " in text
    assert "| 9 megapixels | " in text
    assert "](benchmarks.svg)" in text
    assert document.with_suffix(".svg").read_text().count("1080p") >= 1
