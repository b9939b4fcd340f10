"""The JSON API of links that share photos; what they show is web.pages.shared."""

from __future__ import annotations

from flask import Response, abort, jsonify, url_for

from catalog import shares
from catalog.shares import ShareView
from web.api import kept_schemas as schemas
from web.api.openapi import KEPT, answers, api_blueprint
from web.context import current_engine
from web.kept import hashes_of, writing
from web.kept_parameters import SHARE_ID, NewShare, SharePath
from web.middleware.route_marks import unqueued
from web.parameters import require_json_object

blueprint = api_blueprint("shares_api", __name__)


@blueprint.before_request
def _read_json() -> None:
    require_json_object("photo_ids")


@blueprint.get("/shares", tags=[KEPT], responses=answers(schemas.SharesAnswer))
@unqueued
def list_shares() -> Response:
    """Links that share photos and have not ended, without their tokens."""
    with current_engine().database.read() as session:
        return jsonify({"shares": [_share_json(each) for each in shares.list_shares(session)]})


@blueprint.post(
    "/shares", tags=[KEPT], responses=answers(schemas.NewShareAnswer, 403, 404, 409, 415)
)
@unqueued
def create_share(body: NewShare) -> Response:
    """Make a link that shares an album as it is, or photos, with whoever has it."""
    with writing() as session:
        if body.album_id is not None:
            share_id, token = shares.share_album(session, body.album_id, body.title, body.lasts)
        else:
            hashes = hashes_of(session, body.photo_ids or [])
            share_id, token = shares.share_photos(session, hashes, body.title, body.lasts)
        [made] = [each for each in shares.list_shares(session) if each.share_id == share_id]
    link = url_for("shared.show", token=token, _external=True)
    return jsonify({**_share_json(made), "link": link})


@blueprint.delete(
    f"/shares/{SHARE_ID}", tags=[KEPT], responses=answers(schemas.SharesAnswer, 403, 404, 409)
)
@unqueued
def revoke_share(path: SharePath) -> Response:
    """End a link at once. The others are answered."""
    with writing() as session:
        if not shares.revoke_share(session, path.share_id):
            abort(404)
        return jsonify({"shares": [_share_json(each) for each in shares.list_shares(session)]})


def _share_json(share: ShareView) -> dict[str, object]:
    return {
        "share_id": share.share_id,
        "title": share.title,
        "album_id": share.album_id,
        "created_at": share.created_at.isoformat(),
        "expires_at": share.expires_at.isoformat(),
    }
