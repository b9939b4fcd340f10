"""Where torch cannot be imported, a CPU indexes, searches and evaluates all the same."""

import json
import subprocess
import sys
from pathlib import Path

from tests.cli.command_process import usual_environment

SCRIPT = """
import sys

REFUSED = {"torch", "torchvision", "transformers", "sentence_transformers", "onnx"}


class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in REFUSED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Refuse())

from tellshow import run

folder, home = sys.argv[1:]
for command in (
    ["index", folder, "--home", home],
    ["search", "a cat", "--explain", "--home", home],
    ["complete", "a ", "--home", home],
    ["status", "--home", home],
    ["caption", folder + "/cat.png"],
    ["evaluate", "--captions", folder + "/captions.tsv", "--images", folder, "--short"],
):
    code = run([*command, "--json"])
    if code:
        sys.exit(int(code))
"""


def test_photos_are_indexed_and_found_where_there_is_no_torch(album: Path, tmp_path: Path) -> None:
    (album / "captions.tsv").write_text("image\tcaption\ncat.png\ta cat\ncat.png\ta cat looks\n")
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(album), str(tmp_path / "home")],
        env=usual_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    answers = map(json.loads, ended.stdout.splitlines())
    indexed, found, completed, status, captioned, evaluated = answers
    assert indexed["indexed"] == 2
    assert Path(found["results"][0]["path"]).name == "cat.png"
    assert completed["completions"]
    assert status["photos"] == 2
    assert captioned["photos"][0]["captions"]
    assert evaluated["reliability"]["true"] == 1  # the only photo shows a cat
