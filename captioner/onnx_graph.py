"""A writer of ONNX models: nodes and weights in, the model's bytes out.

The few messages of ONNX that are needed, written as protocol buffers by hand (onnx.proto3 of
github.com/onnx/onnx names their fields): the onnx package would cost a search 0.1 s and the
installation 30 MB. A test has that package check what is written here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_IR_VERSION, _OPSET = 9, 20
# The domain of ONNX Runtime's own operators, and the version of them that is used.
CONTRIBUTED, _CONTRIBUTED_OPSET = "com.microsoft", 1
# TensorProto.DataLocation
_EXTERNAL = 1
# Smaller constants stand in the graph itself, where shapes and axes have to.
_APART = 1024
# TensorProto.DataType
_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int64": 7, "bool": 9, "float16": 10}
# AttributeProto.AttributeType
_FLOAT, _INT, _STRING, _INTS = 1, 2, 3, 7

Value = str
Dimension = int | str  # a name stands for any number


@dataclass(frozen=True)
class Model:
    """A finished model; `weights`: its large arrays by their names, which it refers to."""

    weights: Mapping[str, NDArray[Any]]
    _graph: bytes

    def apart(self) -> bytes:
        """The serialised model without its weights, for a runtime that is given them beside it."""
        return self._serialised(_tensor_apart(*each) for each in self.weights.items())

    def whole(self) -> bytes:
        """The serialised model with its weights inside."""
        return self._serialised(_tensor(*each) for each in self.weights.items())

    def _serialised(self, tensors: Iterable[bytes]) -> bytes:
        graph = b"".join([self._graph, *(_message(5, each) for each in tensors)])
        opsets = [_number(2, _OPSET), _text(1, CONTRIBUTED) + _number(2, _CONTRIBUTED_OPSET)]
        operators = b"".join(_message(8, each) for each in opsets)
        return _number(1, _IR_VERSION) + _message(7, graph) + operators


class Graph:
    """A graph under construction; its values are known by names."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._weights: dict[str, NDArray[Any]] = {}
        self._count = 0

    def input(self, name: str, kind: str, *shape: Dimension) -> Value:
        """An input of a NumPy type's name, with its shape."""
        self._parts.append(_message(11, _value_info(name, kind, shape)))
        return name

    def output(self, value: Value, name: str, kind: str, *shape: Dimension) -> None:
        """Make a value an output, under a name."""
        self._parts.append(_message(1, _node("Identity", (value,), (name,), {})))
        self._parts.append(_message(12, _value_info(name, kind, shape)))

    def constant(self, array: NDArray[Any]) -> Value:
        """An array as a value of the graph; a large one is referred to and not copied."""
        name = self._name()
        if array.nbytes < _APART:
            self._parts.append(_message(5, _tensor(name, array)))
        else:
            self._weights[name] = np.ascontiguousarray(array)
        return name

    def ints(self, *values: int) -> Value:
        """Whole numbers [N] as a value: a shape, axes."""
        return self.constant(np.array(values, np.int64))

    def scalar(self, value: float) -> Value:
        """A float32 number as a value."""
        return self.constant(np.array(value, np.float32))

    def node(self, operator: str, *inputs: Value, domain: str = "", **attributes: Any) -> Value:
        """What an operator makes of its inputs; an empty name stands for one left out."""
        name = self._name()
        self._parts.append(_message(1, _node(operator, inputs, [name], attributes, domain)))
        return name

    def nodes(self, operator: str, *inputs: Value, outputs: int, **attributes: Any) -> list[Value]:
        """The same for an operator of several outputs."""
        names = [self._name() for _ in range(outputs)]
        self._parts.append(_message(1, _node(operator, inputs, names, attributes)))
        return names

    def model(self) -> Model:
        """The model that has been written."""
        return Model(self._weights, b"".join([*self._parts, _text(2, "tellshow")]))

    def _name(self) -> str:
        self._count += 1
        return f"v{self._count}"


def _tensor(name: str, array: NDArray[Any]) -> bytes:
    return _description(name, array) + _message(9, np.ascontiguousarray(array).tobytes())


def _tensor_apart(name: str, array: NDArray[Any]) -> bytes:
    """A tensor whose bytes are given to the session, as if they lay in a file."""
    place = _message(13, _text(1, "location") + _text(2, name))
    return _description(name, array) + place + _number(14, _EXTERNAL)


def _description(name: str, array: NDArray[Any]) -> bytes:
    fields = [_number(1, size) for size in array.shape]
    fields += [_number(2, _TYPES[array.dtype.name]), _text(8, name)]
    return b"".join(fields)


def _node(
    operator: str,
    inputs: Sequence[Value],
    outputs: Sequence[Value],
    attributes: dict[str, Any],
    domain: str = "",
) -> bytes:
    fields = [_text(1, name) for name in inputs] + [_text(2, name) for name in outputs]
    fields.append(_text(4, operator))
    fields += [_message(5, _attribute(*each)) for each in attributes.items()]
    if domain:
        fields.append(_text(7, domain))
    return b"".join(fields)


def _attribute(name: str, value: float | int | str | Sequence[int]) -> bytes:
    if isinstance(value, str):
        content, kind = _text(4, value), _STRING
    elif isinstance(value, int):
        content, kind = _number(3, value), _INT
    elif isinstance(value, float):
        content, kind = _tag(2, 5) + struct.pack("<f", value), _FLOAT
    else:
        content, kind = b"".join(_number(8, each) for each in value), _INTS
    return _text(1, name) + content + _number(20, kind)


def _value_info(name: str, kind: str, shape: Sequence[Dimension]) -> bytes:
    sizes = [
        _message(1, _number(1, size) if isinstance(size, int) else _text(2, size)) for size in shape
    ]
    tensor = _number(1, _TYPES[kind]) + _message(2, b"".join(sizes))
    return _text(1, name) + _message(2, _message(1, tensor))


def _tag(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _number(field: int, value: int) -> bytes:
    return _tag(field, 0) + _varint(value & 0xFFFFFFFFFFFFFFFF)


def _text(field: int, value: str) -> bytes:
    return _message(field, value.encode())


def _message(field: int, content: bytes) -> bytes:
    return _tag(field, 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    written.append(value)
    return bytes(written)
