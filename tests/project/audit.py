"""Looks up published vulnerabilities of the versions in constraints.txt: `make audit`.

pip-audit has an environment of its own, so that it moves no version of ours. Nothing here fails:
what was published overnight is for people to read, and a network may be out of reach.
"""

import json
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from tests.project.source_tree import ROOT

INSTALL_SECONDS = 60.0
AUDIT_SECONDS = 120.0  # a hundred small requests; without a network it ends at the first one
PIP_AUDIT = (
    "-m", "pip_audit", "--requirement", "constraints.txt", "--no-deps", "--disable-pip",
    "--format", "json", "--progress-spinner", "off", "--timeout", "10",
)  # fmt: skip


def output_of(command: Sequence[str], seconds: float) -> str | None:
    """What a command prints, whatever its exit code; None where it takes longer or is not there."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout


def report(output: str | None) -> list[str]:
    """Lines for people about what pip-audit printed as JSON; None or other text: it could not."""
    try:
        packages = json.loads(output or "")["dependencies"]
    except (ValueError, LookupError, TypeError):
        return ["audit: constraints.txt could not be looked up: no vulnerability service answered"]
    found = [each for each in packages if each.get("vulns")]
    unknown = sum("skip_reason" in each for each in packages)
    lines = [
        f"audit: VULNERABLE: {each['name']} {each['version']}: {hole['id']}, "
        f"mended in {', '.join(hole['fix_versions']) or 'no release yet'}"
        for each in found
        for hole in each["vulns"]
    ]
    if unknown:  # a mirror may know no package, which is no good news
        lines.append(f"audit: {unknown} of {len(packages)} versions could not be looked up")
    return lines or [f"audit: nothing is known against these {len(packages)} versions"]


def _python_with_pip_audit(folder: Path) -> str:
    """The interpreter of an environment with pip-audit, or without where it cannot be had."""
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if output_of([str(python), "-m", "pip_audit", "--version"], INSTALL_SECONDS):
        return str(python)
    venv.create(folder, with_pip=True, clear=True)
    quick = ("--quiet", "--retries", "0", "--timeout", "10")
    output_of([str(python), "-m", "pip", "install", *quick, "pip-audit"], INSTALL_SECONDS)
    return str(python)


if __name__ == "__main__":
    command = [_python_with_pip_audit(ROOT / ".venv" / "audit"), *PIP_AUDIT]
    sys.stdout.writelines(f"{line}\n" for line in report(output_of(command, AUDIT_SECONDS)))
