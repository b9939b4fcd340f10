"""The API's models have the fields of the dataclasses that they describe, in name and type."""

from __future__ import annotations

from dataclasses import fields
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel

from indexer import report
from search import complete, explain, image_to_text, rerank, results, status
from web.api import collection_schemas, schemas

LINKS = frozenset({"url", "thumbnail_url"})
PAGES = frozenset({"next", "previous"})
# (dataclass, model, fields of the model that the route adds, fields that to_json leaves out)
TWINS: list[tuple[type, type[BaseModel], frozenset[str], frozenset[str]]] = [
    (rerank.WordGain, schemas.Word, frozenset(), frozenset()),
    (explain.WordMap, schemas.MappedWord, frozenset(), frozenset()),
    (results.SearchResult, schemas.SearchResult, LINKS, frozenset({"named", "reasons"})),
    (results.SimilarPhoto, schemas.SimilarPhoto, LINKS, frozenset()),
    (results.SearchAnswer, schemas.SearchAnswer, PAGES, frozenset({"above", "more"})),
    (explain.CostliestWord, schemas.Costliest, frozenset(), frozenset()),
    (explain.Explanation, schemas.Explanation, frozenset({"photo_id"}), frozenset()),
    (image_to_text.RankedSentence, schemas.RankedSentence, frozenset(), frozenset()),
    (complete.Completion, schemas.Completion, frozenset(), frozenset()),
    (complete.Completions, schemas.Completions, frozenset(), frozenset()),
    (status.RootStatus, schemas.Root, frozenset(), frozenset()),
    (status.ModelStatus, schemas.Model, frozenset(), frozenset()),
    (status.ImageEmbedderStatus, schemas.ImageEmbedder, frozenset(), frozenset()),
    (status.CalibrationStatus, schemas.Calibration, frozenset(), frozenset()),
    (status.Status, schemas.Status, frozenset(), frozenset()),
    (report.Skipped, collection_schemas.SkippedFile, frozenset(), frozenset()),
    (
        report.IndexReport,
        collection_schemas.Report,
        frozenset(),
        frozenset({"withheld", "held_back", "changed_originals"}),
    ),
]
MODEL_OF = {twin: model for twin, model, _, _ in TWINS}
# A result's words have maps where they were asked for.
WIDER = {(schemas.SearchResult, "words"): list[schemas.MappedWord | schemas.Word]}


def shape(annotation: Any) -> Any:
    """A type as it is in JSON: dataclasses as their models, tuples as lists, limits left out."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return shape(arguments[0])
    if origin in (Union, UnionType):
        return frozenset(map(shape, arguments))
    if origin in (tuple, list):
        return ("list", shape(arguments[0]))
    if origin is dict:
        return ("dict", *map(shape, arguments))
    return MODEL_OF.get(annotation, annotation)


@pytest.mark.parametrize(
    ("twin", "model", "added", "left_out"), TWINS, ids=lambda part: getattr(part, "__name__", "")
)
def test_model_has_the_fields_of_its_dataclass(
    twin: type, model: type[BaseModel], added: frozenset[str], left_out: frozenset[str]
) -> None:
    hints = get_type_hints(twin)
    expected = {
        field.name: shape(WIDER.get((model, field.name), hints[field.name]))
        for field in fields(twin)
        if field.name not in left_out
    }
    described = get_type_hints(model, include_extras=True)
    found = {name: shape(described[name]) for name in model.model_fields if name not in added}
    assert found == expected
    assert added <= set(model.model_fields)
