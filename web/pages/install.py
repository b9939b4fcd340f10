"""What browsers and phones read of the site itself, to offer its search and to install it.

An OpenSearch description, a web application manifest and a favicon, each open to all: browsers
ask for them without a session, and they say nothing of the collection.
"""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify, render_template, url_for

from web.context import current_config
from web.middleware.route_marks import open_to_all, unlimited, unqueued

# Of icon.svg, which all icons show.
DARK = "#1d1b18"
_ICONS = (
    ("icon.svg", "any", "image/svg+xml", "any"),
    ("icon-192.png", "192x192", "image/png", "any"),
    ("icon-512.png", "512x512", "image/png", "any"),
    ("icon-maskable-512.png", "512x512", "image/png", "maskable"),
)
_KEPT = "public, max-age=86400"

blueprint = Blueprint("install", __name__)


@blueprint.get("/opensearch.xml")
@open_to_all
@unlimited
@unqueued
def opensearch() -> Response:
    """The OpenSearch 1.1 description by which a browser searches from its address bar."""
    text = render_template("opensearch.xml", title=current_config().title)
    return _kept(Response(text, mimetype="application/opensearchdescription+xml"))


@blueprint.get("/manifest.webmanifest")
@open_to_all
@unlimited
@unqueued
def manifest() -> Response:
    """The W3C's web application manifest: what makes the site installable."""
    title, home = current_config().title, url_for("search.show")
    answer = jsonify(
        {
            "name": title,
            "short_name": title,
            "description": "Find your photos by typing what is in them",
            "id": home,
            "start_url": home,
            "scope": home,
            "display": "standalone",
            "background_color": DARK,
            "theme_color": DARK,
            "icons": [
                {
                    "src": url_for("static", filename=name),
                    "sizes": sizes,
                    "type": kind,
                    "purpose": purpose,
                }
                for name, sizes, kind, purpose in _ICONS
            ],
        }
    )
    answer.mimetype = "application/manifest+json"
    return _kept(answer)


@blueprint.get("/favicon.ico")
@open_to_all
@unlimited
@unqueued
def favicon() -> Response:
    """The icon where browsers and readers of feeds look for it without being told."""
    return _kept(current_app.send_static_file("favicon.ico"))


def _kept(answer: Response) -> Response:
    answer.headers["Cache-Control"] = _KEPT
    answer.vary.add("Host")  # their addresses are those by which they were asked for
    return answer
