"""Beam search by ONNX Runtime; captioner/beam_search.py says which it is.

The graph finds the likeliest words after each hypothesis; which hypotheses live on is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Floats
from captioner.config import CaptionerConfig
from captioner.onnx_decoder import beam_model
from captioner.onnx_layers import Arrays
from captioner.onnx_session import Session
from captioner.scores import MAX_CAPTION_WORDS, Caption
from captioner.vocabulary import END, PAD, START, UNKNOWN, Vocabulary

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class _Photos:
    """The decoder's inputs of B photos."""

    places: Floats  # [B,h,P,w], their memory by attention heads
    term: Floats  # [B,H]


@dataclass(frozen=True)
class _Beams:
    """K hypotheses for each of B photos; rows are photo-major, B*K of them."""

    tokens: Ids  # [B*K,T]
    scores: Floats  # [B,K], log-likelihoods; -inf where there is no such hypothesis yet
    lengths: Ids  # [B,K], words so far, END included
    done: NDArray[np.bool_]  # [B,K]
    hidden: Floats  # [B*K,H]
    cell: Floats  # [B*K,H]

    @property
    def going(self) -> Ids:
        """Rows of the hypotheses that go on."""
        return np.flatnonzero((~self.done & np.isfinite(self.scores)).ravel())


class BeamSearch:
    """Searches captions of photos, in the calling thread alone; safe to use from several."""

    def __init__(self, config: CaptionerConfig, arrays: Arrays, vocabulary: Vocabulary) -> None:
        self._config, self._arrays, self._vocabulary = config, arrays, vocabulary
        self._sessions: dict[int, Session] = {}
        self._lock = Lock()

    def search(
        self, memory: Floats, seed: Floats, term: Floats, width: int, length_penalty: float
    ) -> list[list[Caption]]:
        """Up to `width` captions of each of B photos, best first."""
        session, photos = self._session(width), _Photos(self._by_heads(memory), term)
        beams = _start(seed, width)
        for _ in range(MAX_CAPTION_WORDS):
            beams = _extend(session, photos, beams)
            if beams.done.all():
                break
        return self._finish(session, photos, beams, length_penalty)

    def _by_heads(self, memory: Floats) -> Floats:
        """Memory [B,P,M] -> places [B,h,P,w]."""
        heads = self._config.decoder.attention_heads
        apart = memory.reshape(*memory.shape[:2], heads, -1)
        return np.ascontiguousarray(apart.transpose(0, 2, 1, 3))

    def _session(self, width: int) -> Session:
        with self._lock:
            if width not in self._sessions:
                self._sessions[width] = Session(
                    lambda: beam_model(self._config, self._arrays, width), threads=1
                )
            return self._sessions[width]

    def _finish(
        self, session: Session, photos: _Photos, beams: _Beams, length_penalty: float
    ) -> list[list[Caption]]:
        """End what is unfinished, then sort each photo's hypotheses."""
        scores, rows = beams.scores.copy(), beams.going
        if len(rows):
            scores.flat[rows] += _step(session, photos, beams, rows)["ending"]
        order = np.argsort(-scores / np.maximum(beams.lengths, 1) ** length_penalty, kind="stable")
        tokens = beams.tokens.reshape(*scores.shape, -1)
        return [
            [
                Caption(self._vocabulary.join(said[best]), likely[best])
                for best in ranked
                if likely[best] > -np.inf
            ]
            for said, likely, ranked in zip(
                tokens.tolist(), scores.tolist(), order.tolist(), strict=True
            )
        ]


def _start(seed: Floats, width: int) -> _Beams:
    count = len(seed)
    scores = np.full((count, width), -np.inf, np.float32)
    scores[:, 0] = 0  # the other hypotheses are born at the first step
    lengths = np.zeros((count, width), np.int64)
    tokens = np.full((count * width, 1), START, np.int64)
    cell = seed.repeat(width, axis=0)
    return _Beams(tokens, scores, lengths, lengths > 0, np.zeros_like(cell), cell)


def _extend(session: Session, photos: _Photos, beams: _Beams) -> _Beams:
    (count, width), rows = beams.scores.shape, beams.going
    made = _step(session, photos, beams, rows)
    likely = np.full((count * width, width), -np.inf, np.float32)
    words = np.full((count * width, width), PAD, np.int64)
    likely[beams.done.ravel(), 0] = 0  # a finished hypothesis goes on at no cost, by PAD
    likely[rows], words[rows] = made["scores"], made["ids"]
    hidden, cell = beams.hidden.copy(), beams.cell.copy()
    hidden[rows], cell[rows] = made["hidden"], made["cell"]
    totals = (beams.scores.reshape(-1, 1) + likely).reshape(count, -1)  # [B,K*K]
    choice = np.argsort(-totals, axis=1, kind="stable")[:, :width]  # [B,K]
    scores = np.take_along_axis(totals, choice, axis=1)
    parents = choice // width
    word = np.take_along_axis(words.reshape(count, -1), choice, axis=1)
    kept = (np.arange(count)[:, None] * width + parents).ravel()
    was_done = np.take_along_axis(beams.done, parents, axis=1)
    return _Beams(
        np.concatenate([beams.tokens[kept], word.reshape(-1, 1)], axis=1),
        scores,
        np.take_along_axis(beams.lengths, parents, axis=1) + ~was_done,
        was_done | (word == END),
        hidden[kept],
        cell[kept],
    )


def _step(session: Session, photos: _Photos, beams: _Beams, rows: Ids) -> dict[str, Floats]:
    """What may follow some of the hypotheses; see beam_model."""
    tokens, photo = beams.tokens[rows], rows // beams.scores.shape[1]
    words, which = np.unique(tokens[:, -1], return_inverse=True)
    return session.run(
        words=words,
        which=which,
        before=beams.hidden[rows],
        cell_before=beams.cell[rows],
        forbidden=_forbidden(tokens),
        places=photos.places[photo],
        term=photos.term[photo],
    )


def _forbidden(tokens: Ids) -> Ids:
    """Words that may not follow [N,F]: no special one, no word twice, no three in a row again."""
    special = np.tile(np.array([PAD, START, UNKNOWN], np.int64), (len(tokens), 1))
    last = tokens[:, -1:]
    again = (tokens[:, :-2] == tokens[:, -2:-1]) & (tokens[:, 1:-1] == last)  # [N,T-2]
    repeats = np.where(again, tokens[:, 2:], UNKNOWN)
    return np.concatenate([special, np.maximum(last, UNKNOWN), repeats], axis=1)
