"""all-MiniLM-L6-v2 by ONNX Runtime: sentence-transformers' vectors without torch.

Its graph is made from the model's own weights as it is loaded; a test holds the vectors equal.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from captioner.captioner import Floats, pad_rows
from captioner.mapped_weights import map_weights
from captioner.onnx_graph import Graph, Model, Value
from captioner.onnx_layers import Arrays, gelu, layer_norm, linear, unit, weight
from captioner.onnx_session import Session
from captioner.parallel import in_slices
from captioner.wordpiece import WordPiece

_BATCH = 32
_HIDDEN = 1e9  # taken off the scores of padding, which then is not attended to


class MiniLM:
    """The model in a folder as sentence-transformers writes it, on the CPU."""

    def __init__(self, folder: Path) -> None:
        config = _json(folder / "config.json")
        self.dimension = int(config["hidden_size"])
        limit = _json(folder / "sentence_bert_config.json")["max_seq_length"]
        self._tokeniser = WordPiece(folder / "vocab.txt", limit)
        arrays = map_weights(folder / "model.safetensors")
        # Looked up here: a session would copy all 30,000 rows for the few that are asked for.
        self._words = arrays["embeddings.word_embeddings.weight"]
        self._session = Session(lambda: bert_model(config, arrays), threads=1)

    def load(self) -> None:
        """Make ready to encode, which the first sentence would otherwise wait for."""
        self._session.load()

    def encode(self, sentences: Sequence[str]) -> Floats:
        """Sentences -> float32 unit rows [N,E]."""
        read = [self._tokeniser.encode(text) for text in sentences]

        def encoded(rows: slice) -> Floats:
            ids, lengths = pad_rows(read[rows]), np.array([[len(each)] for each in read[rows]])
            mask = (np.arange(ids.shape[1]) < lengths).astype(np.float32)
            return self._session.run(words=self._words[ids], mask=mask)["vectors"]

        nothing = np.empty((0, self.dimension), np.float32)
        return np.concatenate([nothing, *in_slices(encoded, len(read), _BATCH)])


def bert_model(config: dict[str, Any], arrays: Arrays) -> Model:
    """BERT (Devlin et al. 2019, arXiv 1810.04805), the mean over a sentence's tokens after it.

    Vectors of tokens [B,T,E] and 0 for padding, else 1, float32 [B,T] -> unit vectors [B,E].
    """
    graph, width, epsilon = Graph(), int(config["hidden_size"]), float(config["layer_norm_eps"])
    words = graph.input("words", "float32", "B", "T", width)
    mask = graph.input("mask", "float32", "B", "T")
    embedded = _embedded(graph, arrays, words)
    x = layer_norm(graph, arrays, "embeddings.LayerNorm", embedded, epsilon)  # [B,T,E]
    beside = graph.node("Sub", mask, graph.scalar(1))
    hidden = graph.node("Mul", beside, graph.scalar(_HIDDEN))
    hidden = graph.node("Unsqueeze", hidden, graph.ints(1, 2))  # [B,1,1,T]
    for number in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{number}"
        told = _attention(graph, arrays, f"{name}.attention", x, hidden, config)
        both = graph.node("Add", x, told)
        x = layer_norm(graph, arrays, f"{name}.attention.output.LayerNorm", both, epsilon)
        wide = gelu(graph, linear(graph, arrays, f"{name}.intermediate.dense", x))
        both = graph.node("Add", x, linear(graph, arrays, f"{name}.output.dense", wide))
        x = layer_norm(graph, arrays, f"{name}.output.LayerNorm", both, epsilon)
    counted = graph.node("Mul", x, graph.node("Unsqueeze", mask, graph.ints(2)))
    total = graph.node("ReduceSum", counted, graph.ints(1), keepdims=0)
    graph.output(unit(graph, total), "vectors", "float32", "B", width)  # as long as the mean's
    return graph.model()


def _embedded(graph: Graph, arrays: Arrays, words: Value) -> Value:
    """Sums of the tokens', places' and the first segment's vectors: [B,T,E]."""
    length = graph.node("Shape", words, start=1, end=2)
    places = weight(graph, arrays, "embeddings.position_embeddings.weight")
    near = graph.node("Slice", places, graph.ints(0), length, graph.ints(0))
    segment = arrays["embeddings.token_type_embeddings.weight"][0].astype(np.float32)
    return graph.node("Add", graph.node("Add", words, near), graph.constant(segment))


def _attention(
    graph: Graph, arrays: Arrays, name: str, x: Value, hidden: Value, config: dict[str, Any]
) -> Value:
    """Self-attention of x [B,T,E]; `hidden` [B,1,1,T] is added to the scores."""
    heads = int(config["num_attention_heads"])
    width = int(config["hidden_size"]) // heads
    query, key, value = (
        graph.node(
            "Reshape",
            linear(graph, arrays, f"{name}.self.{part}", x),
            graph.ints(0, 0, heads, width),
        )
        for part in ("query", "key", "value")
    )
    asked = graph.node("Transpose", query, perm=[0, 2, 1, 3])  # [B,h,T,w]
    scores = graph.node("MatMul", asked, graph.node("Transpose", key, perm=[0, 2, 3, 1]))
    scaled = graph.node("Mul", scores, graph.scalar(width**-0.5))
    shares = graph.node("Softmax", graph.node("Add", scaled, hidden), axis=-1)
    told = graph.node("MatMul", shares, graph.node("Transpose", value, perm=[0, 2, 1, 3]))
    together = graph.node("Transpose", told, perm=[0, 2, 1, 3])
    flat = graph.node("Reshape", together, graph.ints(0, 0, heads * width))
    return linear(graph, arrays, f"{name}.output.dense", flat)


def _json(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8")))
