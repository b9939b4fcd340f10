"""Calibrations in SQL: weights of a ranking, fitted on captions of one's own, and taken back.

Weights are JSON that this floor does not read. Each belongs to a captioner, and to an image
embedder or to none, and is of no use beside another.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import LargeBinary, cast, delete, select
from sqlalchemy.orm import Session

from catalog.checksums import text_checksum
from catalog.models import Calibration


@dataclass(frozen=True)
class NewCalibration:
    """Weights for a captioner beside an image embedder (None: without one).

    `captions` and `photos`: how many they were fitted on.
    """

    model_id: int
    image_model_id: int | None
    ranking: dict[str, Any]
    captions: int
    photos: int


@dataclass(frozen=True)
class CalibrationView:
    """A calibration that is stored; `ranking` None where it is not as it was written."""

    calibration_id: int
    model_id: int
    image_model_id: int | None
    ranking: dict[str, Any] | None
    captions: int
    photos: int
    fitted_at: datetime


def save_calibration(session: Session, new: NewCalibration) -> None:
    """Store weights, instead of those that the same models had."""
    _remove(session, new.model_id, new.image_model_id)
    text = json.dumps(new.ranking)
    row = Calibration(
        model_id=new.model_id,
        image_model_id=new.image_model_id,
        ranking=text,
        checksum=text_checksum(text),
        captions=new.captions,
        photos=new.photos,
        fitted_at=datetime.now(UTC),
    )
    session.add(row)
    session.flush()


def list_calibrations(session: Session) -> list[CalibrationView]:
    """Return all that there are, oldest first."""
    sqlite = session.get_bind().dialect.name == "sqlite"  # whose damaged text need not be UTF-8
    texts: list[Any] = [Calibration.ranking, Calibration.checksum]
    query = select(
        Calibration.id, Calibration.model_id, Calibration.image_model_id, Calibration.captions,
        Calibration.photos, Calibration.fitted_at,
        *(cast(column, LargeBinary) if sqlite else column for column in texts),
    )  # fmt: skip
    found = []
    for key, model, image, captions, photos, fitted_at, text, checksum in session.execute(
        query.order_by(Calibration.id)
    ):
        sound = text_checksum(text).encode() == _bytes(checksum)
        ranking = json.loads(text) if sound else None
        found.append(CalibrationView(key, model, image, ranking, captions, photos, fitted_at))
    return found


def find_calibration(
    session: Session, model_id: int, image_model_id: int | None
) -> CalibrationView | None:
    """Return that of a captioner beside an image embedder, or without one; None for none."""
    wanted = (model_id, image_model_id)
    own = (each for each in list_calibrations(session) if wanted == _models(each))
    return next(own, None)


def remove_calibrations(session: Session, ids: list[int] | None = None) -> int:
    """Remove some calibrations, or all; returns how many those were."""
    known = [each.calibration_id for each in list_calibrations(session)]
    gone = known if ids is None else [key for key in known if key in ids]
    if gone:
        session.execute(delete(Calibration).where(Calibration.id.in_(gone)))
    return len(gone)


def _models(view: CalibrationView) -> tuple[int, int | None]:
    return view.model_id, view.image_model_id


def _remove(session: Session, model_id: int, image_model_id: int | None) -> None:
    old = find_calibration(session, model_id, image_model_id)
    if old is not None:
        remove_calibrations(session, [old.calibration_id])


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
