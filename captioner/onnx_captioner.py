"""The captioner by ONNX Runtime, on the CPU, in float32: indexing and searching without torch.

Its graphs are made from the checkpoint's own arrays as it is loaded, each at its first use: a
search never loads the CNN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captioner import onnx_decoder
from captioner.captioner import Captioner, ClassEvidence, Floats, PhotoState, Tables, pad_rows
from captioner.checkpoint import Checkpoint, CheckpointError
from captioner.machine import threads
from captioner.onnx_beam_search import BeamSearch
from captioner.onnx_encoder import features_model, states_model
from captioner.onnx_estimate import estimate_model, mixes_of, places_model, shared_paths
from captioner.onnx_layers import SingleArrays
from captioner.onnx_session import Session
from captioner.parallel import in_parallel, in_slices
from captioner.photo_terms import PhotoTerms
from captioner.scores import (
    OCCLUSION_CHUNK,
    OCCLUSION_FRAME,
    Caption,
    Occlusion,
    SentenceScore,
    like_lengths,
    neighbours,
)
from captioner.vocabulary import END, PAD, START
from captioner.weights import expected_shapes

# Photos whose features, and photos whose logits are computed together at most; measured, more are
# no faster.
_LOOKED_AT, _READ = 16, 64
# Photos that captions are found for together, at least: a few hypotheses are as dear as many.
_CAPTIONED = 8


@dataclass(frozen=True)
class _Photos:
    """The decoder's inputs of N photos."""

    memory: Floats  # [N,P,M]
    seed: Floats  # [N,H]
    term: Floats  # [N,H], their share of the multimodal layer

    def __len__(self) -> int:
        return len(self.seed)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> _Photos:
        return _Photos(self.memory[rows], self.seed[rows], self.term[rows])


class OnnxCaptioner(Captioner):
    """A checkpoint of EfficientNet-Lite; raises CheckpointError where its arrays do not fit."""

    can_estimate = True

    def __init__(self, checkpoint: Checkpoint) -> None:
        config, arrays = checkpoint.config, SingleArrays(checkpoint.arrays)
        _check(checkpoint)
        tables = Tables.of(checkpoint.arrays)
        super().__init__(config, checkpoint.vocabulary, checkpoint.provenance, tables)
        self._features = Session(lambda: features_model(config, arrays), threads=1)
        self._states = Session(lambda: states_model(config, arrays), threads=1)
        self._step = Session(lambda: onnx_decoder.step_model(config, arrays))
        self._term = Session(lambda: onnx_decoder.photo_model(config, arrays), threads=1)
        self._chosen = Session(lambda: onnx_decoder.reading_model(config, arrays, all_words=False))
        self._every = Session(lambda: onnx_decoder.reading_model(config, arrays, all_words=True))
        self._scores = Session(lambda: onnx_decoder.scoring_model(config, arrays), threads=1)
        self._paths = Session(lambda: onnx_decoder.sentence_run_model(config, arrays), threads=1)
        self._places = Session(lambda: places_model(config, arrays), threads=1)
        self._estimate = Session(lambda: estimate_model(config, arrays), threads=1)
        self._sentences = Session(lambda: onnx_decoder.sentence_model(config, arrays), threads=1)
        self._terms = PhotoTerms(self._photo_terms)
        self._beams = BeamSearch(config, arrays, self.vocabulary)
        memory, seed, visual = (
            arrays[f"decoder.absent_{name}"] for name in ("memory", "seed", "visual")
        )
        self._absent_inputs = np.tanh(memory), seed, visual

    @property
    def describing_threads(self) -> int:
        """See Captioner; each takes one core."""
        return threads()

    @property
    def runtime(self) -> str:
        """What computes, and in which precision."""
        return "onnx float32"

    def load(self) -> None:
        """See Captioner."""
        # In the order in which a search needs them.
        searching = self._sentences, self._term, self._places, self._paths, self._estimate
        for each in (*searching, self._scores):
            each.load()

    def look(self, pixels: NDArray[np.uint8]) -> PhotoState:
        """Pixels [B,3,S,S] -> quantised states."""
        # Photos side by side, each by one thread: none waits at the end of every convolution.
        parts = in_slices(lambda rows: self._see(pixels[rows]), len(pixels), _LOOKED_AT)
        seen = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        classes = None
        if "ids" in seen:
            probability = seen["probability"].astype(np.float16)
            classes = ClassEvidence(seen["ids"].astype(np.int16), probability)
        memory, seed, visual = (seen[name] for name in ("memory", "seed", "visual"))
        words, bits = seen.get("words"), self.config.state_bits
        return PhotoState.quantised(memory, seed, visual, classes, words, bits=bits)

    def score_words(self, words: Sequence[str], state: PhotoState) -> SentenceScore:
        """See Captioner."""
        return self._score(words, state.features)

    def score_without_photo(self, words: Sequence[str]) -> SentenceScore:
        """See Captioner."""
        return self._score(words, self._absent_inputs)

    def score_both(
        self, words: Sequence[str], state: PhotoState
    ) -> tuple[SentenceScore, SentenceScore]:
        """See Captioner; no photo goes through the network as one more photo."""
        memory, seed, visual = map(
            np.concatenate, zip(state.features, self._absent_inputs, strict=True)
        )
        scored = self._score(words, (memory, seed, visual))
        return scored.take(slice(-1)), scored.take(slice(-1, None))

    def estimate(self, words: Sequence[str], state: PhotoState) -> Floats:
        """See Captioner."""
        said, following = self._sentence(words)
        seeds, shares = shared_paths(state.seed.astype(np.float32))
        size = -(-len(state) // max(threads() - 1, 1))
        memories = [state.memory[row : row + size] for row in range(0, len(state), size)]
        work: list[Callable[[], Floats]] = [
            lambda: self._paths.run(words=said, seed=seeds)["hidden"],
            lambda: self._terms.of(state.seed, state.visual),
            *(partial(self._places_of, memory) for memory in memories),
        ]
        paths, term, *parts = in_parallel(lambda run: run(), work)
        places = _joined(parts)
        inputs = {"shares": shares, "mixes": mixes_of(len(state)), "places": places, "term": term}

        def likely(steps: slice) -> Floats:
            """Log-likelihoods of the words of some steps [T,N]."""
            run = self._estimate.run(
                words=said[steps],
                targets=following[steps],
                paths=paths[:, steps],
                **inputs,
            )
            return run["likely"]

        estimate: Floats = _joined(in_slices(likely, len(said), len(said))).sum(axis=0)
        return estimate

    def score_sentences(
        self, sentences: Sequence[Sequence[str]], state: PhotoState | None
    ) -> Floats:
        """See Captioner; sentences of like length go through the LSTM together."""
        ids = [self.vocabulary.encode(words) for words in sentences]
        scores = np.zeros((len(ids), max(map(len, ids), default=0) + 1), np.float32)
        photo = self._photos(*(self._absent_inputs if state is None else state.features))
        for rows in like_lengths([len(row) for row in ids]):
            inputs = pad_rows([[START, *ids[row]] for row in rows])  # [S,T+1]
            targets = pad_rows([[*ids[row], END] for row in rows])
            many = photo[np.zeros(len(rows), np.int64)]
            likely = self._choose(inputs, targets, self._run(inputs, many), many)
            scores[rows, : targets.shape[1]] = np.where(targets == PAD, 0, likely)
        return scores

    def read_prefix(self, words: Sequence[str], state: PhotoState) -> tuple[Floats, Floats]:
        """See Captioner."""
        photos = self._photos(*state.features)
        ids = np.array([[START, *self.vocabulary.encode(words)]], np.int64)  # [1,T+1]
        hidden = self._run(ids, photos)  # [B,T+1,H]
        said = np.zeros((len(photos), 0), np.float32)
        if len(words):
            said = self._choose(ids[:, :-1], ids[:, 1:], hidden[:, :-1], photos)
        following = self._every.run(
            words=ids[:, -1:], hidden=hidden[:, -1:], memory=photos.memory, term=photos.term
        )
        return said, following["likely"][:, 0]

    def generate_captions(
        self, state: PhotoState, beam_size: int = 3, length_penalty: float = 0.7
    ) -> list[list[Caption]]:
        """See Captioner; raises ValueError for a `beam_size` below 1."""
        if beam_size < 1:
            raise ValueError("beam_size must be at least 1")
        photos = self._photos(*state.features)
        size = max(_CAPTIONED, -(-len(photos) // threads()))
        parts = [photos[row : row + size] for row in range(0, len(photos), size)]
        found = in_parallel(
            lambda part: self._beams.search(
                part.memory, part.seed, part.term, beam_size, length_penalty
            ),
            parts,
        )
        return [captions for part in found for captions in part]

    def occlude(self, words: Sequence[str], state: PhotoState) -> Occlusion:
        """See Captioner."""
        frame = [word for word in OCCLUSION_FRAME if word in self.vocabulary]
        said = np.array([[START, *self.vocabulary.encode(frame)]], np.int64)
        wanted = self.vocabulary.encode(words)

        def likely(photos: _Photos) -> Floats:
            """Log-likelihoods of the words after the frame, each place hidden: [B,1+P,T]."""
            hidden = self._run(said, photos)[:, -1:]  # [B,1,H]
            every, copies = _with_hidden_parts(photos.memory)
            rows = np.arange(len(photos)).repeat(copies)
            scored = self._every.run(
                words=said[:, -1:], hidden=hidden[rows], memory=every, term=photos.term[rows]
            )
            return scored["likely"][:, 0, wanted].reshape(len(photos), copies, len(wanted))

        photos = self._photos(*state.features)
        parts = [
            likely(photos[row : row + OCCLUSION_CHUNK])
            for row in range(0, len(photos), OCCLUSION_CHUNK)
        ]
        scores = np.concatenate(parts)
        drops = (scores[:, :1] - scores[:, 1:]).transpose(0, 2, 1)
        without = likely(self._photos(*self._absent_inputs))[:, 0]
        return Occlusion(drops, scores[:, 0] - without)

    def _see(self, pixels: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """What the network makes of pixels [B,3,S,S]; see states_model."""
        found = [self._features.run(pixels=photo[None]) for photo in pixels]
        return self._states.run(
            **{name: np.concatenate([each[name] for each in found]) for name in found[0]}
        )

    def _read(self, embeddings: Floats, words: NDArray[np.int64]) -> Floats:
        vectors = embeddings.astype(np.float32)
        unit: Floats = self._sentences.run(embeddings=vectors, words=words)["vectors"]
        return unit

    def _photos(self, memory: Floats, seed: Floats, visual: Floats) -> _Photos:
        return _Photos(memory, seed, self._photo_terms(seed, visual))

    def _photo_terms(self, seed: Floats, visual: Floats) -> Floats:
        term: Floats = self._term.run(seed=seed, visual=visual)["term"]
        return term

    def _places_of(self, memory: NDArray[np.int8]) -> Floats:
        places: Floats = self._places.run(memory=memory)["places"]
        return places

    def _sentence(self, words: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Ids of the words that a sentence is read by, and of those that follow them; [T+1]."""
        ids = np.array([START, *self.vocabulary.encode(words), END], np.int64)
        return ids[:-1], ids[1:]

    def _score(
        self, words: Sequence[str], features: tuple[Floats, Floats, Floats]
    ) -> SentenceScore:
        said, following = self._sentence(words)
        memory, seed, visual = features

        def likely(rows: slice) -> Floats:
            run = self._scores.run(
                words=said,
                targets=following,
                memory=memory[rows],
                seed=seed[rows],
                visual=visual[rows],
            )
            return run["likely"]

        return SentenceScore(tuple(words), _joined(in_slices(likely, len(seed), _READ)))

    def _run(self, words: NDArray[np.int64], photos: _Photos) -> Floats:
        """The LSTM over words [R,T], for N photos: hidden [N,T,H]; R is 1 or N."""
        hidden, cell = np.zeros_like(photos.seed), photos.seed
        steps = np.empty((len(photos), words.shape[1], hidden.shape[1]), np.float32)
        for number, column in enumerate(words.T):
            made = self._step.run(words=column, before=hidden, cell_before=cell)
            hidden, cell = made["hidden"], made["cell"]
            steps[:, number] = hidden
        return steps

    def _choose(
        self, words: NDArray[np.int64], targets: NDArray[np.int64], hidden: Floats, photos: _Photos
    ) -> Floats:
        """Log-likelihoods [N,T] of the words that followed: targets [R,T]."""
        likely: Floats = self._chosen.run(
            words=words, targets=targets, hidden=hidden, memory=photos.memory, term=photos.term
        )["likely"]
        return likely


def _check(checkpoint: Checkpoint) -> None:
    """Raise CheckpointError where a checkpoint's arrays are not those of its configuration."""
    try:
        expected = expected_shapes(checkpoint.config, len(checkpoint.vocabulary))
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{checkpoint.path} needs torch: {error}") from error
    if {name: array.shape for name, array in checkpoint.arrays.items()} != expected:
        raise CheckpointError(f"the weights in {checkpoint.path} do not fit its configuration")


def _joined(parts: Sequence[Floats]) -> Floats:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _with_hidden_parts(memory: Floats) -> tuple[Floats, int]:
    """Each of B photos as it is, then with each of its P places hidden: [B*(1+P),P,M], and 1+P.

    A place is hidden by the mean of all the photo's, and its neighbours (3x3) with it.
    """
    count = memory.shape[1]
    around = neighbours(isqrt(count))[None, :, :, None]  # [1,P,P,1]
    mean = memory.mean(axis=1, keepdims=True)[:, None]  # [B,1,1,M]
    hidden = np.where(around, mean, memory[:, None])  # [B,P,P,M]
    every = np.concatenate([memory[:, None], hidden], axis=1)
    return every.reshape(-1, *memory.shape[1:]), 1 + count
