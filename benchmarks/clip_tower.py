"""The image tower of CLIP ViT-B/32 alone, in the runtime and precision of a captioner.

Radford et al. 2021 (arXiv 2103.00020), table 20: 12 layers of width 768 with 12 heads, patches of
32 pixels, QuickGELU, and a projection to 512. Its weights are random, as only its speed is asked
for; they are drawn small, so that no value overflows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torchvision  # type: ignore[import-untyped]
from numpy.typing import NDArray
from torch import nn

from captioner.captioner import Captioner
from captioner.device import fast, send
from captioner.onnx_graph import Graph, Model, Value
from captioner.onnx_session import Session
from captioner.parallel import in_parallel

Pixels = NDArray[np.uint8]
SIDE = 224
_PATCH, _WIDTH, _HEADS, _LAYERS, _OUTPUT = 32, 768, 12, 12, 512
_TOKENS = (SIDE // _PATCH) ** 2 + 1
_CHUNK = 8  # photos that one thread computes at once; measured, more are no faster


def tower_of(captioner: Captioner) -> Callable[[Pixels], object]:
    """The tower: pixels uint8 [B,3,224,224] -> vectors, where and as the captioner computes."""
    if captioner.runtime.startswith("onnx"):
        return _by_onnx()
    return _by_torch(torch.device(captioner.device))


def _by_onnx() -> Callable[[Pixels], object]:
    session = Session(tower_model, threads=1)

    def see(pixels: Pixels) -> object:
        chunks = [pixels[row : row + _CHUNK] for row in range(0, len(pixels), _CHUNK)]
        return in_parallel(lambda chunk: session.run(pixels=chunk), chunks)

    return see


def _by_torch(device: torch.device) -> Callable[[Pixels], object]:
    torch.manual_seed(0)
    tower: nn.Module = torchvision.models.vit_b_32(weights=None).eval()
    tower.heads = nn.Identity()  # CLIP has a projection there, which costs next to nothing
    tower.to(device)

    @torch.inference_mode()
    def see(pixels: Pixels) -> object:
        whole = (send(torch.from_numpy(pixels), device).float() / 255 - 0.45) / 0.26
        with fast(device):
            return tower(whole).cpu()

    return see


def tower_model() -> Model:
    """The model: pixels uint8 [B,3,224,224] -> vectors float32 [B,512]."""
    graph, weights = Graph(), _Weights()
    pixels = graph.node("Cast", graph.input("pixels", "uint8", "B", 3, SIDE, SIDE), to=1)
    scaled = graph.node("Mul", pixels, graph.scalar(1 / 68))  # one deviation for all colours
    patches = graph.node(
        "Conv", graph.node("Add", scaled, graph.scalar(-1.8)),
        graph.constant(weights(_WIDTH, 3, _PATCH, _PATCH)),
        kernel_shape=[_PATCH] * 2, strides=[_PATCH] * 2,
    )  # fmt: skip
    flat = graph.node("Reshape", patches, graph.ints(0, _WIDTH, _TOKENS - 1))
    x = _with_class(graph, weights, graph.node("Transpose", flat, perm=[0, 2, 1]))
    x = _norm(graph, graph.node("Add", x, graph.constant(weights(_TOKENS, _WIDTH))))
    for _ in range(_LAYERS):
        x = graph.node("Add", x, _attention(graph, weights, _norm(graph, x)))
        wide = _linear(graph, weights, _norm(graph, x), _WIDTH, 4 * _WIDTH)
        slope = graph.node("Sigmoid", graph.node("Mul", wide, graph.scalar(1.702)))
        active = graph.node("Mul", wide, slope)
        x = graph.node("Add", x, _linear(graph, weights, active, 4 * _WIDTH, _WIDTH))
    first = graph.node("Gather", x, graph.constant(np.array(0, np.int64)), axis=1)
    matrix = graph.constant(weights(_WIDTH, _OUTPUT))
    graph.output(
        graph.node("MatMul", _norm(graph, first), matrix), "vectors", "float32", "B", _OUTPUT
    )
    return graph.model()


class _Weights:
    """Draws weights, always the same ones in the same order."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)

    def __call__(self, *shape: int) -> NDArray[np.float32]:
        drawn: NDArray[np.float32] = self._random.standard_normal(shape, np.float32)
        return drawn * np.float32(0.02)


def _with_class(graph: Graph, weights: _Weights, patches: Value) -> Value:
    """Patches [B,P,W] behind the class embedding: [B,1+P,W]."""
    count = graph.node("Shape", patches, start=0, end=1)
    shape = graph.node("Concat", count, graph.ints(1, _WIDTH), axis=0)
    token = graph.node("Expand", graph.constant(weights(1, 1, _WIDTH)), shape)
    return graph.node("Concat", token, patches, axis=1)


def _norm(graph: Graph, x: Value) -> Value:
    scale, shift = (graph.constant(make(_WIDTH, np.float32)) for make in (np.ones, np.zeros))
    return graph.node("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-5)


def _linear(graph: Graph, weights: _Weights, x: Value, inputs: int, outputs: int) -> Value:
    product = graph.node("MatMul", x, graph.constant(weights(inputs, outputs)))
    return graph.node("Add", product, graph.constant(weights(outputs)))


def _attention(graph: Graph, weights: _Weights, x: Value) -> Value:
    """Multi-head self-attention over x [B,T,W], the three projections as one product."""
    width = _WIDTH // _HEADS
    joined = _linear(graph, weights, x, _WIDTH, 3 * _WIDTH)
    apart = graph.node("Reshape", joined, graph.ints(0, 0, 3 * _HEADS, width))
    parts = graph.nodes("Split", apart, outputs=3, axis=2, num_outputs=3)
    query, value = (graph.node("Transpose", parts[at], perm=[0, 2, 1, 3]) for at in (0, 2))
    key = graph.node("Transpose", parts[1], perm=[0, 2, 3, 1])
    asked = graph.node("Mul", query, graph.scalar(width**-0.5))
    shares = graph.node("Softmax", graph.node("MatMul", asked, key), axis=-1)
    heads = graph.node("Transpose", graph.node("MatMul", shares, value), perm=[0, 2, 1, 3])
    together = graph.node("Reshape", heads, graph.ints(0, 0, _WIDTH))
    return _linear(graph, weights, together, _WIDTH, _WIDTH)
