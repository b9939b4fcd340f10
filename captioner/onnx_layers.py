"""Layers of a network as parts of an ONNX graph, with the weights of a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captioner.onnx_graph import CONTRIBUTED, Graph, Value

Arrays = Mapping[str, NDArray[Any]]


class SingleArrays(Mapping[str, NDArray[Any]]):
    """A checkpoint's arrays in float32, each made at its first use: what several graphs share.

    Safe to use from several threads.
    """

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays
        self._made: dict[str, NDArray[np.float32]] = {}

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """The array of that name; raises KeyError where there is none."""
        if name not in self._made:
            self._made.setdefault(name, single(self._arrays, name))
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """The arrays' names."""
        return iter(self._arrays)

    def __len__(self) -> int:
        """How many arrays there are."""
        return len(self._arrays)


def weight(graph: Graph, arrays: Arrays, name: str) -> Value:
    """A checkpoint's array as a float32 value."""
    return graph.constant(single(arrays, name))


def single(arrays: Arrays, name: str) -> NDArray[np.float32]:
    """A checkpoint's array in float32: itself where it is."""
    return arrays[name].astype(np.float32, copy=False)


def linear(graph: Graph, arrays: Arrays, name: str, x: Value) -> Value:
    """torch.nn.Linear: x [...,I] -> [...,O]."""
    product = times_transposed(graph, x, weight(graph, arrays, f"{name}.weight"))
    if f"{name}.bias" not in arrays:
        return product
    return graph.node("Add", product, weight(graph, arrays, f"{name}.bias"))


def times_transposed(graph: Graph, x: Value, matrix: Value) -> Value:
    """x [...,I] @ matrix [O,I].T -> [...,O], without a transposed copy of the matrix."""
    return graph.node("FusedMatMul", x, matrix, domain=CONTRIBUTED, transB=1)


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
