"""A search, and questions about the photo that it finds first."""

from __future__ import annotations

from flask.testing import FlaskClient

CAT_QUERY = "a cat looks at the camera"
SENTENCES = ("a dog in the snow", "a cup of coffee", "a cat")
ALL_QUESTIONS = {
    "q": CAT_QUERY,
    "sentence": "a cat rides a motorcycle",
    "sentences": "\n".join(SENTENCES),
    "missed": "a dog in the snow",
}


def found(client: FlaskClient, **query: object) -> list[int]:
    """The photos that CAT_QUERY finds, in order."""
    answer = client.get("/api/v1/search", query_string={"q": CAT_QUERY, **query}).json
    return [result["photo_id"] for result in answer["results"]]
