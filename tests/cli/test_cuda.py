"""Indexing and searching on a GPU come to what they come to on a CPU."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tellshow import Exit, run

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


def _asked(device: str, folder: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    common = ["--home", str(home), "--device", device, "--json"]
    assert run(["index", str(folder), *common]) == Exit.DONE
    capsys.readouterr()
    assert run(["search", "a cat looks up", *common]) == Exit.DONE
    return json.loads(capsys.readouterr().out)["results"]


def test_a_gpu_finds_what_the_cpu_finds(
    sample_photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = _asked("cpu", sample_photos, tmp_path / "cpu", capsys)
    there = _asked("cuda", sample_photos, tmp_path / "cuda", capsys)
    assert here[0]["path"] == there[0]["path"]
    likelihood = {result["path"]: result["log_likelihood"] for result in here}
    assert {result["path"] for result in there} == set(likelihood)
    for result in there:
        # Two roundings to bfloat16, the photo's and the sentence's, by other kernels.
        assert result["log_likelihood"] == pytest.approx(likelihood[result["path"]], abs=0.5)
