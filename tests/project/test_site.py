"""The documentation's site builds without a link that leads nowhere, and leaves no page out."""

import re
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

from mkdocs_hooks import PAGES, site_path
from tests.project.source_tree import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site; whatever MkDocs warns of makes it fail."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True))
    return folder


def test_every_document_is_a_page_that_the_navigation_names(site: Path) -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    named = re.findall(r"- (\S+)\.md$", navigation, re.M)
    documents = [file.stem for file in (ROOT / "docs").glob("*.md")]
    pages = [Path(page).stem for page in PAGES.values()]
    assert sorted(named) == sorted(documents + pages)
    assert [name for name in named if not (site / f"{name}.html").is_file()] == []


def test_page_of_the_readme_shows_its_picture_and_leads_to_the_documents(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    assert 'src="screenshot.png"' in page
    assert 'href="commands.html#tellshow-train"' in page
    assert 'href="changelog.html"' in page


@pytest.mark.parametrize(
    ("source", "link", "target"),
    [
        ("README.md", "docs/api.md", "api.md"),
        ("docs/api.md", "commands.md", "commands.md"),
        ("docs/mcp.md", "../CHANGELOG.md", "changelog.md"),
        ("docs/architecture.md", "../web/upload.py", None),
        ("README.md", "LICENSE", None),
    ],
)
def test_link_leads_to_a_page_or_nowhere(source: str, link: str, target: str | None) -> None:
    assert site_path(source, link) == target
