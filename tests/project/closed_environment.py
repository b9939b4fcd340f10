"""An environment with one wheel and what it asks for, and nothing else, made without a download.

What it asks for is linked from this environment. So a library that is here, but not asked for, is
missing there, as it is for who installs the wheel.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Collection, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def install(wheel: Path, extras: set[str], folder: Path, alone: Collection[str] = ()) -> Path:
    """Make a virtual environment in `folder` with the wheel and extras; return its programs.

    `alone`: further distributions, without what they ask for themselves.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    pip = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "--quiet"]
    options = ["--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", *options, str(wheel)], check=True)
    (metadata,) = folder.rglob("tellshow-*.dist-info")
    for asked in [*asked_for(Distribution.at(metadata), extras), *map(distribution, alone)]:
        _link(asked, metadata.parent)
    return programs


def asked_for(root: Distribution, extras: set[str]) -> list[Distribution]:
    """All that a distribution asks for by itself and by its extras, however indirectly."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = list(_requirements(root, {"", *extras}))
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        new = {extra for extra in ("", *requirement.extras) if (name, extra) not in seen}
        if not new:
            continue
        seen |= {(name, extra) for extra in new}
        try:
            found[name] = distribution(name)
        except PackageNotFoundError as error:
            raise AssertionError(f"{requirement} is asked for, and not installed here") from error
        waiting += _requirements(found[name], new)
    return list(found.values())


def _requirements(asking: Distribution, extras: set[str]) -> Iterator[Requirement]:
    for line in asking.requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
            yield requirement


def _link(asked: Distribution, target: Path) -> None:
    """Link all that a distribution put beside others; no .pth file, which would act in any."""
    tops = {file.parts[0] for file in asked.files or () if file.parts[0] != ".."}
    for name in sorted(tops - {"__pycache__"}):
        link, source = target / name, Path(str(asked.locate_file(name)))
        if not name.endswith(".pth") and source.exists() and not link.exists():
            link.symlink_to(source)
