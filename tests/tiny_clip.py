"""A CLIP of random weights and a few thousand parameters, in a folder of sentence-transformers.

It is loaded by the same code as a real one; what it says of pictures and texts means nothing.
"""

import json
from pathlib import Path

SIDE = 32  # pixels
WIDTH = 16  # of the vectors
# A token for each letter, alone and at the end of a word, and those that begin and end a text.
_LETTERS = [chr(code) for code in range(ord("a"), ord("z") + 1)]
_TOKENS = [*_LETTERS, *(f"{letter}</w>" for letter in _LETTERS), "<|startoftext|>", "<|endoftext|>"]


def make_tiny_clip(folder: Path, seed: int = 0) -> Path:
    """Write the model to a new folder, and return that; another seed has other weights."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

    plain = folder.with_name(f"{folder.name}-plain")
    plain.mkdir(parents=True)
    vocabulary, merges = plain / "vocab.json", plain / "merges.txt"
    vocabulary.write_text(json.dumps({token: number for number, token in enumerate(_TOKENS)}))
    merges.write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(vocabulary), str(merges), model_max_length=24)
    size = {"shortest_edge": SIDE}
    crop = {"height": SIDE, "width": SIDE}
    processor = CLIPProcessor(CLIPImageProcessor(size=size, crop_size=crop), tokenizer)
    tower = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
    tower |= {"num_attention_heads": 2}
    words = {"vocab_size": len(_TOKENS), "max_position_embeddings": 24}
    words |= {"bos_token_id": len(_TOKENS) - 2, "eos_token_id": len(_TOKENS) - 1}
    torch.manual_seed(seed)
    config = CLIPConfig(
        text_config={**tower, **words},
        vision_config={**tower, "image_size": SIDE, "patch_size": 8},
        projection_dim=WIDTH,
    )
    CLIPModel(config).save_pretrained(plain)
    processor.save_pretrained(plain)
    SentenceTransformer(modules=[Transformer(str(plain))]).save(str(folder))
    return folder
