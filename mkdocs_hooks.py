"""What the documentation's site adds to docs/: pages from the root, and links as a site has them.

MkDocs calls these by name: https://www.mkdocs.org/user-guide/configuration/#hooks. The documents
are written to be read in the repository; on the site a link to a file of code is its text alone.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent
# A document of the root -> its page.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
_SOURCES = {page: document for document, page in PAGES.items()}
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents of the root."""
    for document, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / document)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point every link of a page at a page of the site, or leave its text where there is none."""
    source = _SOURCES.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def replaced(found: re.Match[str]) -> str:
        image, text, link, anchor = found.groups()
        target = site_path(source, link)
        return f"{image}[{text}]({target}{anchor or ''})" if target else text

    return _LINK.sub(replaced, markdown)


def site_path(source: str, link: str) -> str | None:
    """Where a link of a document leads on the site; None for a file that is no part of it.

    `source` and what the link leads to are paths from the repository's root.
    """
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
    if target in PAGES:
        return PAGES[target]
    return target.removeprefix("docs/") if target.startswith("docs/") else None
