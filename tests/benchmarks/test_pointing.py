"""The pointing game: boxes, hits and shares by hand; the program on real photos."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.pointing import Named, Pointed, read_boxes
from tests.project.source_tree import ROOT

BOXES = ROOT / "benchmarks" / "pointing_boxes.tsv"


def test_a_point_beside_a_box_counts_up_to_fifteen_of_224_pixels() -> None:
    named = Named(0, "cat", [(0.0, 0.0, 0.3, 0.3)])
    right = named.points(7).reshape(7, 7)
    # Centres of positions lie at 0.071, 0.214, 0.357, 0.5: the third is within 0.067 of the box.
    assert right[:3, :3].all()
    assert right.sum() == 9


def test_pointing_at_any_of_several_boxes_counts() -> None:
    named = Named(0, "dogs", [(0.0, 0.0, 0.1, 0.1), (0.9, 0.9, 1.0, 1.0)])
    seen = np.zeros(49)
    seen[48] = 1
    found = Pointed([], [])
    found.add(named, seen)
    assert found.hits == [1.0]


def test_a_map_that_is_even_has_its_share_of_the_boxes_area() -> None:
    named = Named(0, "cat", [(0.1, 0.2, 0.65, 0.9)])
    found = Pointed([], [])
    found.add(named, np.ones(49))
    assert found.shares[0] == pytest.approx(1)


def test_a_box_covers_the_positions_under_it() -> None:
    assert Named(0, "cat", [(0.0, 0.0, 0.5, 1.0)]).cover(7).mean() == pytest.approx(0.5)


def test_the_boxes_lie_in_their_photos_and_leave_room_beside_them() -> None:
    files, words = read_boxes(BOXES)
    assert len(files) >= 60
    for each in words:
        assert 0.001 < each.cover(7).mean() < 0.55
        for x0, y0, x1, y1 in each.boxes:
            assert 0 <= x0 < x1 <= 1
            assert 0 <= y0 < y1 <= 1


def test_the_program_measures_maps_of_real_photos(tmp_path: Path, sample_photos: Path) -> None:
    table = tmp_path / "boxes.tsv"
    rows = [
        ("photographer.png", "camera", 0.35, 0.3, 0.65, 0.6),
        ("photographer.png", "man", 0.1, 0.15, 0.5, 1),
        ("cat.png", "cat", 0.1, 0.1, 0.9, 1),
        ("astronaut.png", "woman", 0.25, 0, 0.7, 0.6),
    ]
    with table.open("w", newline="") as file:
        lines = csv.writer(file, dialect="excel-tab")
        lines.writerows([("image", "word", "x0", "y0", "x1", "y1"), *rows])
    done = subprocess.run(
        [
            sys.executable, "-m", "benchmarks.pointing",
            "--boxes", str(table), "--images", str(sample_photos),
        ],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "4 words of 3 photos, 0 unknown left out" in done.stdout
    assert done.stdout.count("| attention (shown before) | ") == 3
    assert "| the centre | " in done.stdout
    assert "| the product's threshold | " in done.stdout
    assert "maps of four words on one photo: " in done.stdout
