"""The weights that a home ranks by where it was calibrated: see `tellshow calibrate`."""

from __future__ import annotations

import logging

from captioner.captioner import Ranking
from catalog.calibrations import find_calibration
from catalog.image_vectors import chosen_image_embedder
from search.collection import own_model_id
from search.engine import SearchEngine

log = logging.getLogger(__name__)


def home_ranking(engine: SearchEngine) -> Ranking | None:
    """The weights fitted for the engine's captioner and image embedder; None for none.

    Those that are damaged are None too, and named in the log. Raises DatabaseUnavailable.
    """
    with engine.database.read() as session:
        model_id = own_model_id(session, engine.captioner, engine.embedder)
        chosen = chosen_image_embedder(session) if engine.image_embedder else None
        if model_id is None:
            return None
        found = find_calibration(session, model_id, chosen.model_id if chosen else None)
    if found is None:
        return None
    try:
        return Ranking.from_dict(found.ranking or {})
    except (KeyError, TypeError):
        log.warning(
            "The calibration of this home is damaged: its captioner's own weights rank instead; "
            "run tellshow calibrate again, or tellshow calibrate --reset."
        )
        return None
