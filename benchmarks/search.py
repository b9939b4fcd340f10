"""Benchmark: search latency by HTTP, by its parts, and against re-reading every photo file.

    python -m benchmarks.search --folder images --queries dev.tsv

Indexes the folders first, into a home that is thrown away unless --home names one to keep.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode, urlsplit

import numpy as np
import torch

from benchmarks.collection import indexed
from benchmarks.pixel_batches import pixel_batches
from captioner.captioner import Captioner, PhotoState
from captioner.dataset import read_captions
from captioner.embedder import SentenceEmbedder
from captioner.network import features_of, load_network
from captioner.vocabulary import END, START
from search.engine import SearchEngine
from search.limits import DEFAULT_CANDIDATES, DEFAULT_RESULTS, RETRIEVE
from search.parsed_query import parse_query
from search.request import SearchRequest
from search.rerank import score_photos
from web import create_app
from web.server import Server

_WARM_UP = 20
_LOOP_PHOTOS = 1000


def by_http(engine: SearchEngine, queries: Sequence[str]) -> list[float]:
    """Milliseconds of each query, asked one after the other over one connection."""
    with _running(engine) as address, closing(HTTPConnection(address)) as connection:
        return [_milliseconds(_ask, connection, text) for text in queries]


@contextmanager
def _running(engine: SearchEngine) -> Iterator[str]:
    server = Server(create_app(engine), "127.0.0.1", 0)
    thread = Thread(target=server.run)
    thread.start()
    try:
        yield urlsplit(server.url).netloc
    finally:
        server.stop()
        thread.join()


def _ask(connection: HTTPConnection, text: str) -> None:
    connection.request("GET", "/api/v1/search?" + urlencode({"q": text}))
    response = connection.getresponse()
    answer = json.loads(response.read())
    if response.status != 200 or not answer["results"]:
        raise RuntimeError(f"no answer to {text!r}: {answer}")


def by_parts(engine: SearchEngine, queries: Sequence[str]) -> dict[str, list[float]]:
    """Milliseconds that each part adds to the ones before it."""
    steps: dict[str, Callable[[str], object]] = {
        "reading the query": lambda text: engine.embedder.encode([text]),
        "first stage (vectors)": lambda text: _propose(engine, text),
        "second stage (likelihood)": lambda text: _first_page(engine, text),
        "rows of the answer": lambda text: engine.search(SearchRequest(text)),
    }
    parts: dict[str, list[float]] = {name: [] for name in steps}
    for text in queries:
        before = 0.0
        for name, step in steps.items():
            spent = _milliseconds(step, text)
            parts[name].append(spent - before)
            before = spent
    return parts


def _propose(engine: SearchEngine, text: str) -> object:
    return engine.rank(engine.read(SearchRequest(text, stage=RETRIEVE)))


def _first_page(engine: SearchEngine, text: str) -> object:
    return engine.order(engine.read(SearchRequest(text))).page(0, DEFAULT_RESULTS)


def against_pixels(
    captioner: Captioner, embedder: SentenceEmbedder, files: Sequence[Path], query: str
) -> tuple[float, float]:
    """Seconds that one query takes on photos from their stored states, and from their files."""
    size = captioner.config.encoder.image_size
    states = [captioner.look(pixels) for pixels in pixel_batches(files, size)]
    blobs = [blob for state in states for blob in state.pack(captioner.config)]
    words = parse_query(query, captioner, embedder).words

    def stored() -> None:
        score_photos(captioner, words, PhotoState.unpack(blobs, captioner.config))

    def loop() -> None:
        for pixels in pixel_batches(files, size):
            score_photos(captioner, words, captioner.look(pixels))

    stored()
    return min(_milliseconds(stored) for _ in range(5)) / 1000, _milliseconds(loop) / 1000


@torch.inference_mode()
def against_float32(captioner: Captioner, state: PhotoState, words: Sequence[str]) -> float:
    """Largest difference of a log-likelihood, in nats, from plain decoding in float32."""
    ids = captioner.vocabulary.encode(words)
    inputs, targets = torch.tensor([[START, *ids]]), torch.tensor([*ids, END])
    logits = load_network(device="cpu").decoder(features_of(state), inputs.expand(len(state), -1))
    exact = logits.log_softmax(dim=-1)[:, torch.arange(len(targets)), targets].sum(dim=1)
    return float(abs(captioner.score_words(words, state).log_likelihood - exact.numpy()).max())


def _milliseconds(work: Callable[..., object], *arguments: object) -> float:
    started = time.perf_counter()
    work(*arguments)
    return 1000 * (time.perf_counter() - started)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, action="append", required=True)
    parser.add_argument("--queries", type=Path, required=True, help="captions to ask (TSV)")
    parser.add_argument("--images", type=Path, help="their photos (default: the first folder)")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    photos = read_captions(options.queries, options.images or options.folder[0])
    texts = [text for photo in photos for text in photo.captions]
    drawn = np.random.default_rng(0).permutation(len(texts))[: _WARM_UP + options.count]
    queries = [texts[row] for row in drawn]
    with indexed(options.folder, options.home) as (engine, views):
        files = [Path(view.full_path) for view in views]
        _print_times(engine, len(files), queries)
        _print_ratios(engine, files[:_LOOP_PHOTOS], queries[0])


def _print_times(engine: SearchEngine, photos: int, queries: Sequence[str]) -> None:
    print(
        f"{photos} photos, {len(queries) - _WARM_UP} queries, "
        f"{DEFAULT_CANDIDATES} candidates each\n"
    )
    print("| | p50 ms | p95 ms |\n| --- | --- | --- |")
    rows = {"by HTTP, end to end": by_http(engine, queries), **by_parts(engine, queries)}
    for name, spent in rows.items():
        middle, most = np.percentile(spent[min(_WARM_UP, len(spent) // 2) :], [50, 95])
        print(f"| {name} | {middle:.0f} | {most:.0f} |")


def _print_ratios(engine: SearchEngine, files: Sequence[Path], query: str) -> None:
    stored, loop = against_pixels(engine.captioner, engine.embedder, files, query)
    print(
        f"\n{len(files)} photos for one query: {stored:.2f} s from stored states, {loop:.2f} s "
        f"from pixels: {loop / stored:.0f} times as fast"
    )
    batch = next(pixel_batches(files, engine.captioner.config.encoder.image_size))
    words = parse_query(query, engine.captioner, engine.embedder).words
    difference = against_float32(engine.captioner, engine.captioner.look(batch), words)
    print(f"largest difference from float32: {difference:.3f} nats")


if __name__ == "__main__":
    main()
