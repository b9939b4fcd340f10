"""all-MiniLM-L6-v2 in plain torch: sentence-transformers' vectors without its imports.

Those take some two seconds, more than all the rest of a search in a fresh process; a test
holds the vectors equal.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from captioner.device import without_weights

_BATCH = 32

# Our names -> those of BERT's file: of what lies before the layers, and within each of them.
_BEFORE = {
    "words.weight": "word_embeddings.weight",
    "places.weight": "position_embeddings.weight",
    "segments.weight": "token_type_embeddings.weight",
    "norm.weight": "LayerNorm.weight",
    "norm.bias": "LayerNorm.bias",
}
_WITHIN = {
    "self_attn.out_proj": "attention.output.dense",
    "norm1": "attention.output.LayerNorm",
    "linear1": "intermediate.dense",
    "linear2": "output.dense",
    "norm2": "output.LayerNorm",
}
# Torch's layer keeps these three as one, "self_attn.in_proj".
_TOGETHER = ("attention.self.query", "attention.self.key", "attention.self.value")


class MiniLM:
    """The model in a folder as sentence-transformers writes it, on the CPU."""

    def __init__(self, folder: Path) -> None:
        config = _json(folder / "config.json")
        self.dimension = int(config["hidden_size"])
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        limit = _json(folder / "sentence_bert_config.json")["max_seq_length"]
        self._tokenizer.enable_truncation(limit)
        self._tokenizer.enable_padding()
        with without_weights():
            self._network = _Network(config)
        weights = _renamed(load_file(folder / "model.safetensors"), len(self._network.layers))
        self._network.load_state_dict(weights, assign=True)
        self._network.eval()

    @torch.inference_mode()
    def encode(self, sentences: Sequence[str]) -> np.ndarray:
        """Sentences -> float32 unit rows [N,E]."""
        parts = [torch.empty(0, self.dimension)]
        for start in range(0, len(sentences), _BATCH):
            read = self._tokenizer.encode_batch(list(sentences[start : start + _BATCH]))
            ids = torch.tensor([each.ids for each in read])
            parts.append(self._network(ids, torch.tensor([each.attention_mask for each in read])))
        return torch.cat(parts).numpy()


class _Network(nn.Module):
    """BERT (Devlin et al. 2019, arXiv 1810.04805), the mean over a sentence's tokens after it."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width, epsilon = config["hidden_size"], config["layer_norm_eps"]
        self.words = nn.Embedding(config["vocab_size"], width)
        self.places = nn.Embedding(config["max_position_embeddings"], width)
        self.segments = nn.Embedding(config["type_vocab_size"], width)
        self.norm = nn.LayerNorm(width, epsilon)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, config["num_attention_heads"], config["intermediate_size"],
                activation=F.gelu, layer_norm_eps=epsilon, batch_first=True,
            )
            for _ in range(config["num_hidden_layers"])
        )  # fmt: skip

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Ids of tokens [B,T] and 0 for padding [B,T] -> unit vectors [B,E]."""
        x = self.words(ids) + self.places.weight[: ids.shape[1]] + self.segments.weight[0]
        x = self.norm(x)  # [B,T,E]
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=mask == 0)
        return F.normalize((x * mask[..., None]).sum(dim=1), dim=1)  # a mean's length is no matter


def _renamed(weights: dict[str, Tensor], layers: int) -> dict[str, Tensor]:
    """The weights of BERT's file under the names of the network above."""
    renamed = {own: weights[f"embeddings.{name}"] for own, name in _BEFORE.items()}
    for own, old in ((f"layers.{n}.", f"encoder.layer.{n}.") for n in range(layers)):
        for kind in ("weight", "bias"):
            parts = [weights[f"{old}{name}.{kind}"] for name in _TOGETHER]
            renamed[f"{own}self_attn.in_proj_{kind}"] = torch.cat(parts)
            for name, its in _WITHIN.items():
                renamed[f"{own}{name}.{kind}"] = weights[f"{old}{its}.{kind}"]
    return renamed


def _json(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8")))
