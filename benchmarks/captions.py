"""Benchmark: does the first stage find more by several captions a photo than by one?

    python -m benchmarks.captions --captions dev.tsv --images images

Compares the vector of the best beam with means over several beams and over sampled captions
that the head and the likelihood chose; makes a table of docs/lab.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.pixel_batches import pixel_batches
from captioner.captioner import SHORT_WORDS, Captioner, PhotoState, Ranking
from captioner.checkpoint import DEFAULT_CHECKPOINT
from captioner.dataset import CaptionedPhoto, read_captions
from captioner.embedder import SentenceEmbedder
from captioner.metrics import recall_at_k, score_captions
from captioner.network import Network, features_of
from captioner.scores import MAX_CAPTION_WORDS, Caption
from captioner.torch_captioner import load_torch_captioner
from captioner.vocabulary import END, PAD, START, UNKNOWN, tokenise
from search.calibration import Background
from search.evaluation.fit_weights import fit_ranking
from search.evaluation.measurements import Measurements, sample_queries
from search.limits import DEFAULT_CANDIDATES

_SAMPLES = 10
_KEPT = 5
_TOP_WORDS = 20

Captions = list[list[Caption]]


@torch.inference_mode()
def sample_captions(network: Network, state: PhotoState, generator: torch.Generator) -> Captions:
    """Captions of each photo, every word drawn from the likeliest twenty (Fan et al. 2018)."""
    features = features_of(state)
    rows = torch.arange(len(features)).repeat_interleave(_SAMPLES)
    wide, decoder = features[rows], network.decoder
    hidden, cell = decoder.start(wide)
    tokens, scores = torch.full((len(rows), 1), START), torch.zeros(len(rows))
    done = torch.zeros(len(rows), dtype=torch.bool)
    for _ in range(MAX_CAPTION_WORDS):
        words = decoder.embedding(tokens[:, -1:])
        steps, (next_hidden, next_cell) = decoder.lstm(words, (hidden[None], cell[None]))
        outputs, _ = decoder.read(words, steps, wide)
        shares = decoder.logits(outputs)[:, 0].log_softmax(dim=-1)
        shares[:, [PAD, START, UNKNOWN]] = float("-inf")
        best, ids = shares.topk(_TOP_WORDS, dim=1)
        drawn = torch.multinomial(best.softmax(dim=1), 1, generator=generator)
        word = ids.gather(1, drawn)[:, 0].where(~done, PAD)
        scores += best.gather(1, drawn)[:, 0].where(~done, 0.0)
        tokens = torch.cat([tokens, word[:, None]], dim=1)
        done |= word == END
        hidden, cell = next_hidden[0], next_cell[0]
    texts = [network.vocabulary.join(row) for row in tokens.tolist()]
    found = [Caption(text, score) for text, score in zip(texts, scores.tolist(), strict=True)]
    return [found[row : row + _SAMPLES] for row in range(0, len(found), _SAMPLES)]


def choose(
    captioner: Captioner, embedder: SentenceEmbedder, state: PhotoState, found: Captions
) -> Captions:
    """The five of each photo's captions that head and likelihood like best, by mean rank."""
    chosen = []
    for row, captions in enumerate(found):
        texts = [caption.text for caption in captions]
        visual = state.visual[row].astype(np.float32)
        likes = captioner.read(texts, embedder.encode(texts)) @ visual
        means = [caption.log_likelihood / len(caption.text.split() or [""]) for caption in captions]
        ranks = np.argsort(np.argsort(-likes)) + np.argsort(np.argsort(-np.array(means)))
        chosen.append([captions[place] for place in np.argsort(ranks, kind="stable")[:_KEPT]])
    return chosen


def mean_vectors(
    captioner: Captioner, embedder: SentenceEmbedder, captions: Captions
) -> NDArray[np.float32]:
    """Unit mean of the captions' vectors: [N,E]."""
    rows = []
    for own in tqdm(captions, desc="vectors", leave=False):
        texts = [caption.text for caption in own]
        mean = captioner.read(texts, embedder.encode(texts)).mean(axis=0)
        rows.append(mean / np.linalg.norm(mean))
    return np.stack(rows)


def distinct_share(captions: Captions) -> float:
    """Percent of the words of all captions that are different within their photo."""
    shares = []
    for own in captions:
        words = [word for caption in own for word in caption.text.split()]
        shares.append(len(set(words)) / max(len(words), 1))
    return 100 * float(np.mean(shares))


def _row(
    name: str,
    vectors: NDArray[np.float32],
    queries: NDArray[np.float32],
    visual: NDArray[np.float32],
    owners: NDArray[np.int64],
    captions: Captions,
) -> str:
    alone, seen, unbiased = queries @ vectors.T, queries @ visual.T, np.zeros(len(visual), "f4")
    # Only the first stage's weights are asked for: what stands for the likelihood is no matter.
    words = (Background(words=SHORT_WORDS + 1),) * len(owners)
    measured = Measurements(seen, seen, seen, alone, unbiased, owners, words)
    ranking = fit_ranking(measured, Ranking())
    both = ranking.visual_in_retrieval * measured.visual + ranking.caption_in_retrieval * alone
    right = both[np.arange(len(both)), owners][:, None]
    among = 100 * float(((both >= right).sum(axis=1) <= DEFAULT_CANDIDATES).mean())
    one, two = recall_at_k(alone, owners), recall_at_k(both, owners)
    return (
        f"| {name} | {one.r1:.1f} / {one.r10:.1f} | {two.r1:.1f} / {two.r10:.1f} | "
        f"{among:.1f} | {distinct_share(captions):.0f} |"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=DEFAULT_CHECKPOINT)
    options = parser.parse_args()
    captioner = load_torch_captioner(options.model, "cpu")
    embedder = SentenceEmbedder(captioner.embedder_name, "cpu")
    photos = read_captions(options.captions, options.images)
    size, asked = captioner.config.encoder.image_size, sample_queries(photos)
    states = [
        captioner.look(pixels) for pixels in pixel_batches([photo.path for photo in photos], size)
    ]
    texts = [query.text for query in asked]
    queries = captioner.read(texts, embedder.encode(texts))
    visual = np.concatenate([state.visual for state in states]).astype(np.float32)
    owners = np.array([query.owner for query in asked])
    generator = torch.Generator().manual_seed(0)
    ways: dict[str, Callable[[PhotoState], Captions]] = {
        "best of 3 beams": lambda state: [own[:1] for own in captioner.generate_captions(state)],
        "3 beams": lambda state: captioner.generate_captions(state),
        "5 beams": lambda state: captioner.generate_captions(state, beam_size=5),
        f"{_KEPT} of {_SAMPLES} samples": lambda state: choose(
            captioner, embedder, state, sample_captions(captioner.network, state, generator)
        ),
    }
    print("| captions a photo | alone R@1 / R@10 | with the head | recall@200 | distinct words % |")
    print("| --- | --- | --- | --- | --- |")
    for name, way in ways.items():
        captions = [own for state in tqdm(states, desc=name, leave=False) for own in way(state)]
        vectors = mean_vectors(captioner, embedder, captions)
        print(_row(name, vectors, queries, visual, owners, captions), flush=True)
    _print_quality(captioner, photos, states)


def _print_quality(
    captioner: Captioner, photos: Sequence[CaptionedPhoto], states: Sequence[PhotoState]
) -> None:
    """How captions score by the width of the search and the strength of length normalisation."""
    references = [[tokenise(text) for text in photo.captions] for photo in photos]
    print("\n| beams | length penalty | BLEU-4 | CIDEr |\n| --- | --- | --- | --- |")
    for beams, penalty in ((1, 0.7), (3, 0.0), (3, 0.7), (3, 1.0), (5, 0.7)):
        texts = [
            tokenise(own[0].text)
            for state in states
            for own in captioner.generate_captions(state, beams, penalty)
        ]
        scores = score_captions(texts, references)
        print(f"| {beams} | {penalty} | {scores.bleu4:.1f} | {scores.cider:.1f} |", flush=True)


if __name__ == "__main__":
    main()
