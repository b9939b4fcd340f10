"""The encoder and the head's photo side as ONNX graphs: pixels in, photo states out.

What captioner/encoder.py and captioner/head.py compute, for EfficientNet-Lite, in two parts: the
CNN takes one photo at a time, whose feature maps stay in the processor's cache, the layers behind
it many, since they read as many weights for one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from captioner import lite_layout
from captioner.config import CLASS_TEMPERATURE, KEPT_CLASSES, MEAN_MAX, CaptionerConfig
from captioner.lite_layout import Block, Convolution, Stage, named_convolutions
from captioner.onnx_graph import Graph, Model, Value
from captioner.onnx_layers import Arrays, gelu, layer_norm, linear, unit, weight


def features_model(config: CaptionerConfig, arrays: Arrays) -> Model:
    """The CNN: pixels uint8 [B,3,S,S] -> grid [B,Q,C], the last feature map's places.

    With a classifier that has a tail of its own also whole [B,C], what that makes of the photo.
    """
    graph, encoder = Graph(), config.encoder
    stages = lite_layout.stages(encoder.backbone)
    cut, size = encoder.cut(len(stages)), encoder.image_size
    pixels = graph.input("pixels", "uint8", "B", 3, size, size)
    stem = _stages(graph, arrays, "encoder.trunk", stages[:cut], _normalised(graph, config, pixels))
    grid = _grid(graph, _stages(graph, arrays, "encoder.tail", stages[cut:], stem))
    places, channels = _grid_shape(config)
    graph.output(grid, "grid", "float32", "B", places, channels)
    if encoder.has_class_tail:
        whole = _pooled(graph, arrays, stages[cut:], stem)
        graph.output(whole, "whole", "float32", "B", channels)
    return graph.model()


def states_model(config: CaptionerConfig, arrays: Arrays) -> Model:
    """What lies behind the CNN: grid [B,Q,C] -> memory [B,P,M], seed [B,H], visual [B,E].

    With a classifier, and whole [B,C] where that has a tail of its own -> ids int64 and probability
    of the likeliest classes [B,K]; with a word detector words [B,R], what tells them.
    """
    graph, encoder = Graph(), config.encoder
    side = math.isqrt(lite_layout.grid(encoder.image_size)[0])
    places, channels = _grid_shape(config)
    grid = graph.input("grid", "float32", "B", places, channels)
    whole = graph.input("whole", "float32", "B", channels) if encoder.has_class_tail else None
    pooled = _mean_and_max(graph, grid)
    visual = _head(graph, arrays, config, (grid, pooled), whole)
    shrink = graph.constant(shrinking(math.isqrt(places), side))
    small = graph.node("MatMul", shrink, grid)  # [B,P,C]
    mean = graph.node("ReduceMean", small, graph.ints(1), keepdims=0)
    memory = graph.node("Tanh", linear(graph, arrays, "decoder.memory", small))
    graph.output(memory, "memory", "float32", "B", side * side, config.decoder.memory)
    seed = linear(graph, arrays, "decoder.seed", mean)
    graph.output(seed, "seed", "float32", "B", config.decoder.hidden)
    graph.output(visual, "visual", "float32", "B", config.head.dimension)
    if encoder.classes:
        _classify(graph, arrays, whole or pooled, min(KEPT_CLASSES, encoder.classes))
    if config.detector.words:
        words = linear(graph, arrays, "detector.reduce", pooled)
        graph.output(words, "words", "float32", "B", config.detector.rank)
    return graph.model()


def _grid_shape(config: CaptionerConfig) -> tuple[int, int]:
    """Places and channels of the last feature map of a photo as the CNN sees it, zoomed."""
    encoder = config.encoder
    small, channels = lite_layout.grid(encoder.image_size)
    side = math.isqrt(small)
    return (encoder.enlarged(side) // (encoder.image_size // side)) ** 2, channels


def shrinking(large: int, small: int) -> NDArray[np.float32]:
    """The matrix [P,Q] by which a square grid of `large` is resized to one of `small` a side.

    Bilinear with antialiasing, as torch.nn.functional.interpolate does it.
    """
    scale = max(large / small, 1.0)
    centres = (np.arange(small) + 0.5) * large / small
    distance = np.abs(np.arange(large) + 0.5 - centres[:, None]) / scale
    rows = np.maximum(1 - distance, 0)
    rows /= rows.sum(axis=1, keepdims=True)
    matrix: NDArray[np.float32] = np.kron(rows, rows).astype(np.float32)
    return matrix


def _normalised(graph: Graph, config: CaptionerConfig, pixels: Value) -> Value:
    """Pixels brought to about -1..1, and enlarged."""
    encoder = config.encoder
    side = math.isqrt(lite_layout.grid(encoder.image_size)[0])
    scale, shift = 1 / lite_layout.DEVIATION[0], -lite_layout.MEAN[0] / lite_layout.DEVIATION[0]
    x = graph.node("Mul", graph.node("Cast", pixels, to=1), graph.scalar(scale))
    x, size = graph.node("Add", x, graph.scalar(shift)), encoder.enlarged(side)
    if size != encoder.image_size:
        x = graph.node("Resize", x, "", "", graph.ints(size, size), mode="linear", axes=[2, 3])
    return x


def _stages(graph: Graph, arrays: Arrays, prefix: str, stages: Sequence[Stage], x: Value) -> Value:
    for number, stage in enumerate(stages):
        before = x
        for name, convolution in named_convolutions(stage, f"{prefix}.{number}"):
            x = _convolution(graph, arrays, name, convolution, x)
        if isinstance(stage, Block) and stage.residual:
            x = graph.node("Add", before, x)
    return x


def _convolution(graph: Graph, arrays: Arrays, name: str, given: Convolution, x: Value) -> Value:
    before, after = given.padding
    parts = [weight(graph, arrays, f"{name}.{part}") for part in ("weight", "bias")]
    y = graph.node(
        "Conv", x, *parts, group=given.groups, strides=[given.stride] * 2,
        kernel_shape=[given.kernel] * 2, pads=[before, before, after, after],
    )  # fmt: skip
    return graph.node("Clip", y, graph.scalar(0), graph.scalar(6)) if given.active else y


def _grid(graph: Graph, x: Value) -> Value:
    """Feature map [B,C,h,w] -> grid [B,P,C]."""
    flat = graph.node("Reshape", x, graph.ints(0, 0, -1))
    return graph.node("Transpose", flat, perm=[0, 2, 1])


def _pooled(graph: Graph, arrays: Arrays, tail: Sequence[Stage], stem: Value) -> Value:
    """What the classifier's own tail makes of the trunk's output: its mean [B,C]."""
    x = _stages(graph, arrays, "encoder.classifier.tail", tail, stem)
    return graph.node("ReduceMean", x, graph.ints(2, 3), keepdims=0)


def _mean_and_max(graph: Graph, grid: Value) -> Value:
    """Grid [B,Q,C] -> each channel's mean and maximum [B,2C]."""
    reductions = ("ReduceMean", "ReduceMax")
    parts = [graph.node(each, grid, graph.ints(1), keepdims=0) for each in reductions]
    return graph.node("Concat", *parts, axis=-1)


def _head(
    graph: Graph,
    arrays: Arrays,
    config: CaptionerConfig,
    seen: tuple[Value, Value],
    whole: Value | None,
) -> Value:
    """Grid [B,Q,C], that pooled, and the classifier's features [B,C] -> unit vectors [B,E]."""
    grid, pooled = seen
    if config.head.pooling == MEAN_MAX:
        hidden = _mean_max(graph, arrays, pooled, whole if config.head.whole else None)
    else:
        hidden = _attended(graph, arrays, config, grid, whole)
    return unit(graph, linear(graph, arrays, "head.project", hidden))


def _mean_max(graph: Graph, arrays: Arrays, pooled: Value, whole: Value | None) -> Value:
    """What Head.project_pooled makes of a pooled grid [B,2C]: [B,H]."""
    if whole is not None:
        pooled = graph.node("Concat", pooled, whole, axis=-1)
    hidden = gelu(graph, linear(graph, arrays, "head.first", pooled))
    return graph.node("Add", hidden, gelu(graph, linear(graph, arrays, "head.second", hidden)))


def _attended(
    graph: Graph, arrays: Arrays, config: CaptionerConfig, grid: Value, whole: Value | None
) -> Value:
    """Attention of learned queries over the grid [B,H]."""
    attention = graph.node("Softmax", linear(graph, arrays, "head.attention", grid), axis=1)
    attended = graph.node("MatMul", graph.node("Transpose", attention, perm=[0, 2, 1]), grid)
    mean = graph.node("ReduceMean", grid, graph.ints(1), keepdims=1)
    pooled = _reduced(graph, arrays, graph.node("Concat", mean, attended, axis=1))
    first = graph.node("Gather", pooled, graph.constant(np.array(0, np.int64)), axis=1)
    rest = graph.node(
        "Slice", pooled, graph.ints(1), graph.ints(1 + config.head.queries), graph.ints(1)
    )
    best = graph.node("ReduceMax", rest, graph.ints(1), keepdims=0)
    if whole is not None and config.head.whole:
        more = graph.node("Mul", weight(graph, arrays, "head.gate"), _reduced(graph, arrays, whole))
        best = graph.node("Add", best, more)
    both = gelu(graph, graph.node("Concat", first, best, axis=-1))
    return gelu(graph, linear(graph, arrays, "head.merge", both))


def _reduced(graph: Graph, arrays: Arrays, x: Value) -> Value:
    return linear(graph, arrays, "head.reduce", layer_norm(graph, arrays, "head.norm", x))


def _classify(graph: Graph, arrays: Arrays, whole: Value, kept: int) -> None:
    logits = linear(graph, arrays, "encoder.classifier.output", whole)
    flat = graph.node("Mul", logits, graph.scalar(1 / CLASS_TEMPERATURE))
    likely = graph.node("Softmax", flat, axis=-1)
    probability, ids = graph.nodes("TopK", likely, graph.ints(kept), outputs=2, axis=-1)
    graph.output(ids, "ids", "int64", "B", kept)
    graph.output(probability, "probability", "float32", "B", kept)
