"""The sample photos: a dozen, whole, documented, and missed with one clear sentence."""

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from PIL import Image

from indexer.sample_photos import SAMPLE_PHOTOS, SamplesUnavailable, copy_sample_photos
from tests.project.source_tree import ROOT


def test_a_dozen_photos_are_copied_and_can_be_opened(tmp_path: Path) -> None:
    copies = copy_sample_photos(tmp_path / "new" / "folder")
    assert len(copies) == 12
    assert sorted(copies) == sorted((tmp_path / "new" / "folder").iterdir())
    for copy in copies:
        with Image.open(copy) as image:
            assert min(image.size) >= 224


def test_copying_again_changes_no_file(tmp_path: Path) -> None:
    before = [(copy, copy.stat().st_mtime_ns) for copy in copy_sample_photos(tmp_path)]
    after = [(copy, copy.stat().st_mtime_ns) for copy in copy_sample_photos(tmp_path)]
    assert before == after


def test_every_photo_s_author_and_licence_are_documented() -> None:
    text = (ROOT / "docs" / "sample-photos.md").read_text(encoding="utf-8")
    for original, copy in SAMPLE_PHOTOS.items():
        assert f"| `{copy}` | `{original}` |" in text


def test_missing_scikit_image_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SamplesUnavailable, match=r"^The sample photos .*'tellshow\[demo\]'\.$"):
        copy_sample_photos(tmp_path / "photos")
    assert not (tmp_path / "photos").exists()


def test_missing_photo_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ModuleSpec("skimage", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(SamplesUnavailable, match=r"lacks astronaut\.png, camera\.png"):
        copy_sample_photos(tmp_path / "photos")
