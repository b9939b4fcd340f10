"""Benchmark: where the model sees a word, against boxes that people drew.

    python -m benchmarks.pointing --boxes benchmarks/pointing_boxes.tsv --images images

The pointing game (Zhang et al. 2016): a map scores where its maximum lies in a box of the named
thing, or at most 15 of 224 pixels beside it. Beside it, how much of the map lies in the boxes, for
each share of the photo that they cover. Makes the tables of docs/lab.md; `--pixels` adds the slow
occlusion of pixels, `--captions` the words in sentences that people wrote.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from benchmarks.pixel_batches import pixel_batches
from captioner.captioner import PhotoState
from captioner.checkpoint import DEFAULT_CHECKPOINT
from captioner.classifier import Classifier
from captioner.dataset import read_captions
from captioner.decoder import PhotoFeatures
from captioner.embedder import SentenceEmbedder
from captioner.encoder import Encoder
from captioner.likelihood import score_words
from captioner.network import Network, features_of, load_network
from captioner.occlusion import occlude
from captioner.vocabulary import START, tokenise
from search.explain import LEAST_SALIENCE, salience

_TOLERANCE = 15 / 224
_FRAMES = ("there is a {}", "a photo of a {}", "{}")
_FINE = 20  # points a side of a position, to tell how much of it a box covers
_CLASS_TEMPERATURE = 0.05
_ABSENT = 6  # words a photo that it does not show

Boxes = list[tuple[float, float, float, float]]


@dataclass(frozen=True)
class Named:
    """A word, the photo (by its row) whose captions name it, and the boxes of what it names."""

    photo: int
    word: str
    boxes: Boxes

    def points(self, side: int) -> NDArray[np.bool_]:
        """Which positions' centres count as in a box: [P]."""
        return self._inside((np.arange(side) + 0.5) / side, _TOLERANCE).ravel()

    def cover(self, side: int) -> NDArray[np.float64]:
        """How much of each position lies in a box, 0 to 1: [P]."""
        count = side * _FINE
        fine = self._inside((np.arange(count) + 0.5) / count, 0.0)
        parts: NDArray[np.float64] = fine.reshape(side, _FINE, side, _FINE).mean(axis=(1, 3))
        return parts.ravel()

    def _inside(self, at: NDArray[np.float64], beside: float) -> NDArray[np.bool_]:
        inside = np.zeros((len(at), len(at)), bool)
        for x0, y0, x1, y1 in self.boxes:
            across = (at >= x0 - beside) & (at <= x1 + beside)
            down = (at >= y0 - beside) & (at <= y1 + beside)
            inside |= down[:, None] & across[None]
        return inside


def read_boxes(table: Path) -> tuple[list[str], list[Named]]:
    """Photos' file names, and the words whose boxes the table holds.

    Raises OSError and ValueError.
    """
    files: list[str] = []
    boxes: dict[tuple[int, str], Boxes] = {}
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, dialect="excel-tab"):
            if row["image"] not in files:
                files.append(row["image"])
            x0, y0, x1, y1 = (float(row[name]) for name in ("x0", "y0", "x1", "y1"))
            key = files.index(row["image"]), row["word"]
            boxes.setdefault(key, []).append((x0, y0, x1, y1))
    return files, [Named(photo, word, found) for (photo, word), found in boxes.items()]


@dataclass(frozen=True)
class Bench:
    """N photos as the captioner keeps them, and the class maps of its classifier [N,K,h,w]."""

    captioner: Network
    state: PhotoState
    classes: Tensor | None

    def features(self, photo: int) -> PhotoFeatures:
        """One photo's, from its stored state."""
        return features_of(self.state[photo : photo + 1])


def _class_maps(encoder: Encoder, classifier: Classifier, pixels: Tensor) -> Tensor:
    """What each place adds to each class's mean: [N,K,h,w]."""
    stem = encoder.stem(encoder.enlarge(pixels)).contiguous(memory_format=torch.channels_last)
    features = (classifier.tail or encoder.tail)(stem).float()
    weights = classifier.output.weight[:, : features.shape[1]]
    return torch.einsum("kc,bchw->bkhw", weights, features)


@torch.inference_mode()
def look(captioner: Network, files: Sequence[Path]) -> Bench:
    """Every photo as indexing stores it."""
    states, classes = [], []
    for batch in pixel_batches(files, captioner.config.encoder.image_size):
        pixels = torch.from_numpy(batch)
        states.append(captioner.look(pixels))
        if captioner.encoder.classifier is not None:
            classes.append(_class_maps(captioner.encoder, captioner.encoder.classifier, pixels))
    whole = PhotoState(
        memory=np.concatenate([each.memory for each in states]),
        seed=np.concatenate([each.seed for each in states]),
        visual=np.concatenate([each.visual for each in states]),
    )
    return Bench(captioner, whole, torch.cat(classes) if classes else None)


@dataclass(frozen=True)
class Asked:
    """A word of a sentence about one photo: which of the words is meant."""

    words: list[str]
    place: int

    def ids(self, captioner: Network) -> Tensor:
        """START and the words up to the one meant [T+1]."""
        return torch.tensor([START, *captioner.vocabulary.encode(self.words[: self.place + 1])])


def likely(captioner: Network, asked: Asked, features: PhotoFeatures) -> tuple[Tensor, Tensor]:
    """Log p(word | those before it, photo) [B], and the attention it was read with [B,P]."""
    decoder, ids = captioner.decoder, asked.ids(captioner)
    vectors = decoder.embedding(ids[:-1])
    hidden = decoder.run(vectors, features)[:, -1:]
    outputs, weights = decoder.read(vectors[None, -1:], hidden, features)
    return decoder.logits(outputs)[:, 0].log_softmax(dim=-1)[:, ids[-1]], weights[:, 0]


def attention(captioner: Network, asked: Asked, photo: PhotoFeatures) -> Tensor:
    """The decoder's attention before the word, mean of its heads [P] (Xu et al. 2015)."""
    return likely(captioner, asked, photo)[1][0]


def occlusion(captioner: Network, asked: Asked, photo: PhotoFeatures, reach: int = 1) -> Tensor:
    """What the word loses where a place and its neighbours are the photo's mean [P]."""
    return _occluded(captioner, asked, photo, photo.memory.mean(dim=1, keepdim=True), reach)


def occlusion_of_one(captioner: Network, asked: Asked, photo: PhotoFeatures) -> Tensor:
    """The same for the place alone."""
    return occlusion(captioner, asked, photo, 0)


def occlusion_by_absent(captioner: Network, asked: Asked, photo: PhotoFeatures) -> Tensor:
    """The same, places replaced by those of "no photo"."""
    return _occluded(captioner, asked, photo, captioner.decoder.absent().memory, 1)


def occlusion_of_grid_alone(captioner: Network, asked: Asked, photo: PhotoFeatures) -> Tensor:
    """The same of a photo whose seed and vector are those of "no photo"."""
    absent = captioner.decoder.absent()
    return occlusion(captioner, asked, PhotoFeatures(photo.memory, absent.seed, absent.visual))


def one_place_alone(captioner: Network, asked: Asked, photo: PhotoFeatures) -> Tensor:
    """What the word gains from one place, all others those of "no photo" [P]."""
    absent = captioner.decoder.absent().memory
    only = torch.eye(absent.shape[1], dtype=torch.bool)[..., None]
    told = likely(captioner, asked, _with_memory(photo, torch.where(only, photo.memory, absent)))[0]
    return told - likely(captioner, asked, _with_memory(photo, absent))[0]


def gradient(captioner: Network, asked: Asked, photo: PhotoFeatures) -> Tensor:
    """Gradient x (input less that of "no photo") on the grid [P]."""
    with torch.inference_mode(False), torch.enable_grad():
        memory = photo.memory.clone().requires_grad_(True)
        kept = PhotoFeatures(memory, photo.seed.clone(), photo.visual.clone())
        told = likely(captioner, asked, kept)[0].sum()
        (slope,) = torch.autograd.grad(told, memory)
    return (slope * (photo.memory - captioner.decoder.absent().memory)).sum(dim=-1)[0]


def _occluded(
    captioner: Network, asked: Asked, photo: PhotoFeatures, fill: Tensor, reach: int
) -> Tensor:
    memory = torch.where(_near(photo.memory.shape[1], reach), fill, photo.memory)
    hidden = likely(captioner, asked, _with_memory(photo, memory))[0]
    return likely(captioner, asked, photo)[0] - hidden


def _with_memory(photo: PhotoFeatures, memory: Tensor) -> PhotoFeatures:
    rows = len(memory)
    return PhotoFeatures(memory, photo.seed.expand(rows, -1), photo.visual.expand(rows, -1))


def _near(count: int, reach: int) -> Tensor:
    """Which positions are at most so many steps apart: bool [P,P,1]."""
    side = torch.arange(isqrt(count))
    places = torch.cartesian_prod(side, side)
    apart = (places[:, None] - places[None]).abs().amax(dim=-1)
    return (apart <= reach)[..., None]


METHODS: Mapping[str, Callable[[Network, Asked, PhotoFeatures], Tensor]] = {
    "attention (shown before)": attention,
    "gradient x input": gradient,
    "one place alone": one_place_alone,
    "occlusion of one place": occlusion_of_one,
    "occlusion of 3x3 places by no photo's": occlusion_by_absent,
    "occlusion of 3x3 places, the grid alone": occlusion_of_grid_alone,
    "occlusion of 3x3 places by their mean": occlusion,
}


@dataclass(frozen=True)
class Pointed:
    """How maps of many words did: whether each pointed right, and its share in the boxes."""

    hits: list[float]
    shares: list[float]

    def add(self, named: Named, seen: NDArray[np.float64]) -> None:
        """Count a map [P]."""
        side = isqrt(len(seen))
        above, cover = seen.clip(min=0), named.cover(side)
        share = (above * cover).sum() / above.sum() if above.sum() > 0 else cover.mean()
        self.hits.append(float(named.points(side)[seen.argmax()]))
        self.shares.append(float(share / cover.mean()))

    def row(self, name: str, milliseconds: float | None = None) -> str:
        """A line of a table."""
        cost = "" if milliseconds is None else f"{milliseconds:.1f}"
        return f"| {name} | {100 * np.mean(self.hits):.1f} | {np.mean(self.shares):.2f} | {cost} |"


def baselines(words: Sequence[Named], side: int) -> list[str]:
    """A point drawn at random, and the centre."""
    chance = Pointed([float(each.points(side).mean()) for each in words], [1.0])
    middle, centre = Pointed([], []), np.zeros(side * side)
    centre[len(centre) // 2] = 1
    for each in words:
        middle.add(each, centre)
    return [chance.row("a place at random"), middle.row("the centre")]


@torch.inference_mode()
def by_state(bench: Bench, words: Sequence[Named], ask: Callable[[Named], Asked]) -> Iterator[str]:
    """Every method that needs the stored state alone, the words asked in one way."""
    for name, method in METHODS.items():
        found, spent = Pointed([], []), 0.0
        for each in words:
            photo, asked = bench.features(each.photo), ask(each)
            started = time.perf_counter()
            seen = method(bench.captioner, asked, photo)
            spent += time.perf_counter() - started
            found.add(each, seen.numpy().astype(np.float64))
        yield found.row(name, 1000 * spent / len(words))


@torch.inference_mode()
def by_classes(bench: Bench, words: Sequence[Named], embedder: SentenceEmbedder) -> str:
    """The classifier's activation map (Zhou et al. 2016) of the classes that are like a word."""
    found, captioner = Pointed([], []), bench.captioner
    assert bench.classes is not None
    texts = [each.word for each in words]
    vectors = torch.from_numpy(captioner.read(texts, embedder.encode(texts)))
    like = vectors @ captioner.class_vectors.float().T / _CLASS_TEMPERATURE
    side = isqrt(bench.state.memory.shape[1])
    for each, weights in zip(words, like.softmax(dim=-1), strict=True):
        seen = (weights[:, None, None] * bench.classes[each.photo]).sum(dim=0)[None, None]
        seen = F.interpolate(seen, side, mode="bilinear", antialias=True)
        found.add(each, seen.flatten().numpy().astype(np.float64))
    return found.row("classes' activation map (needs the CNN)")


@torch.inference_mode()
def by_pixels(
    bench: Bench, words: Sequence[Named], files: Sequence[Path], ask: Callable[[Named], Asked]
) -> str:
    """Occlusion of pixels: a grey 3x3 of positions laid over the photo (a pass of the CNN each)."""
    found, captioner = Pointed([], []), bench.captioner
    size, count = captioner.config.encoder.image_size, bench.state.memory.shape[1]
    side = isqrt(count)
    near = _near(count, 1)[..., 0].view(count, 1, side, side).float()
    grey = F.interpolate(near, size, mode="nearest").bool()  # [P,1,S,S]
    for photo, file in enumerate(files):
        [batch] = pixel_batches([file], size)
        pixels = torch.from_numpy(batch)
        filled = torch.where(grey, torch.full_like(pixels, 127), pixels)
        hidden = captioner.see(torch.cat([pixels, filled]))
        for each in (word for word in words if word.photo == photo):
            told = likely(captioner, ask(each), hidden)[0]
            found.add(each, (told[0] - told[1:]).numpy().astype(np.float64))
    return found.row("occlusion of pixels (needs the CNN)")


@dataclass(frozen=True)
class Shown:
    """Saliences of W maps; whether they point right, and what they are of: [W] each."""

    salience: NDArray[np.float64]
    right: NDArray[np.bool_]
    there: NDArray[np.bool_]  # words that the photo's captions name
    half: NDArray[np.bool_]  # of the first of two halves of the photos

    def fit(self, rows: NDArray[np.bool_]) -> float:
        """The salience that best tells maps that point right from all others (Youden's J)."""
        told, right = self.salience[rows], self.right[rows]
        worth = [(told[right] >= least).mean() - (told[~right] >= least).mean() for least in told]
        return float(told[int(np.argmax(worth))])

    def row(self, name: str, least: float, rows: NDArray[np.bool_]) -> str:
        """A line of a table: of the maps that are shown from a salience on."""
        shown, there, right = self.salience[rows] >= least, self.there[rows], self.right[rows]
        shares = shown[there].mean(), right[shown & there].mean(), shown[~there].mean()
        return f"| {name} | {least:.2f} | " + " | ".join(f"{100 * x:.0f}%" for x in shares) + " |"


@torch.inference_mode()
def shown_maps(bench: Bench, words: Sequence[Named]) -> Shown:
    """The product's maps of words that are there, and of words of other photos that are not."""
    vocabulary, lots = sorted({each.word for each in words}), np.random.default_rng(0)
    rows = []
    for photo in range(len(bench.state)):
        there = {each.word: each for each in words if each.photo == photo}
        others = sorted({word for word in vocabulary if word.rstrip("s") not in _stems(there)})
        absent = lots.choice(others, min(_ABSENT, len(others)), replace=False).tolist()
        asked = [*there, *absent]
        hidden = occlude(bench.captioner, asked, bench.features(photo))
        drops, gain = hidden.drops[0], hidden.gain[0]
        for word, drop, much in zip(asked, drops, salience(drops, gain), strict=True):
            named = there.get(word)
            hit = named is not None and named.points(isqrt(len(drop)))[int(drop.argmax())]
            rows.append((much, hit, named is not None, photo % 2 == 0))
    much, right, is_there, half = np.array(rows, np.float64).T
    return Shown(much, right > 0, is_there > 0, half > 0)


def _stems(words: Iterable[str]) -> set[str]:
    return {word.rstrip("s") for word in words}


def _print_shown(found: Shown) -> None:
    print(
        "\n| maps shown from | salience | of words there | of those, right | of words not there |"
    )
    print("| --- | --- | --- | --- | --- |")
    everyone = np.ones(len(found.salience), bool)
    print(found.row("the product's threshold", LEAST_SALIENCE, everyone))
    for rows in (found.half, ~found.half):
        print(found.row("fitted on the other half of the photos", found.fit(~rows), rows))


def _asker(frame: str) -> Callable[[Named], Asked]:
    def ask(named: Named) -> Asked:
        words = tokenise(frame.format(named.word))
        return Asked(words, len(words) - 1)

    return ask


def _captioned(
    captions: Mapping[str, Sequence[str]], files: Sequence[str]
) -> Callable[[Named], Asked]:
    def ask(named: Named) -> Asked:
        sentences = map(tokenise, captions[files[named.photo]])
        words = next(words for words in sentences if named.word in words)
        return Asked(words, words.index(named.word))

    return ask


def _print_costs(bench: Bench, words: Sequence[Named]) -> None:
    """What the maps of a query's words cost for one photo, beside its likelihood."""
    photo, asked = bench.features(0), [each.word for each in words[:4]]
    for name, work in (
        ("likelihood of four words on one photo", score_words),
        ("maps of four words on one photo", occlude),
    ):
        work(bench.captioner, asked, photo)
        started = time.perf_counter()
        for _ in range(10):
            work(bench.captioner, asked, photo)
        print(f"{name}: {100 * (time.perf_counter() - started):.1f} ms")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--boxes", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--captions", type=Path, help="a table of sentences that name the words")
    parser.add_argument("--pixels", action="store_true", help="occlude pixels, too (slow)")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    options = _arguments()
    captioner = load_network(options.model, "cpu")
    files, named = read_boxes(options.boxes)
    words = [each for each in named if each.word in captioner.vocabulary]
    bench = look(captioner, [options.images / file for file in files])
    print(f"{len(words)} words of {len(files)} photos, {len(named) - len(words)} unknown left out")
    ways = {frame: _asker(frame) for frame in _FRAMES}
    if options.captions:
        photos = read_captions(options.captions, options.images)
        said = {photo.path.name: photo.captions for photo in photos}
        ways["in a sentence that a person wrote"] = _captioned(said, files)
    for name, ask in ways.items():
        print(f"\n| {name.format('WORD')} | points right, % | share in box / area | ms |")
        print("| --- | --- | --- | --- |")
        print("\n".join(by_state(bench, words, ask)))
    print("\n".join(["", *baselines(words, isqrt(bench.state.memory.shape[1]))]))
    if bench.classes is not None:
        print(by_classes(bench, words, SentenceEmbedder(captioner.provenance.embedder_name, "cpu")))
    if options.pixels:
        paths = [options.images / file for file in files]
        print(by_pixels(bench, words, paths, ways[_FRAMES[0]]))
    _print_shown(shown_maps(bench, words))
    _print_costs(bench, words)


if __name__ == "__main__":
    main()
