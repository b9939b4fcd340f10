"""An estimate of log p(sentence | photo) of many photos, for a fifth of its arithmetic.

It is the decoder of captioner/onnx_decoder.py with three savings, each an approximation:

- The LSTM runs for no photo, but for the mean of the photos' seeds and for a step from it along
  each of their first principal axes. A photo's hidden states are linear in its place on these.
- The softmax sums the commoner words of the vocabulary alone; the rest has the mass that it has
  for the mean of the photos' outputs.
- Attention, the multimodal layer and the logit of the word itself are a photo's own.

benchmarks/cascade.py measures the difference.
"""

from __future__ import annotations

import numpy as np

from captioner.captioner import Floats
from captioner.config import CaptionerConfig
from captioner.onnx_decoder import attended
from captioner.onnx_graph import Graph, Model, Value
from captioner.onnx_layers import Arrays, linear, weight

# Measured on candidates of Flickr8k's dev captions: 8 axes and 1,024 of 3,725 words are 0.2 nats
# off, where the candidates' own log-likelihoods are 4 apart.
_AXES, _COMMON = 8, 1024


def estimate_model(config: CaptionerConfig, arrays: Arrays) -> Model:
    """Words and those that followed, int64 [T]; R paths of the LSTM; N photos -> their sums [N].

    `paths` [R,T,H]: hidden states of each path; `shares` [N,R]: how much of each is a photo's.
    """
    graph, sizes = Graph(), config.decoder
    words, targets = (graph.input(name, "int64", "T") for name in ("words", "targets"))
    paths = graph.input("paths", "float32", "R", "T", sizes.hidden)
    shares = graph.input("shares", "float32", "N", "R")
    memory = graph.input("memory", "float32", "N", "P", sizes.memory)
    term = graph.input("term", "float32", "N", sizes.hidden)
    embedding = weight(graph, arrays, "decoder.embedding.weight")

    fused = _mixed(graph, shares, linear(graph, arrays, "decoder.from_hidden", paths))
    said = linear(graph, arrays, "decoder.from_word", graph.node("Gather", embedding, words))
    fused = graph.node("Add", fused, said)
    if sizes.multimodal:
        fused = graph.node("Add", fused, graph.node("Unsqueeze", term, graph.ints(1)))
    if sizes.attention:
        query = _mixed(graph, shares, linear(graph, arrays, "decoder.query", paths))
        context = attended(graph, arrays, sizes, query, memory)
        fused = graph.node("Add", fused, linear(graph, arrays, "decoder.from_context", context))
    outputs = linear(graph, arrays, "decoder.output", graph.node("Tanh", fused))  # [N,T,E]
    own = _logits_of(graph, arrays, outputs, targets, embedding)
    likely = graph.node("Sub", own, _log_mass(graph, arrays, outputs))
    total = graph.node("ReduceSum", likely, graph.ints(1), keepdims=0)
    graph.output(total, "log_likelihood", "float32", "N")
    return graph.model()


def shared_paths(seeds: Floats) -> tuple[Floats, Floats]:
    """Seeds [N,H] of photos -> those of R paths [R,H], and how much of each a photo has [N,R].

    The axes come of one step of subspace iteration (Halko, Martinsson and Tropp 2011, algorithm
    4.4), always from the same start.
    """
    mean = seeds.mean(axis=0)
    apart = seeds - mean
    start = np.random.default_rng(0).standard_normal((seeds.shape[1], _AXES), np.float32)
    # By einsum, in this thread: for products as small as these BLAS wakes threads that then spin.
    along = np.einsum("nh,ha->na", apart, start)
    axes, _ = np.linalg.qr(np.einsum("nh,na->ha", apart, along))  # [H,A]
    places = np.einsum("nh,ha->na", apart, axes)  # [N,A]
    steps = np.maximum(places.std(axis=0), np.float32(1e-6))
    shares = places / steps
    first = 1 - shares.sum(axis=1, keepdims=True)
    paths = np.concatenate([mean[None], mean + (axes * steps).T])
    return paths, np.concatenate([first, shares], axis=1)


def _mixed(graph: Graph, shares: Value, paths: Value) -> Value:
    """What photos have of paths [R,T,D], by their shares [N,R]: [N,T,D]."""
    shape = graph.node("Shape", paths, start=1, end=3)
    flat = graph.node("Reshape", paths, graph.ints(0, -1))
    mixed = graph.node("MatMul", shares, flat)
    whole = graph.node("Concat", graph.ints(-1), shape, axis=0)
    return graph.node("Reshape", mixed, whole)


def _logits_of(
    graph: Graph, arrays: Arrays, outputs: Value, targets: Value, embedding: Value
) -> Value:
    """The logits of the words that followed, int64 [T]: [N,T]."""
    vectors = graph.node("Gather", embedding, targets)  # [T,E]
    alike = graph.node("ReduceSum", graph.node("Mul", outputs, vectors), graph.ints(2), keepdims=0)
    bias = graph.node("Gather", weight(graph, arrays, "decoder.word_bias"), targets)
    return graph.node("Add", alike, bias)


def _log_mass(graph: Graph, arrays: Arrays, outputs: Value) -> Value:
    """The logarithm of the sum of exp(logit) over the vocabulary, nearly: [N,T]."""
    matrix = arrays["decoder.embedding.weight"].astype(np.float32).T  # [E,V]
    bias = arrays["decoder.word_bias"].astype(np.float32)

    def logits(of: Value, part: slice) -> Value:
        product = graph.node("MatMul", of, graph.constant(matrix[:, part]))
        return graph.node("Add", product, graph.constant(bias[part]))

    def mass(of: Value) -> Value:
        return graph.node("ReduceSum", graph.node("Exp", of), graph.ints(-1), keepdims=0)

    mean = graph.node("ReduceMean", outputs, graph.ints(0), keepdims=0)  # [T,E]
    common, rare = slice(None, _COMMON), slice(_COMMON, None)
    highest = graph.node("ReduceMax", logits(mean, common), graph.ints(-1), keepdims=1)  # [T,1]
    # The bias less the highest logit, one sum for all photos, is [T,C]: exp stays in range.
    offset = graph.node("Sub", graph.constant(bias[common]), highest)
    product = graph.node("MatMul", outputs, graph.constant(matrix[:, common]))
    total = mass(graph.node("Add", product, offset))  # [N,T]
    if len(bias) > _COMMON:
        rest = graph.node("Sub", logits(mean, rare), highest)
        total = graph.node("Add", total, mass(rest))
    highest = graph.node("Squeeze", highest, graph.ints(1))
    return graph.node("Add", graph.node("Log", total), highest)
