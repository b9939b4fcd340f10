"""What `make audit` says of what pip-audit found, and where it could find nothing."""

import json
import sys
from typing import Any

import pytest

from tests.project.audit import output_of, report

SOUND = {"name": "flask", "version": "3.1.3", "vulns": []}
HOLED = {
    "name": "pillow",
    "version": "1.0",
    "vulns": [
        {"id": "PYSEC-2020-1", "fix_versions": ["1.1"]},
        {"id": "PYSEC-2020-2", "fix_versions": []},
    ],
}
UNKNOWN = {"name": "torch", "skip_reason": "Dependency not found on PyPI"}


def printed(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_each_vulnerability_is_a_line_of_its_own() -> None:
    assert report(printed(SOUND, HOLED)) == [
        "audit: VULNERABLE: pillow 1.0: PYSEC-2020-1, mended in 1.1",
        "audit: VULNERABLE: pillow 1.0: PYSEC-2020-2, mended in no release yet",
    ]


def test_versions_without_one_are_counted() -> None:
    assert report(printed(SOUND)) == ["audit: nothing is known against these 1 versions"]


def test_versions_that_the_service_does_not_know_are_not_called_sound() -> None:
    assert report(printed(SOUND, UNKNOWN)) == ["audit: 1 of 2 versions could not be looked up"]


@pytest.mark.parametrize("output", [None, "", "Traceback", "[]", "{}", "null"])
def test_without_a_service_one_line_says_so(output: str | None) -> None:
    (line,) = report(output)
    assert "could not be looked up" in line


def test_command_that_hangs_or_is_not_there_prints_nothing() -> None:
    assert output_of([sys.executable, "-c", "import time; time.sleep(600)"], 0.2) is None
    assert output_of(["no-such-program-of-ours"], 1.0) is None
    assert output_of([sys.executable, "-c", "print(1); raise SystemExit(1)"], 60.0) == "1\n"
