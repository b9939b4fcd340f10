"""Sizes and options of the network's parts, without vocabulary and weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

# How many of a photo's classes are kept, and how much their probabilities are flattened.
KEPT_CLASSES = 16
CLASS_TEMPERATURE = 1.3

# What one level is, where 127 stands for 1, of numbers that a photo's state keeps in so many bits:
# four tell 15 levels from -7 to 7, zero among them.
STATE_LEVELS = {8: 1, 4: 18}

# Word vectors are drawn to length 1; this brings their sum near the size of other activations.
WORD_SCALE = 3.0


class UnknownBackbone(ValueError):
    """There is no CNN of that name whose last feature map is a grid, or no weights for it."""


@dataclass(frozen=True)
class EncoderConfig:
    """Which CNN, how many of its leading stages are frozen (None: 7 in 10), and photo sizes.

    It learns from views of `image_size` pixels a side, and later looks at photos `zoom` times
    larger. `classes`: how many the backbone's own classifier tells apart; 0 leaves it out.
    `class_tail`: whether that has the backbone's last stages for itself, as while it learns; else
    its classes are read off the pooled grid.
    """

    backbone: str = "efficientnet_lite2"
    frozen_stages: int | None = None
    image_size: int = 224
    zoom: float = 9 / 7
    classes: int = 0
    class_tail: bool = True

    @property
    def has_class_tail(self) -> bool:
        """Whether there is a classifier, and with a tail of its own."""
        return self.classes > 0 and self.class_tail

    def class_features(self, channels: int) -> int:
        """How many numbers classes are read off, for a grid of so many channels."""
        return channels if self.class_tail else 2 * channels

    def cut(self, stages: int) -> int:
        """How many of a CNN's stages are the trunk; raises ValueError where no tail is left."""
        cut = stages * 7 // 10 if self.frozen_stages is None else self.frozen_stages
        if not 0 <= cut < stages:
            raise ValueError(
                f"{self.backbone} has {stages} stages; frozen_stages must be from 0 to {stages - 1}"
            )
        return cut

    def enlarged(self, side: int) -> int:
        """Pixels a side of the photo that is looked at, for a grid of `side` x `side` positions.

        Whole cells of the grid, nearest to zoom * image_size. Training crops views out of photos
        and so shows things larger than they come later; a larger photo shows them as large again
        (Touvron et al. 2019, "Fixing the train-test resolution discrepancy").
        """
        return self.image_size // side * round(side * self.zoom)


@dataclass(frozen=True)
class DecoderConfig:
    """Sizes of the decoder, and which inputs of the photo it has."""

    hidden: int = 512
    embedding: int = 256
    memory: int = 160
    attention_heads: int = 4
    visual: int = 384
    dropout: float = 0.5
    attention: bool = True
    multimodal: bool = True


@dataclass(frozen=True)
class DetectorConfig:
    """How many words the word detector tells of a photo (0: there is none), and its rank."""

    words: int = 0
    rank: int = 256

    @property
    def width(self) -> int:
        """How many numbers are kept of each photo."""
        return self.rank if self.words else 0


ATTENTION, MEAN_MAX = "attention", "mean and max"


@dataclass(frozen=True)
class HeadConfig:
    """Sizes and dropouts of the head; `dimension` is the sentence embedder's E.

    `pooling`: ATTENTION by learned queries, whose number is `queries`, or MEAN_MAX. Raises
    ValueError for another.
    """

    dimension: int = 384
    hidden: int = 1024
    queries: int = 4
    dropout: float = 0.5
    sentence_dropout: float = 0.2
    word: int = 256
    word_dropout: float = 0.3
    references: int = 1024
    whole: bool = False  # what the classifier makes of the whole photo is seen, too
    pooling: str = ATTENTION

    def __post_init__(self) -> None:
        if self.pooling not in (ATTENTION, MEAN_MAX):
            raise ValueError(f"a head pools by {ATTENTION} or by {MEAN_MAX}, not by {self.pooling}")

    def pooled(self, channels: int) -> int:
        """How many numbers MEAN_MAX makes of a grid of so many channels."""
        return (3 if self.whole else 2) * channels


@dataclass(frozen=True)
class CaptionerConfig:
    """Sizes and options of the whole network, without its vocabulary and weights.

    Raises ValueError for states of other bits than STATE_LEVELS has, and for a head that sees what
    no tail of the classifier makes.
    """

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    reference_photos: int = 0  # whose vectors are kept, to tell how like photos are by chance
    state_bits: int = 4  # of each number of a photo's places, as its stored state keeps them
    detector: DetectorConfig = field(default_factory=DetectorConfig)

    def __post_init__(self) -> None:
        if self.state_bits not in STATE_LEVELS:
            raise ValueError(f"states keep numbers in 4 or 8 bits, not in {self.state_bits}")
        if self.head.whole and not self.encoder.class_tail:
            raise ValueError("a head sees what the classifier's tail makes, where there is none")

    def to_dict(self) -> dict[str, object]:
        """Nested dicts, ready for JSON; the reverse of `from_dict`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, dict[str, object]]) -> CaptionerConfig:
        """The configuration in nested dicts.

        Raises TypeError or KeyError for unknown fields, ValueError as the class does.
        """
        return cls(
            EncoderConfig(**values["encoder"]),  # type: ignore[arg-type]
            DecoderConfig(**values["decoder"]),  # type: ignore[arg-type]
            HeadConfig(**values["head"]),  # type: ignore[arg-type]
            int(str(values.get("reference_photos", 0))),
            # Captioners that say nothing of it are from before there was a choice.
            int(str(values.get("state_bits", 8))),
            DetectorConfig(**values.get("detector", {})),  # type: ignore[arg-type]
        )
