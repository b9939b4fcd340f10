"""Layers of a network as parts of an ONNX graph, with the weights of a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captioner.onnx_graph import Graph, Value

Arrays = Mapping[str, NDArray[Any]]


def weight(graph: Graph, arrays: Arrays, name: str) -> Value:
    """A checkpoint's array as a float32 value."""
    return graph.constant(arrays[name].astype(np.float32))


def linear(graph: Graph, arrays: Arrays, name: str, x: Value) -> Value:
    """torch.nn.Linear: x [...,I] -> [...,O]."""
    matrix = graph.constant(arrays[f"{name}.weight"].astype(np.float32).T)
    product = graph.node("MatMul", x, matrix)
    if f"{name}.bias" not in arrays:
        return product
    return graph.node("Add", product, weight(graph, arrays, f"{name}.bias"))


def layer_norm(graph: Graph, arrays: Arrays, name: str, x: Value, epsilon: float = 1e-5) -> Value:
    """torch.nn.LayerNorm over the last dimension."""
    scale, bias = (weight(graph, arrays, f"{name}.{part}") for part in ("weight", "bias"))
    return graph.node("LayerNormalization", x, scale, bias, axis=-1, epsilon=epsilon)


def gelu(graph: Graph, x: Value) -> Value:
    """The exact GELU, as torch.nn.functional.gelu."""
    return graph.node("Gelu", x)


def unit(graph: Graph, x: Value) -> Value:
    """Vectors divided by their length."""
    return graph.node("LpNormalization", x, axis=-1, p=2)
