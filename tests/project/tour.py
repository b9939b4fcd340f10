"""What the commands of docs/tour.md print, written into it.

    python -m tests.project.tour

runs them on the sample photos, and writes the document anew.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from indexer.sample_photos import copy_sample_photos
from tests.project.source_tree import ROOT

TOUR = ROOT / "docs" / "tour.md"
_PROMPT = "$ "
_BLOCK = re.compile(r"(?s)(```console\n)(.*?)(```)")


def commands_in(document: str) -> list[str]:
    """The commands of all console blocks, in order."""
    lines = (line for block in _BLOCK.findall(document) for line in block[1].splitlines())
    return [line.removeprefix(_PROMPT) for line in lines if line.startswith(_PROMPT)]


def answered(document: str, ask: Callable[[str], str]) -> str:
    """The document with what `ask` says of each command below it, in place of what stood there."""

    def block(found: re.Match[str]) -> str:
        asked = [line for line in found[2].splitlines() if line.startswith(_PROMPT)]
        texts = (f"{line}\n{ask(line.removeprefix(_PROMPT))}" for line in asked)
        return f"{found[1]}{''.join(texts)}{found[3]}"

    return _BLOCK.sub(block, document)


def main() -> None:
    """Write the document anew."""
    with tempfile.TemporaryDirectory() as folder:
        copy_sample_photos(Path(folder) / "photos")
        environment = os.environ | {
            "TELLSHOW_HOME": f"{folder}/home",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",  # notes stand where they are said
        }

        def ask(command: str) -> str:
            program, *arguments = shlex.split(command)
            done = subprocess.run(
                [sys.executable, "-m", program, *arguments],
                cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                check=True, text=True,
            )  # fmt: skip
            # Progress of an index run is nothing to read.
            shown = "" if arguments[0] == "index" else done.stdout
            lines = shown.replace(f"{folder}/", "").splitlines()
            return "".join(f"{line.rstrip()}\n" for line in lines)

        document = TOUR.read_text(encoding="utf-8")
        TOUR.write_text(answered(document, ask), encoding="utf-8")


if __name__ == "__main__":
    main()
