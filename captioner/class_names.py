"""The names of ImageNet's classes, and what the sentence side reads for them."""

from __future__ import annotations

# ImageNet's classes (by number, both ends included) whose names leave their kind unsaid.
_KINDS = {
    "fish": ((0, 6), (389, 397)),
    "bird": ((7, 24), (80, 100), (127, 146)),
    "frog": ((30, 32),),
    "turtle": ((33, 37),),
    "lizard": ((38, 48),),
    "snake": ((52, 68),),
    "spider": ((72, 77),),
    "crab": ((118, 121),),
    "dog": ((151, 268), (273, 275)),
    "wolf": ((269, 272),),
    "fox": ((277, 280),),
    "cat": ((281, 285),),
    "big cat": ((286, 293),),
    "bear": ((294, 297),),
    "insect": ((300, 320),),
    "butterfly": ((321, 326),),
    "cow": ((345, 347),),
    "sheep": ((348, 349),),
    "monkey": ((365, 384),),
    "elephant": ((101, 101), (385, 386)),
}


def class_names() -> tuple[str, ...]:
    """ImageNet's thousand classes, as torchvision names them."""
    # torchvision takes a second to load, and only training asks for the names.
    from torchvision.models import EfficientNet_B0_Weights  # type: ignore[import-untyped]

    return tuple(EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"])


def class_sentences(names: tuple[str, ...]) -> list[str]:
    """What the sentence side reads for each class: "golden retriever dog"."""
    kinds = {
        number: kind
        for kind, ranges in _KINDS.items()
        for first, last in ranges
        for number in range(first, last + 1)
    }
    return [
        f"{name} {kinds[number]}" if number in kinds and kinds[number] not in name.lower() else name
        for number, name in enumerate(names)
    ]
