"""Screenshots of every page for the documents: three widths, light and dark.

    python -m benchmarks.screenshots --out docs

Shows the sample photos, which are free to publish, with dates and places that are made up, and an
album of them; another collection by --home, or a server that runs by --url. Writes
screens/NAME-WIDTH-SCHEME.webp, screens.md, which shows them all, and screenshot.png, which the
README shows.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from urllib.request import Request, urlopen

from PIL import Image
from playwright.sync_api import Browser, Page

from benchmarks.browser import chromium
from benchmarks.server_process import own_home, serving
from indexer.sample_photos import copy_sample_photos

QUERY = "/?q=a+man+takes+a+picture+with+a+camera"
SCREENS = {1440: 900, 768: 1024, 390: 844}
SCHEMES = ("light", "dark")
_QUALITY = 72
_PATIENCE = 60_000  # milliseconds
_ALBUM = {"name": "Pictures for the hall", "photo_ids": [1, 3, 5, 7, 10, 12]}
# When and where (degrees north and east) the sample photos are said to be taken, for the timeline
# and the map.
_TAKEN = {
    "astronaut.png": ("2023:07:14 10:05:00", (29.56, -95.09)),
    "cat.png": ("2023:07:14 18:30:00", (59.33, 18.07)),
    "coffee.png": ("2023:07:02 09:12:00", (60.17, 24.94)),
    "grass.png": ("2023:07:01 13:40:00", (47.99, 7.85)),
    "rocket.jpg": ("2022:10:11 18:03:00", (28.56, -80.58)),
    "coins.png": ("2022:10:04 15:20:00", (40.75, 14.49)),
    "brick-wall.png": ("2022:10:03 11:00:00", (53.48, -2.24)),
    "clock.png": ("2021:12:31 23:59:00", (52.52, 13.40)),
    "photographer.png": ("2021:12:27 12:00:00", (42.36, -71.09)),
    "gravel.png": ("2019:03:09 16:45:00", (-33.92, 18.42)),
    "retina.jpg": ("2019:03:05 08:30:00", (59.86, 17.64)),
}
_DATE_TIME_ORIGINAL, _EXIF, _GPS = 0x9003, 0x8769, 0x8825  # tags of EXIF
# The documents' photos are Ada's.
_SHOWN_FOLDER = "/home/ada/Pictures"
_RENAME_FOLDER = """([folder, shown]) => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (text.data.includes(folder)) text.data = text.data.replaceAll(folder, shown);
  }
}"""
_PICTURES_DRAWN = """async () => {
  const isNear = (picture) => picture.getBoundingClientRect().top < innerHeight;
  const near = [...document.images].filter(isNear);
  await Promise.all(near.map((picture) => picture.decode()));
}"""


@dataclass(frozen=True)
class Subject:
    """A page: what it is called, how to say so in a document, and how to get there."""

    name: str
    title: str
    visit: Callable[[Page], object]


def _filters(page: Page) -> None:
    page.goto(QUERY)
    page.locator(".filters > summary").click()


def _selection(page: Page) -> None:
    page.goto(QUERY)
    boxes = page.locator(".choose input")
    boxes.first.check(force=True)
    boxes.nth(2).click(modifiers=["Shift"], force=True)
    page.locator(".chosen-bar").wait_for()


def _photo(page: Page) -> None:
    page.goto(QUERY)
    page.locator(".card .name a").first.click()
    page.wait_for_url("**/photos/*")


def _look(page: Page) -> None:
    picture = page.request.get("/api/v1/photos/1/thumbnail").body()
    page.goto("/look")
    sent = {"name": "picture.jpg", "mimeType": "image/jpeg", "buffer": picture}
    page.set_input_files("#image", sent)  # type: ignore[arg-type]
    page.locator(".answered").wait_for()


def _lightbox(page: Page) -> None:
    page.goto(QUERY)
    page.locator(".card .picture").first.click()
    page.locator(".lightbox[open]").wait_for()


def _timeline(page: Page) -> None:
    page.goto("/browse")
    page.locator(".waiting").first.wait_for(state="detached")


def _album(page: Page) -> None:
    page.goto("/albums")
    page.locator(".tiles a").last.click()
    page.wait_for_url("**/albums/*")


SUBJECTS = (
    Subject("welcome", "Welcome", lambda page: page.goto("/")),
    Subject("search", "Results", lambda page: page.goto(QUERY)),
    Subject("filters", "Filters", _filters),
    Subject("selection", "Photos selected", _selection),
    Subject("lightbox", "A photo, large", _lightbox),
    Subject("photo", "One photo", _photo),
    Subject("timeline", "The timeline", _timeline),
    Subject("folders", "Folders", lambda page: page.goto("/browse/folders")),
    Subject("tags", "Tags and keywords", lambda page: page.goto("/browse/tags")),
    Subject("places", "The map", lambda page: page.goto("/browse/places")),
    Subject("albums", "Albums", lambda page: page.goto("/albums")),
    Subject("album", "An album", _album),
    Subject("saved", "Searches", lambda page: page.goto("/saved")),
    Subject("look", "Search by photo", _look),
    Subject("collection", "The collection", lambda page: page.goto("/collection")),
    Subject("api", "The API, to read", lambda page: page.goto("/api/v1/docs")),
)


def shoot(browser: Browser, url: str, subject: Subject, width: int, scheme: str, at: str) -> bytes:
    """A page as PNG, as high as its screen. `at`: the folder of the photos, shown as Ada's.

    Raises RuntimeError where the server has no such page.
    """
    screen = {"width": width, "height": SCREENS[width]}
    options = {"viewport": screen, "color_scheme": scheme, "reduced_motion": "reduce"}
    context = browser.new_context(base_url=url, **options)  # type: ignore[arg-type]
    context.set_default_timeout(_PATIENCE)
    try:
        page = context.new_page()
        subject.visit(page)
        page.wait_for_load_state("networkidle")
        if page.locator(".nothing .status").count():
            raise RuntimeError(f"the server has no page {subject.name}: {page.title()}")
        page.evaluate(_PICTURES_DRAWN)
        rename_folder(page, at)
        return page.screenshot()
    finally:
        context.close()


def rename_folder(page: Page, folder: str) -> None:
    """Show a folder of this machine as one of the documents' own."""
    page.evaluate(_RENAME_FOLDER, [folder, _SHOWN_FOLDER])


def write_screens(
    browser: Browser, url: str, subjects: Sequence[Subject], out: Path, at: str
) -> None:
    """Some subjects in all sizes and schemes, and the page that shows all subjects."""
    (out / "screens").mkdir(parents=True, exist_ok=True)
    for subject, width, scheme in product(subjects, SCREENS, SCHEMES):
        taken = shoot(browser, url, subject, width, scheme, at)
        with Image.open(io.BytesIO(taken)) as picture:
            picture.convert("RGB").save(
                out / "screens" / f"{subject.name}-{width}-{scheme}.webp",
                quality=_QUALITY,
                method=6,
            )
        if (subject.name, width, scheme) == ("search", 1440, "light"):
            (out / "screenshot.png").write_bytes(taken)
    (out / "screens.md").write_text("\n".join(_document()), encoding="utf-8")


def _document() -> Iterator[str]:
    yield "# What it looks like\n"
    yield "Every page at 1440, 768 and 390 pixels, light and dark, by"
    yield "`python -m benchmarks.screenshots`. The photos are the [samples](sample-photos.md);"
    yield "their dates and places are made up."
    for subject in SUBJECTS:
        yield f"\n## {subject.title}\n"
        yield "| | light | dark |\n| --- | --- | --- |"
        for width in SCREENS:
            pictures = [
                f"![{subject.title}, {width} pixels, {scheme}]"
                f"(screens/{subject.name}-{width}-{scheme}.webp)"
                for scheme in SCHEMES
            ]
            yield f"| {width} | {' | '.join(pictures)} |"
    yield ""


@contextmanager
def _server(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """The URL of a server, and the folder of its photos."""
    if options.url:
        yield options.url, "\0"
        return
    with tempfile.TemporaryDirectory(prefix="tellshow-") as folder:
        if options.home is None:
            for photo in copy_sample_photos(Path(folder)):
                _date_and_place(photo)
        samples = [] if options.home else [Path(folder)]
        with own_home(options.home, samples) as home, serving(home) as served:
            if samples:
                _make_album(served.url)
            yield served.url, str(Path(folder).resolve())


def _date_and_place(photo: Path) -> None:
    """Write into a file when and where it is said to be taken; some have neither."""
    if photo.name not in _TAKEN:
        return
    taken, (north, east) = _TAKEN[photo.name]
    exif = Image.Exif()
    exif.get_ifd(_EXIF)[_DATE_TIME_ORIGINAL] = taken
    exif.get_ifd(_GPS).update(
        {1: "NS"[north < 0], 2: _degrees(north), 3: "EW"[east < 0], 4: _degrees(east)}
    )
    with Image.open(photo) as picture:
        picture.load()
        kept = {"quality": "keep"} if picture.format == "JPEG" else {}
        picture.save(photo, exif=exif.tobytes(), **kept)


def _degrees(value: float) -> tuple[float, float, float]:
    """As EXIF writes them: degrees, minutes, seconds."""
    return (float(int(abs(value))), abs(value) % 1 * 60, 0.0)


def _make_album(url: str) -> None:
    headers = {"Content-Type": "application/json"}
    urlopen(Request(f"{url}/api/v1/albums", json.dumps(_ALBUM).encode(), headers)).close()


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs"), help="folder to write to")
    parser.add_argument("--home", type=Path, help="a home to show instead; it stays as it is")
    parser.add_argument("--url", help="a server to show instead, which must run")
    names = [subject.name for subject in SUBJECTS]
    parser.add_argument("--only", choices=names, nargs="+", default=names)
    options = parser.parse_args()
    subjects = [subject for subject in SUBJECTS if subject.name in options.only]
    with _server(options) as (url, photos), chromium() as browser:
        write_screens(browser, url, subjects, options.out, photos)


if __name__ == "__main__":
    main()
