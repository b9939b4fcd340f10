"""Training can go on from another captioner, with other words."""

from dataclasses import replace

import pytest
import torch

from captioner.config import MEAN_MAX, CaptionerConfig, DecoderConfig, EncoderConfig, HeadConfig
from captioner.network import Network
from captioner.training.warm_start import carry_over
from captioner.vocabulary import SPECIAL_WORDS, Vocabulary

_CONFIG = CaptionerConfig(
    EncoderConfig("mobilenet_v3_small"),
    DecoderConfig(hidden=32, embedding=16, memory=16),
    HeadConfig(hidden=32, word=16, references=8),
)


def _captioner(*words: str, config: CaptionerConfig = _CONFIG) -> Network:
    return Network(config, Vocabulary((*SPECIAL_WORDS, *words)))


def test_words_keep_what_they_learned_at_their_new_places() -> None:
    old, new = _captioner("a", "dog", "runs"), _captioner("dog", "pizza", "a")
    carry_over(old, new)
    for word in ("dog", "a", "<end>"):
        before, after = old.vocabulary.encode([word]), new.vocabulary.encode([word])
        assert torch.equal(
            old.decoder.embedding.weight[before], new.decoder.embedding.weight[after]
        )
        assert torch.equal(old.head.embedding.weight[before], new.head.embedding.weight[after])
    assert torch.equal(old.decoder.lstm.weight_ih_l0, new.decoder.lstm.weight_ih_l0)
    tails = zip(old.encoder.tail.parameters(), new.encoder.tail.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in tails)


def test_other_sizes_are_refused() -> None:
    wider = replace(_CONFIG, decoder=replace(_CONFIG.decoder, hidden=48))
    with pytest.raises(ValueError, match="choose its sizes"):
        carry_over(_captioner("a"), _captioner("a", config=wider))


def test_a_head_that_sees_more_than_before_hears_nothing_of_it_at_first() -> None:
    head = replace(_CONFIG.head, pooling=MEAN_MAX)
    encoder = replace(_CONFIG.encoder, classes=3)
    finished = replace(_CONFIG, encoder=replace(encoder, class_tail=False), head=head)
    learning = replace(_CONFIG, encoder=encoder, head=replace(head, whole=True))
    old, new = (_captioner("a", config=config).eval() for config in (finished, learning))
    carry_over(old, new)
    grid, whole = torch.randn(2, 49, new.encoder.channels), torch.randn(2, new.encoder.channels)
    with torch.inference_mode():
        assert torch.allclose(old.head(grid), new.head(grid, whole), atol=1e-6)
