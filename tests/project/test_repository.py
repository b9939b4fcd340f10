"""What is committed: small enough, of no particular machine, and checked by one command."""

import os
import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.project.source_tree import ROOT

MOST_BYTES = 45_000_000
# Folders of one machine. In the documents' examples, photos are Ada's.
MACHINE_PATH = re.compile(r"(?<![\w.~/-])/(?:work|tmp|root|home/(?!ada/)\w+|Users/\w+|opt/\w+)/")
PLACE_OF_A_PACKAGE = re.compile(r"https?:|file:|@|--(?:extra-)?index-url|--find-links", re.I)


def text_of(file: Path) -> str:
    """The file's text; nothing for a file that is none."""
    data = (ROOT / file).read_bytes()
    return "" if b"\0" in data else data.decode("utf-8", "replace")


def test_shipped_checkpoint_is_committed_and_small(tracked_files: list[Path]) -> None:
    checkpoints = [file for file in tracked_files if file.suffix == ".safetensors"]
    assert [file.parent for file in checkpoints] == [Path("captioner/models")]
    assert (ROOT / checkpoints[0]).stat().st_size <= MOST_BYTES


def test_no_committed_file_is_large(tracked_files: list[Path]) -> None:
    assert [file for file in tracked_files if (ROOT / file).stat().st_size > MOST_BYTES] == []


def test_no_committed_file_names_a_folder_of_one_machine(tracked_files: list[Path]) -> None:
    named = {str(file): MACHINE_PATH.findall(text_of(file)) for file in tracked_files}
    assert {file: paths for file, paths in named.items() if paths} == {}


def test_constraints_are_plain_pins_from_nowhere_in_particular() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", pin)] == []
    assert not any(PLACE_OF_A_PACKAGE.search(pin) for pin in pins)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
def test_continuous_integration_can_run_its_script() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_continuous_integration_runs_exactly_make_test() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert script.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail\n" in script
    setting = ("#", "set ", "cd ", "export ")
    commands = [line for line in script.splitlines() if line and not line.startswith(setting)]
    assert commands == ["make test"]


def test_checks_before_a_commit_are_those_of_make_and_download_nothing() -> None:
    config = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"repo: (\S+)", config)) == {"local"}
    assert set(re.findall(r"language: (\S+)", config)) == {"system"}
    tools = re.findall(r"entry: \.venv/bin/(\w+(?: check| format)?)", config)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert tools == ["ruff check", "ruff format", "mypy"]
    assert [tool for tool in tools if f"$(BIN)/{tool}" not in makefile] == []


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_help_lists_every_target_that_people_call() -> None:
    helped = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = set(re.findall(r"^  make ([a-z-]+) +\S", helped.stdout, re.M))
    wanted = {
        "help", "demo", "lint", "format", "types", "test-fast", "test", "torture", "bench", "tree",
        "audit", "site", "test-scale",
    }  # fmt: skip
    assert listed == wanted


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
@pytest.mark.parametrize("target", ["demo", "lint", "test-scale"])
def test_what_a_target_installs_is_there(target: str, setup_config: ConfigParser) -> None:
    # pip passes over an extra that there is not, with a warning.
    command = ["make", "-n", "-W", "setup.cfg", target]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    installed = [
        name for names in re.findall(r"-e '\.\[(.+?)\]'", told) for name in names.split(",")
    ]
    assert installed
    assert set(installed) <= set(setup_config["options.extras_require"])


def test_changelog_has_a_section_for_the_version(setup_config: ConfigParser) -> None:
    version = setup_config["metadata"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
