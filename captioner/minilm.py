"""all-MiniLM-L6-v2 by ONNX Runtime: sentence-transformers' vectors without torch.

Its graph is made from the model's own weights as it is loaded; a test holds the vectors equal.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from captioner.captioner import Floats
from captioner.onnx_graph import Graph, Value
from captioner.onnx_layers import Arrays, gelu, layer_norm, linear, unit, weight
from captioner.onnx_session import Session

_BATCH = 32
_HIDDEN = 1e9  # taken off the scores of padding, which then is not attended to


class MiniLM:
    """The model in a folder as sentence-transformers writes it, on the CPU."""

    def __init__(self, folder: Path) -> None:
        config = _json(folder / "config.json")
        self.dimension = int(config["hidden_size"])
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        limit = _json(folder / "sentence_bert_config.json")["max_seq_length"]
        self._tokenizer.enable_truncation(limit)
        self._tokenizer.enable_padding()
        self._session = Session(lambda: bert_model(config, load_file(folder / "model.safetensors")))

    def encode(self, sentences: Sequence[str]) -> Floats:
        """Sentences -> float32 unit rows [N,E]."""
        parts = [np.empty((0, self.dimension), np.float32)]
        for start in range(0, len(sentences), _BATCH):
            read = self._tokenizer.encode_batch(list(sentences[start : start + _BATCH]))
            ids = np.array([each.ids for each in read], np.int64)
            mask = np.array([each.attention_mask for each in read], np.float32)
            parts.append(self._session.run(ids=ids, mask=mask)["vectors"])
        return np.concatenate(parts)


def bert_model(config: dict[str, Any], arrays: Arrays) -> bytes:
    """BERT (Devlin et al. 2019, arXiv 1810.04805), the mean over a sentence's tokens after it.

    Ids of tokens int64 [B,T] and 0 for padding, else 1, float32 [B,T] -> unit vectors [B,E].
    """
    graph, width, epsilon = Graph(), int(config["hidden_size"]), float(config["layer_norm_eps"])
    ids = graph.input("ids", "int64", "B", "T")
    mask = graph.input("mask", "float32", "B", "T")
    embedded = _embedded(graph, arrays, ids)
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


def _embedded(graph: Graph, arrays: Arrays, ids: Value) -> Value:
    """Sums of the tokens', places' and the first segment's vectors: [B,T,E]."""
    words = graph.node("Gather", weight(graph, arrays, "embeddings.word_embeddings.weight"), ids)
    length = graph.node("Shape", ids, start=1, end=2)
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
