"""Results for other programs: bare paths, CSV, JSON; and homes where there is nothing to find."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click_man.core import write_man_pages

import tellshow
from catalog.home import Home
from commands.common.pipe_output import print_csv, print_paths
from tellshow import Exit, run
from tests.project.source_tree import ROOT

Output = pytest.CaptureFixture[str]
QUERY = ["search", "a cat", "-k", "2"]


def printed(home: Home, capfd: Output, *arguments: str) -> str:
    assert run([*arguments, "--home", str(home.path)]) == Exit.DONE
    return capfd.readouterr().out


def test_every_form_names_the_same_photos(
    indexed_home: Home, sample_photos: Path, capfd: Output
) -> None:
    answer = json.loads(printed(indexed_home, capfd, *QUERY, "-o", "json"))
    paths = [result["path"] for result in answer["results"]]
    assert printed(indexed_home, capfd, *QUERY, "--paths").splitlines() == paths
    assert printed(indexed_home, capfd, *QUERY, "-0").split("\0") == [*paths, ""]
    rows = list(csv.DictReader(io.StringIO(printed(indexed_home, capfd, *QUERY, "-o", "csv"))))
    assert [row["path"] for row in rows] == paths
    assert float(rows[0]["probability"]) == pytest.approx(answer["results"][0]["probability"])
    cat = str(sample_photos / "cat.png")
    assert printed(indexed_home, capfd, "similar", cat, "-k", "1", "--paths") == f"{cat}\n"


@pytest.mark.parametrize(
    "options", [["--json", "--paths"], ["-o", "csv", "--json"], ["-o", "table", "--null"]]
)
def test_two_forms_at_once_are_wrong_usage(options: list[str], capsys: Output) -> None:
    assert run([*QUERY, *options]) == Exit.USAGE
    assert "give one of --output" in capsys.readouterr().err


def test_paths_are_the_bytes_of_the_file_system(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    odd = b"/photos/\xff two\nlines.jpg"
    print_paths([Path(os.fsdecode(odd))], null=True)
    assert capfdbinary.readouterr().out == odd + b"\0"


def test_csv_quotes_what_would_break_a_line(capfd: Output) -> None:
    print_csv(["path", "image_similarity"], [{"path": 'a "b",\nc', "photo_id": 1}])
    read = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    assert read == [{"path": 'a "b",\nc', "image_similarity": ""}]


@pytest.mark.parametrize(
    "arguments", [["search", "a cat"], ["similar", "cat.png"], ["complete", "a"]]
)
@pytest.mark.parametrize("exists", [False, True])
def test_where_nothing_was_indexed_nothing_is_made(
    arguments: list[str], exists: bool, tmp_path: Path, capsys: Output
) -> None:
    home = tmp_path / "home"
    if exists:
        home.mkdir()
    assert run([*arguments, "--json", "--home", str(home)]) == Exit.FAILED
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "tellshow: nothing is indexed yet; start with: tellshow index FOLDER\n"
    assert home.exists() == exists
    assert not exists or not list(home.iterdir())


def test_catalog_without_photos_says_that_nothing_is_indexed(home: Home, capsys: Output) -> None:
    assert run(["models", "--home", str(home.path)]) == Exit.DONE  # makes a catalog
    assert run(["search", "a cat", "--home", str(home.path)]) == Exit.FAILED
    assert "nothing is indexed yet" in capsys.readouterr().err


@pytest.mark.parametrize("columns", ["40", "80"])
def test_help_keeps_to_the_terminal_and_cuts_no_summary(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for name in ("", "roots", "search", "serve"):
        assert run([*name.split(), "--help"]) == Exit.DONE
        shown = capsys.readouterr().out
        assert max(map(len, shown.splitlines())) <= int(columns), name
        for known in ("ARGS]...", "QUERY...", "HEIF...", "mps..."):
            shown = shown.replace(known, "")
        assert "..." not in shown


def test_shell_completes_commands_options_and_choices() -> None:
    def completed(words: str) -> list[str]:
        told = {"_TELLSHOW_COMPLETE": "bash_complete", "COMP_WORDS": words}
        done = subprocess.run(
            [sys.executable, "tellshow.py"],
            cwd=ROOT,
            env={**os.environ, **told, "COMP_CWORD": str(len(words.split()) - 1)},
            capture_output=True,
            text=True,
            check=True,
        )
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert {"search", "serve"} <= set(completed("tellshow se"))
    assert completed("tellshow search --stage li") == ["likelihood"]


def test_man_pages_are_made_of_every_command(tmp_path: Path) -> None:
    write_man_pages("tellshow", tellshow.cli, version="1", target_dir=str(tmp_path))
    made = {path.name for path in tmp_path.iterdir()}
    assert {"tellshow.1", "tellshow-search.1", "tellshow-roots-list.1"} <= made
    assert "..." not in (tmp_path / "tellshow.1").read_text().split("COMMANDS")[1]
    assert "--rather-than" in (tmp_path / "tellshow-search.1").read_text().replace("\\-", "-")
