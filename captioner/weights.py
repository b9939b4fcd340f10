"""The weights that a network of EfficientNet-Lite has, by torch's names, with their shapes."""

from __future__ import annotations

from collections.abc import Sequence

from captioner import lite_layout
from captioner.config import MEAN_MAX, CaptionerConfig
from captioner.lite_layout import Stage, named_convolutions

Shapes = dict[str, tuple[int, ...]]


def expected_shapes(config: CaptionerConfig, words: int) -> Shapes:
    """All of a checkpoint's arrays, for a vocabulary of so many words.

    Raises KeyError where the backbone is another CNN.
    """
    positions, channels = lite_layout.grid(config.encoder.image_size)
    width = config.head.dimension
    shapes = _encoder(config, channels) | _head(config, channels, words)
    shapes |= _decoder(config, channels, positions, words) | {"word_vectors": (words, width)}
    if (detector := config.detector).words:
        shapes["detector.reduce.weight"] = (detector.rank, 2 * channels)
        shapes |= _linear("detector.output", detector.rank, detector.words)
        shapes["detector.rates"] = (detector.words,)
    if config.encoder.classes:
        shapes["class_vectors"] = (config.encoder.classes, width)
    if config.reference_photos:
        for name in ("reference_visual", "reference_classes"):
            shapes[name] = (config.reference_photos, width)
    return shapes


def _encoder(config: CaptionerConfig, channels: int) -> Shapes:
    stages = lite_layout.stages(config.encoder.backbone)
    cut = config.encoder.cut(len(stages))
    shapes = _stages("encoder.trunk", stages[:cut]) | _stages("encoder.tail", stages[cut:])
    if config.encoder.has_class_tail:
        shapes |= _stages("encoder.classifier.tail", stages[cut:])
    if config.encoder.classes:
        features = config.encoder.class_features(channels)
        shapes |= _linear("encoder.classifier.output", features, config.encoder.classes)
    return shapes


def _stages(prefix: str, stages: Sequence[Stage]) -> Shapes:
    shapes: Shapes = {}
    for number, stage in enumerate(stages):
        for name, each in named_convolutions(stage, f"{prefix}.{number}"):
            inputs = each.inputs // each.groups
            shapes[f"{name}.weight"] = (each.outputs, inputs, each.kernel, each.kernel)
            shapes[f"{name}.bias"] = (each.outputs,)
    return shapes


def _head(config: CaptionerConfig, channels: int, words: int) -> Shapes:
    head = config.head
    pooling = _mean_max if head.pooling == MEAN_MAX else _attention
    return pooling(config, channels) | {
        "head.references": (head.references, head.dimension),
        "head.embedding.weight": (words, head.word),
        **_linear("head.project", head.hidden, head.dimension),
        **_linear("head.widen", head.dimension, 2 * head.dimension),
        **_linear("head.narrow", 2 * head.dimension, head.dimension),
        **_linear("head.from_words", head.word, head.dimension),
    }


def _mean_max(config: CaptionerConfig, channels: int) -> Shapes:
    head = config.head
    first = _linear("head.first", head.pooled(channels), head.hidden)
    return first | _linear("head.second", head.hidden, head.hidden)


def _attention(config: CaptionerConfig, channels: int) -> Shapes:
    head = config.head
    return {
        "head.norm.weight": (channels,),
        "head.norm.bias": (channels,),
        **({"head.gate": (head.hidden,)} if head.whole else {}),
        **_linear("head.attention", channels, head.queries),
        **_linear("head.reduce", channels, head.hidden),
        **_linear("head.merge", 2 * head.hidden, head.hidden),
    }


def _decoder(config: CaptionerConfig, channels: int, positions: int, words: int) -> Shapes:
    sizes = config.decoder
    hidden, memory, embedding = sizes.hidden, sizes.memory, sizes.embedding
    lstm = {
        "weight_ih": (4 * hidden, embedding),
        "weight_hh": (4 * hidden, hidden),
        "bias_ih": (4 * hidden,),
        "bias_hh": (4 * hidden,),
    }
    return {
        "decoder.embedding.weight": (words, embedding),
        "decoder.word_bias": (words,),
        "decoder.place": (positions, memory),
        "decoder.absent_memory": (1, positions, memory),
        "decoder.absent_seed": (1, hidden),
        "decoder.absent_visual": (1, sizes.visual),
        **{f"decoder.lstm.{name}_l0": shape for name, shape in lstm.items()},
        **_linear("decoder.seed", channels, hidden),
        **_linear("decoder.memory", channels, memory),
        **_linear("decoder.query", hidden, memory),
        **_linear("decoder.from_hidden", hidden, hidden),
        **_linear("decoder.output", hidden, embedding),
        "decoder.from_word.weight": (hidden, embedding),
        "decoder.from_context.weight": (hidden, memory),
        "decoder.from_photo.weight": (hidden, hidden + sizes.visual),
    }


def _linear(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
