"""Benchmark: recall of every part of the ranking, alone and together.

    python -m benchmarks.ranking --captions dev.tsv --images images

Makes the tables of docs/lab.md. Asks the captioner itself, without catalog or FAISS: every photo
is a candidate. The weights of sums are fitted to the sentences they are measured on: six numbers,
see search.evaluation.fit_weights.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.pixel_batches import pixel_batches
from benchmarks.word_order import reorder_captions
from captioner.captioner import PhotoState, Ranking
from captioner.checkpoint import DEFAULT_CHECKPOINT
from captioner.dataset import CaptionedPhoto, read_captions
from captioner.decoder import PhotoFeatures
from captioner.device import exact
from captioner.embedder import SentenceEmbedder
from captioner.likelihood import score_words
from captioner.metrics import Recall, recall_at_k
from captioner.network import state_of
from captioner.torch_captioner import TorchCaptioner, load_torch_captioner
from captioner.vocabulary import tokenise
from search.calibration import Background, backgrounds, fit_probability
from search.evaluation.evaluate import image_to_text
from search.evaluation.fit_weights import fit_ranking
from search.evaluation.measurements import Measurements, Query, all_combined_scores, sample_queries
from search.evaluation.worlds import signs_of
from search.limits import DEFAULT_CANDIDATES
from search.parsed_query import ParsedQuery, parse_queries, read_vectors
from search.rerank import combined_scores, likelihood_scores, retrieval_scores
from search.retrieval import Candidates

_COLLECTIONS = (10, 30, 100, 300, 1000)
_WORD_ORDER_PAIRS = 200
_PHRASE_WORDS = 3
# Words that Flickr8k's captions use, and what somebody else would say.
_SYNONYMS = {
    "man": "bloke", "woman": "gal", "boy": "lad", "girl": "lass", "child": "youngster",
    "children": "youngsters", "kid": "youngster", "dog": "pooch", "dogs": "pooches",
    "running": "sprinting", "runs": "sprints", "grass": "lawn", "shirt": "blouse",
    "car": "automobile", "street": "boulevard", "beach": "seashore", "bike": "velocipede",
    "bicycle": "velocipede", "hat": "bonnet", "jacket": "anorak", "large": "gigantic",
    "big": "gigantic", "small": "petite", "little": "petite", "walking": "strolling",
    "walks": "strolls", "smiling": "beaming", "house": "cottage", "boat": "dinghy",
    "lake": "lagoon", "road": "roadway", "mountain": "peak", "puppy": "pup", "people": "folks",
    "couch": "settee", "camera": "camcorder",
}  # fmt: skip


@dataclass(frozen=True)
class Album:
    """N photos as the captioner keeps them, and as it saw them before anything was rounded."""

    photos: list[CaptionedPhoto]
    state: PhotoState
    exact: PhotoFeatures
    captions: NDArray[np.float32]  # [N,E]
    bias: NDArray[np.float32]  # [N]


class Bench:
    """A captioner, its embedder and an album."""

    def __init__(self, captioner: TorchCaptioner, embedder: SentenceEmbedder, album: Album) -> None:
        self.captioner, self.embedder, self.album = captioner, embedder, album

    def measure(self, queries: Sequence[Query], label: str) -> Measurements:
        """Every query on every photo, as a search reads it."""
        texts = [query.text for query in queries]
        parsed_queries = parse_queries(texts, self.captioner, self.embedder)
        likelihood, evidence = zip(*self._likelihoods(parsed_queries, label), strict=True)
        visual, caption = self._similarities(texts, parsed_queries)
        return Measurements(
            np.stack(likelihood),
            np.stack(evidence),
            visual,
            caption,
            self.album.bias,
            np.array([query.owner for query in queries]),
            tuple(backgrounds(self.captioner, parsed_queries, self.read(texts, parsed_queries))),
            detected=self._detected(parsed_queries),
        )

    def _detected(self, parsed_queries: Sequence[ParsedQuery]) -> NDArray[np.float32] | None:
        rows = [self.captioner.detect(each.words, self.album.state) for each in parsed_queries]
        found = [row for row in rows if row is not None]
        return np.stack(found) if found else None

    def _likelihoods(
        self, parsed_queries: Sequence[ParsedQuery], label: str
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        for parsed in tqdm(parsed_queries, desc=label, leave=False):
            scores, alone = self.captioner.score_both(parsed.words, self.album.state)
            yield scores.log_likelihood, scores.log_likelihood - alone.log_likelihood

    def _similarities(
        self, texts: Sequence[str], parsed_queries: Sequence[ParsedQuery]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        vectors = self.read(texts, parsed_queries)
        visual = self.album.state.visual.astype(np.float32)
        return vectors @ visual.T, vectors @ self.album.captions.T

    def read(
        self, texts: Sequence[str], parsed_queries: Sequence[ParsedQuery]
    ) -> NDArray[np.float32]:
        """Unit vectors of queries [Q,E]."""
        return read_vectors(texts, parsed_queries, self.captioner, self.embedder)


def look(
    captioner: TorchCaptioner, embedder: SentenceEmbedder, photos: list[CaptionedPhoto]
) -> Album:
    """What indexing computes of each photo."""
    files = [photo.path for photo in photos]
    seen, sentences, biases = [], [], []
    for pixels in pixel_batches(files, captioner.config.encoder.image_size):
        features = captioner.network.see(torch.from_numpy(pixels))
        state = state_of(features, captioner.config)
        texts = [found[0].text for found in captioner.generate_captions(state)]
        seen.append(features)
        sentences.append(captioner.read(texts, embedder.encode(texts)))
        biases.append(captioner.hub_bias(state))
    whole = _joined(seen)
    state = state_of(whole, captioner.config)
    return Album(photos, state, whole, np.concatenate(sentences), np.concatenate(biases))


def _joined(parts: Sequence[PhotoFeatures]) -> PhotoFeatures:
    return PhotoFeatures(
        torch.cat([part.memory for part in parts]),
        torch.cat([part.seed for part in parts]),
        torch.cat([part.visual for part in parts]),
    )


def parts_alone_and_together(measured: Measurements) -> list[tuple[str, Recall]]:
    """Recall of every part and sum that a search can rank by."""
    ranking = fit_ranking(measured, Ranking())
    rows: list[tuple[str, NDArray[np.float32]]] = [
        ("caption's vector", measured.caption),
        ("head's vector", measured.visual),
        ("both vectors", first_stage(ranking, measured)),
        ("both vectors and hub bias (first stage)", _retrieval(ranking, measured)),
        ("likelihood", measured.log_likelihood),
        (
            "likelihood and hub bias",
            likelihood_scores(ranking, measured.log_likelihood, measured.bias),
        ),
    ]
    for name, left_out in (
        ("likelihood and head", ("bias", "caption", "detected")),
        ("likelihood, head and hub bias", ("caption", "detected")),
        ("likelihood, both vectors and hub bias", ("detected",)),
        ("these and the words detected (combined)", ()),
    ):
        rows.append((name, _combined(measured, left_out)))
    return [(name, recall_at_k(scores, measured.owners)) for name, scores in rows]


def first_stage(ranking: Ranking, measured: Measurements) -> NDArray[np.float32]:
    """The first stage's similarity [Q,N]."""
    total: NDArray[np.float32] = (
        ranking.visual_in_retrieval * measured.visual
        + ranking.caption_in_retrieval * measured.caption
    )
    return total


def _retrieval(ranking: Ranking, measured: Measurements) -> NDArray[np.float32]:
    return retrieval_scores(ranking, first_stage(ranking, measured), measured.bias)


def _combined(measured: Measurements, left_out: tuple[str, ...]) -> NDArray[np.float32]:
    """The sum whose weights are fitted without some of its parts."""
    parts = {name: getattr(measured, name) for name in left_out}
    silent = {name: np.zeros_like(part) for name, part in parts.items() if part is not None}
    kept = replace(measured, **silent)
    ranking = fit_ranking(kept, Ranking())
    return all_combined_scores(ranking, kept)


def shipped(bench: Bench, measured: Measurements) -> Recall:
    """Recall with the weights that the checkpoint carries."""
    ranking = bench.captioner.provenance.ranking
    return recall_at_k(all_combined_scores(ranking, measured), measured.owners)


def cross_fitted(measured: Measurements) -> Recall:
    """Recall of the combined score, each half of the photos' queries by weights of the other's."""
    halves = _halves(measured)
    scores = [
        all_combined_scores(fit_ranking(other, Ranking()), asked)
        for asked, other in (halves, halves[::-1])
    ]
    owners = np.concatenate([part.owners for part in halves])
    return recall_at_k(np.concatenate(scores), owners)


def first_stage_recall(measured: Measurements) -> float:
    """Percent of queries whose photo is among the candidates."""
    scores = first_stage(fit_ranking(measured, Ranking()), measured)
    right = scores[np.arange(len(scores)), measured.owners][:, None]
    return 100 * float(((scores >= right).sum(axis=1) <= DEFAULT_CANDIDATES).mean())


def same_top_ten(bench: Bench, queries: Sequence[Query]) -> float:
    """Percent of queries whose ten best photos are the same from states as from pixels.

    Both sides in float32: what is asked is what the states lose, not what bfloat16 does.
    """
    with exact():
        again = Bench(bench.captioner, bench.embedder, _seen_exactly(bench))
        return _same_top_ten(again, again.measure(queries, "from states"), queries)


def _seen_exactly(bench: Bench) -> Album:
    """The album as the captioner sees it in float32; captions and biases stay."""
    files = [photo.path for photo in bench.album.photos]
    size = bench.captioner.config.encoder.image_size
    network = bench.captioner.network
    parts = [network.see(torch.from_numpy(pixels)) for pixels in pixel_batches(files, size)]
    seen = _joined(parts)
    return replace(bench.album, exact=seen, state=state_of(seen, bench.captioner.config))


def _same_top_ten(bench: Bench, measured: Measurements, queries: Sequence[Query]) -> float:
    visual = bench.album.exact.visual.numpy()
    texts = [query.text for query in queries]
    parsed_queries = parse_queries(texts, bench.captioner, bench.embedder)
    vectors = bench.read(texts, parsed_queries)
    ranking, same = bench.captioner.provenance.ranking, 0
    for row, parsed in enumerate(tqdm(parsed_queries, desc="from pixels", leave=False)):
        scored = score_words(bench.captioner.network, parsed.words, bench.album.exact)
        pixels_likelihood = scored.log_likelihood
        found = measured.candidates(row)
        seen = Candidates(found.ids, visual @ vectors[row], found.caption)
        detected = None if measured.detected is None else measured.detected[row]
        stored = combined_scores(
            ranking, found, measured.log_likelihood[row], measured.bias, detected
        )
        pixels = combined_scores(ranking, seen, pixels_likelihood, measured.bias, detected)
        same += set(np.argsort(-stored)[:10].tolist()) == set(np.argsort(-pixels)[:10].tolist())
    return 100 * same / len(queries)


def word_order(bench: Bench) -> dict[str, tuple[int, float]]:
    """Pairs of each kind, and percent in which the caption is likelier than its words reordered."""
    captions = [photo.captions for photo in bench.album.photos]
    pairs = reorder_captions(captions, _WORD_ORDER_PAIRS)
    won: dict[str, list[bool]] = {"roles exchanged": [], "shuffled": []}
    for pair in pairs:
        state = bench.album.state[pair.photo : pair.photo + 1]
        told, changed = (
            float(bench.captioner.score_words(words, state).log_likelihood[0])
            for words in (pair.original, pair.reordered)
        )
        won["roles exchanged" if pair.swapped else "shuffled"].append(told > changed)
    won["all"] = [*won["roles exchanged"], *won["shuffled"]]
    return {kind: (len(wins), 100 * float(np.mean(wins))) for kind, wins in won.items()}


def with_unknown_synonyms(
    captioner: TorchCaptioner, queries: Sequence[Query]
) -> tuple[list[Query], list[Query], list[Query]]:
    """Queries that hold a word of the list, with an unknown synonym for it, and without it."""
    kept, replaced, dropped = [], [], []
    for query in queries:
        words = tokenise(query.text)
        known = [
            word
            for word in words
            if word in _SYNONYMS and _SYNONYMS[word] not in captioner.vocabulary
        ]
        if known:
            synonym = [_SYNONYMS[word] if word == known[0] else word for word in words]
            kept.append(query)
            replaced.append(Query(" ".join(synonym), query.owner))
            dropped.append(Query(" ".join(word for word in words if word != known[0]), query.owner))
    return kept, replaced, dropped


def weak_marks(measured: Measurements, size: int) -> tuple[float, float, float]:
    """How the mark "weak" on the first of `size` photos does, drawn anew for each query.

    Weights are of one half of the photos' queries, figures of the other. Returns percent: of
    first results weak though the query's photo is there; of those weak where it was removed
    (recall); and of weak ones, those whose photo was removed (precision).
    """
    fitted, asked = _halves(measured)
    ranking = fit_ranking(fitted, Ranking())
    scores = _drawn(all_combined_scores(ranking, asked), asked.owners, size)
    rows = np.arange(len(scores))
    there = signs_of(asked, rows, scores.argmax(axis=1))
    scores[rows, asked.owners] = -np.inf
    removed = signs_of(asked, rows, scores.argmax(axis=1))
    weak = [
        fit_probability(ranking.fit, signs) < ranking.fit.weak_below for signs in (there, removed)
    ]
    wrongly, rightly = (100 * float(marks.mean()) for marks in weak)
    return wrongly, rightly, 100 * rightly / max(wrongly + rightly, 1e-9)


def _drawn(
    scores: NDArray[np.float32], owners: NDArray[np.int64], size: int
) -> NDArray[np.float32]:
    """Scores [Q,N] of each query's own photo and `size` - 1 others; -inf elsewhere."""
    lots = np.random.default_rng(0).random(scores.shape)
    lots[np.arange(len(owners)), owners] = -1
    kept = np.argpartition(lots, min(size, lots.shape[1]) - 1, axis=1)[:, :size]
    drawn = np.full_like(scores, -np.inf)
    np.put_along_axis(drawn, kept, np.take_along_axis(scores, kept, axis=1), axis=1)
    return drawn


def _halves(measured: Measurements) -> tuple[Measurements, Measurements]:
    """The queries of the first half of the photos, and of the second; on all photos."""
    first = measured.owners < np.median(measured.owners)
    return measured.take(np.flatnonzero(first)), measured.take(np.flatnonzero(~first))


def phrases(queries: Sequence[Query], seed: int = 0) -> list[Query]:
    """Three words in a row of each query that has so many."""
    generator, cut = np.random.default_rng(seed), []
    for query in queries:
        words = tokenise(query.text)
        if len(words) >= _PHRASE_WORDS:
            start = int(generator.integers(len(words) - _PHRASE_WORDS + 1))
            cut.append(Query(" ".join(words[start : start + _PHRASE_WORDS]), query.owner))
    return cut


def _row(name: str, recall: Recall) -> str:
    figures = f"{recall.r1:.1f} | {recall.r5:.1f} | {recall.r10:.1f} | {recall.median_rank:g}"
    return f"| {name} | {figures} |"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--zoom", type=float, help="look at photos so much larger than trained on")
    parser.add_argument("--queries", type=int, help="sample so many captions (default: all)")
    parser.add_argument("--keep", type=Path, help="keep what was measured in this .npz, or take it")
    parser.add_argument("--side-queries", type=int, default=500, help="for all but the first table")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    options = _arguments()
    started = time.perf_counter()
    captioner = load_torch_captioner(options.model, "cpu")
    seconds, size = time.perf_counter() - started, options.model.stat().st_size
    if options.zoom:
        encoder = captioner.network.encoder
        encoder.config = replace(encoder.config, zoom=options.zoom)
    print(f"{options.model.name}: {size / 1e6:.1f} MB, loaded in {seconds:.2f} s\n")
    embedder = SentenceEmbedder(captioner.embedder_name, "cpu")
    photos = read_captions(options.captions, options.images)
    bench = Bench(captioner, embedder, look(captioner, embedder, photos))
    queries = sample_queries(photos, options.queries)
    _print_parts(bench, _measured(bench, queries, options.keep))
    _print_sides(bench, sample_queries(photos, options.side_queries))


def _measured(bench: Bench, queries: Sequence[Query], file: Path | None) -> Measurements:
    """Measure, or take from the file what was measured before."""
    if file is not None and file.is_file():
        with np.load(file) as kept:
            arrays = {name: kept[name] for name in kept if name != "backgrounds"}
            rows = kept["backgrounds"].tolist()
            return Measurements(**arrays, backgrounds=tuple(_background(row) for row in rows))
    measured = bench.measure(queries, "queries")
    if file is not None:
        parts = {part.name: getattr(measured, part.name) for part in fields(measured)}
        arrays = {name: part for name, part in parts.items() if part is not None}
        rows = [(b.words, b.rarity, b.unknown, *b.visual, *b.caption) for b in measured.backgrounds]
        np.savez(file, **arrays | {"backgrounds": np.array(rows)})
    return measured


def _background(row: Sequence[float]) -> Background:
    words, rarity, unknown, *chance = row
    visual, caption = (chance[0], chance[1]), (chance[2], chance[3])
    return Background(int(words), rarity, unknown, visual, caption)


def _print_parts(bench: Bench, measured: Measurements) -> None:
    print(f"{len(measured.owners)} queries over {len(bench.album.photos)} photos\n")
    print("| ranked by | R@1 | R@5 | R@10 | median rank |\n| --- | --- | --- | --- | --- |")
    for name, recall in parts_alone_and_together(measured):
        print(_row(name, recall))
    print(_row("the same, weights fitted on the other half of the photos", cross_fitted(measured)))
    print(_row("the same, with the checkpoint's weights", shipped(bench, measured)))
    ranking = fit_ranking(measured, bench.captioner.provenance.ranking)
    print(_row("photo -> sentences", image_to_text(ranking, measured)))
    share = first_stage_recall(measured)
    print(f"\nright photo among {DEFAULT_CANDIDATES} candidates: {share:.1f}%\n")
    print("| photos | weak though there | weak where removed (recall) | precision |")
    print("| --- | --- | --- | --- |")
    for size in _COLLECTIONS:
        wrongly, recalled, precision = weak_marks(measured, size)
        print(f"| {size} | {wrongly:.1f}% | {recalled:.1f}% | {precision:.1f}% |")


def _print_sides(bench: Bench, queries: Sequence[Query]) -> None:
    print(f"ten best from states as from pixels: {same_top_ten(bench, queries):.1f}%")
    for kind, (pairs, share) in word_order(bench).items():
        print(f"caption likelier than its words reordered, {kind} ({pairs} pairs): {share:.1f}%")
    kept, replaced, dropped = with_unknown_synonyms(bench.captioner, queries)
    print("\n| queries | R@1 | R@5 | R@10 | median rank |\n| --- | --- | --- | --- | --- |")
    for name, asked in (
        (f"{len(kept)} with a word that has an unknown synonym", kept),
        ("the synonym instead", replaced),
        ("the word left out", dropped),
        ("three words in a row of each query", phrases(queries)),
    ):
        print(_row(name, shipped(bench, bench.measure(asked, name))))


if __name__ == "__main__":
    main()
