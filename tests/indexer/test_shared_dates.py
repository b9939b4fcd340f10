"""Files with dates in every form that was met, where they lie beside the repository."""

import os
from pathlib import Path

import pytest

from captioner.image_file import read_header
from indexer.metadata import find_origin, read_tags

SHARED = Path(os.environ.get("TELLSHOW_SHARED_DATA", ""), "faults", "dates")


@pytest.mark.skipif(
    "TELLSHOW_SHARED_DATA" not in os.environ or not SHARED.is_dir(),
    reason="$TELLSHOW_SHARED_DATA names no folder with faults/dates",
)
def test_every_date_is_of_its_day() -> None:
    days = {}
    for file in sorted(SHARED.iterdir()):
        origin = find_origin(read_tags(*read_header(file.read_bytes())), os.fsencode(file))
        days[file.name] = str(origin.taken_at and origin.taken_at.date())
    expected = dict.fromkeys(days, "2021-07-14")
    assert days == {**expected, "morning-east-of-greenwich.jpg": "2021-07-15"}
