"""The programs that take pictures of the pages, and time how they are painted, do so."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_every_step_until_results_are_painted_is_timed(browser: Browser, site: str) -> None:
    from benchmarks.paint import time_visit

    first_byte, page_read, text, picture, last = time_visit(browser, site, "a cat")
    assert 0 < first_byte < page_read
    assert first_byte < text <= picture
    assert first_byte < last


def test_photo_page_is_pictured_without_naming_the_machines_folder(
    browser: Browser, site: str, sample_photos: Path
) -> None:
    from benchmarks.screenshots import SUBJECTS, rename_folder, shoot

    subject = next(each for each in SUBJECTS if each.name == "photo")
    taken = shoot(browser, site, subject, 390, "dark", str(sample_photos))
    with Image.open(io.BytesIO(taken)) as picture:
        assert picture.size == (390, 844)
        assert picture.convert("L").getpixel((2, 840)) < 60  # dark, as was asked for
    page = browser.new_page(base_url=site)
    page.goto("/photos/1")
    assert str(sample_photos) in page.inner_text("main")
    rename_folder(page, str(sample_photos))
    assert "/home/ada/Pictures" in page.inner_text("main")
    assert str(sample_photos) not in page.inner_text("main")
    page.close()


def test_page_that_is_not_there_is_no_picture(browser: Browser, site: str) -> None:
    from benchmarks.screenshots import Subject, shoot

    missing = Subject("missing", "Missing", lambda page: page.goto("/photos/999999"))
    with pytest.raises(RuntimeError, match="has no page missing"):
        shoot(browser, site, missing, 390, "light", "nowhere")


def test_pictures_and_their_page_are_written(browser: Browser, site: str, tmp_path: Path) -> None:
    from benchmarks.screenshots import SUBJECTS, write_screens

    write_screens(browser, site, SUBJECTS[:1], tmp_path, "nowhere")
    written = {file.name for file in (tmp_path / "screens").iterdir()}
    named = set(re.findall(r"\(screens/(welcome[^)]+)\)", (tmp_path / "screens.md").read_text()))
    assert written == named
    assert len(written) == 6
