"""An estimate of log p(sentence | photo) of many photos, for an eighth of its arithmetic.

It is the decoder of captioner/onnx_decoder.py with five savings, each an approximation:

- The LSTM runs for no photo, but for the mean of the photos' seeds and for a step from it along
  each of their first principal axes. A photo's hidden states are linear in its place on these.
- Attention asks for all photos what it would ask for the mean one, of a coarser grid.
- The softmax sums, at each step, the words that are likeliest on these photos, and for the others
  what is expected of them. A word's logits over the photos are taken for normally distributed: the
  mean of exp(logit) is then exp(mean + variance / 2).
- What is linear after the last tanh is one matrix, so that only logits that count are computed.
- What attention finds reaches the multimodal layer by the main directions of its matrix alone.

benchmarks/cascade.py measures the difference.
"""

from __future__ import annotations

from math import isqrt

import numpy as np

from captioner.captioner import Floats
from captioner.config import CaptionerConfig, DecoderConfig
from captioner.onnx_graph import CONTRIBUTED, Graph, Model, Value
from captioner.onnx_layers import Arrays, linear, single, times_transposed, weight

# Principal axes of the seeds, places a side of the coarser grid, words that each step sums, of so
# many of the commonest, random directions that tell variances, and directions of what attention
# finds. docs/benchmarks.md ("A cascade") has what each of these loses.
_AXES, _SIDE, _WORDS, _COMMON, _DIRECTIONS, _FOUND = 4, 4, 128, 1536, 8, 48


def places_model(config: CaptionerConfig, arrays: Arrays) -> Model:
    """What attention looks at in each of N photos, from its stored state.

    `memory` int8 [N,P,M] -> `places` [N,h,L,M/h], a coarser grid by attention heads.
    """
    graph, sizes = Graph(), config.decoder
    memory = graph.input("memory", "int8", "N", "P", sizes.memory)
    pooling = _pooling(len(arrays["decoder.place"])) / np.float32(127)
    places = graph.node("MatMul", graph.constant(pooling), graph.node("Cast", memory, to=1))
    apart = graph.node("Reshape", places, graph.ints(0, 0, sizes.attention_heads, -1))
    graph.output(graph.node("Transpose", apart, perm=[0, 2, 1, 3]), "places", "float32", *"NhLw")
    return graph.model()


def estimate_model(config: CaptionerConfig, arrays: Arrays) -> Model:
    """Words and those that followed, int64 [T] -> log-likelihoods of these on N photos [T,N].

    `paths` [R,T,H]: hidden states of each path, the mean photo's first; `shares` [N,R]: how much of
    each is a photo's. `mixes` [1+D,N]: see `mixes_of`. Photos are their `places` of `places_model`
    and `term` [N,H], their share of the multimodal layer.
    """
    graph, sizes = Graph(), config.decoder
    words, targets = (graph.input(name, "int64", "T") for name in ("words", "targets"))
    paths = graph.input("paths", "float32", "R", "T", sizes.hidden)
    shares = graph.input("shares", "float32", "N", "R")
    mixes = graph.input("mixes", "float32", "D", "N")
    places = graph.input("places", "float32", *"NhLw")
    term = graph.input("term", "float32", "N", sizes.hidden)

    vectors = graph.node("Gather", weight(graph, arrays, "decoder.embedding.weight"), words)
    said = linear(graph, arrays, "decoder.from_word", vectors)
    shared = graph.node("Add", linear(graph, arrays, "decoder.from_hidden", paths), said)  # [R,T,H]
    fused = graph.node("MatMul", shares, graph.node("Transpose", shared, perm=[1, 0, 2]))  # [T,N,H]
    if sizes.multimodal:
        fused = graph.node("Add", fused, term)
    if sizes.attention:
        context = _context(graph, arrays, sizes, paths, places)
        fused = graph.node("Add", fused, _from_context(graph, arrays, context))
    likely = _likely(graph, arrays, graph.node("Tanh", fused), targets, mixes)
    graph.output(likely, "likely", "float32", "T", "N")
    return graph.model()


def mixes_of(count: int) -> Floats:
    """Weights of N photos that make their mean, and D random directions from it: [1+D,N].

    The mean square of what these make of any linear function is about its variance over photos.
    """
    signs = np.random.default_rng(0).choice(np.array([-1, 1], np.float32), (_DIRECTIONS, count))
    apart = (signs - signs.mean(axis=1, keepdims=True)) / np.float32(count**0.5)
    return np.concatenate([np.full((1, count), 1 / count, np.float32), apart])


def shared_paths(seeds: Floats) -> tuple[Floats, Floats]:
    """Seeds [N,H] of photos -> those of R paths [R,H], and how much of each a photo has [N,R].

    The axes come of one step of subspace iteration (Halko, Martinsson and Tropp 2011, algorithm
    4.4), always from the same start.
    """
    mean = seeds.mean(axis=0)
    apart = seeds - mean
    start = np.random.default_rng(0).standard_normal((_AXES, seeds.shape[1]), np.float32)
    # By einsum, in this thread: for products as small as these BLAS wakes threads that then spin.
    along = np.einsum("nh,ah->an", apart, start)
    axes, _ = np.linalg.qr(np.einsum("an,nh->ha", along, apart))  # [H,A]
    places = np.einsum("nh,ah->na", apart, np.ascontiguousarray(axes.T))  # [N,A]
    steps = np.maximum(places.std(axis=0), np.float32(1e-6))
    shares = places / steps
    first = 1 - shares.sum(axis=1, keepdims=True)
    paths = np.concatenate([mean[None], mean + (axes * steps).T])
    return paths, np.concatenate([first, shares], axis=1)


def _pooling(places: int) -> Floats:
    """Weights that make a coarser grid's places [L,P], means of the neighbours in each."""
    cells = _cells(places)
    weights: Floats = cells / cells.sum(axis=1, keepdims=True)
    return weights


def _cells(places: int) -> Floats:
    """Which places of a square grid are in which place of the coarser one [L,P], 0 or 1."""
    side = isqrt(places)
    cell = np.arange(side) * min(side, _SIDE) // side
    both = (cell[:, None] * min(side, _SIDE) + cell).ravel()  # [P]
    which: Floats = (both == np.arange(both[-1] + 1)[:, None]).astype(np.float32)
    return which


def _context(
    graph: Graph, arrays: Arrays, sizes: DecoderConfig, paths: Value, places: Value
) -> Value:
    """What the mean photo's queries find in each photo: [T,N,M]."""
    heads = sizes.attention_heads
    mean = graph.node("Gather", paths, graph.constant(np.array(0, np.int64)), axis=0)  # [T,H]
    query = linear(graph, arrays, "decoder.query", mean)
    scaled = graph.node("Mul", query, graph.scalar((sizes.memory // heads) ** -0.5))
    apart = graph.node("Reshape", scaled, graph.ints(0, heads, -1))
    asked = graph.node("Transpose", apart, perm=[1, 0, 2])  # [h,T,w]
    place = single(arrays, "decoder.place")
    cells = _cells(len(place))
    keys = (_pooling(len(place)) @ place).reshape(len(cells), heads, -1).transpose(1, 0, 2)
    where = times_transposed(graph, asked, graph.constant(keys))  # [h,T,L]
    # A place that stands for several counts as often.
    where = graph.node("Add", where, graph.constant(np.log(cells.sum(axis=1))))
    scores = graph.node("Add", times_transposed(graph, asked, places), where)  # [N,h,T,L]
    found = graph.node("MatMul", graph.node("Softmax", scores, axis=-1), places)  # [N,h,T,w]
    together = graph.node("Transpose", found, perm=[2, 0, 1, 3])
    return graph.node("Reshape", together, graph.ints(0, 0, -1))


def _from_context(graph: Graph, arrays: Arrays, context: Value) -> Value:
    """What attention found [T,N,M] -> its share of the multimodal layer [T,N,H].

    By the nearest matrix of a lower rank (Eckart and Young 1936).
    """
    matrix = single(arrays, "decoder.from_context.weight")  # [H,M]
    _, axes = np.linalg.eigh(matrix.T @ matrix)
    main = axes[:, -_FOUND:]  # [M,R], those along which most is found
    narrow = graph.node("MatMul", context, graph.constant(main))
    return times_transposed(graph, narrow, graph.constant(matrix @ main))


def _likely(graph: Graph, arrays: Arrays, fused: Value, targets: Value, mixes: Value) -> Value:
    """Outputs of the multimodal layer [T,N,H] -> log-likelihoods of the words after it [T,N]."""
    expected = _expected_logits(graph, arrays, graph.node("MatMul", mixes, fused))  # [T,V]
    # The decoder's last two layers in one [V,H].
    embedding = single(arrays, "decoder.embedding.weight")
    matrix, bias = embedding @ single(arrays, "decoder.output.weight"), _output_bias(arrays)
    count = min(_WORDS, len(bias))
    logits, ids = graph.nodes("TopK", expected, graph.ints(count), outputs=2, axis=-1)  # [T,K]
    highest = graph.node("ReduceMax", logits, graph.ints(-1), keepdims=1)  # [T,1]

    def mass(of: Value) -> Value:
        """Of logits [T,...], in units of the highest expected: exp stays in range."""
        return graph.node("ReduceSum", graph.node("Exp", of), graph.ints(-1), keepdims=1)

    every, chosen = (mass(graph.node("Sub", each, highest)) for each in (expected, logits))
    others = graph.node("Max", graph.node("Sub", every, chosen), graph.scalar(0.0))  # [T,1]
    rows = graph.node("Concat", ids, graph.node("Unsqueeze", targets, graph.ints(1)), axis=1)
    vectors = graph.node("Gather", graph.constant(matrix), rows)  # [T,K+1,H]
    offset = graph.node("Sub", graph.node("Gather", graph.constant(bias), rows), highest)
    product = graph.node("FusedMatMul", fused, vectors, domain=CONTRIBUTED, transB=1)  # [T,N,K+1]
    found = graph.node("Add", product, graph.node("Unsqueeze", offset, graph.ints(1)))
    top, own = graph.nodes("Split", found, graph.ints(count, 1), outputs=2, axis=2)
    total = graph.node("Add", mass(top), graph.node("Unsqueeze", others, graph.ints(1)))
    likely = graph.node("Sub", own, graph.node("Log", total))  # [T,N,1]
    return graph.node("Squeeze", likely, graph.ints(2))


def _expected_logits(graph: Graph, arrays: Arrays, mixed: Value) -> Value:
    """Of the photos' mean and the directions from it [T,1+D,H]: log of each word's mean exp [T,V].

    By the moments of a normal distribution.
    """
    outputs = times_transposed(graph, mixed, weight(graph, arrays, "decoder.output.weight"))
    common = single(arrays, "decoder.embedding.weight")[:_COMMON]
    logits = times_transposed(graph, outputs, graph.constant(common))  # [T,1+D,C]
    sizes = graph.ints(1, _DIRECTIONS)
    mean, apart = graph.nodes("Split", logits, sizes, outputs=2, axis=1)
    squares = graph.node("ReduceSumSquare", apart, graph.ints(1), keepdims=0)
    half = graph.node("Mul", squares, graph.scalar(0.5 / _DIRECTIONS))
    bias = graph.constant(_output_bias(arrays)[:_COMMON])
    biased = graph.node("Add", graph.node("Squeeze", mean, graph.ints(1)), bias)
    return graph.node("Add", biased, half)


def _output_bias(arrays: Arrays) -> Floats:
    """What each word's logit has, whatever the multimodal layer makes [V]."""
    by_output: Floats = single(arrays, "decoder.embedding.weight") @ single(
        arrays, "decoder.output.bias"
    )
    return by_output + single(arrays, "decoder.word_bias")
