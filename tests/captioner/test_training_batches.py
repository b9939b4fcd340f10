"""What training reads: captions padded, mirrored, and sometimes cut to a phrase."""

import numpy as np

from captioner.training.batches import cut_phrases, pad
from captioner.vocabulary import END, PAD, START, Vocabulary

_CAPTIONS = [("a dog on the left of a man in the snow", "a dog runs")]
_VOCABULARY = Vocabulary.from_sentences([*_CAPTIONS[0], "right"], 1)


def _words(row: np.ndarray) -> list[str]:
    return _VOCABULARY.decode(index for index in row.tolist() if index not in (PAD, START))


def test_captions_begin_and_end_and_are_padded() -> None:
    ids = pad(_CAPTIONS, _VOCABULARY, 2, mirrored=False)
    assert ids[0, 1, 0] == START
    assert _words(ids[0, 1]) == ["a", "dog", "runs"]
    assert ids[0, 1, 4] == END
    assert (ids[0, 1, 5:] == PAD).all()


def test_a_mirrored_photo_has_left_and_right_exchanged() -> None:
    ids = pad(_CAPTIONS, _VOCABULARY, 2, mirrored=True)
    assert "right" in _words(ids[0, 0])
    assert "left" not in _words(ids[0, 0])


def test_phrases_are_two_to_five_words_in_a_row_without_an_end() -> None:
    words = np.repeat(pad(_CAPTIONS, _VOCABULARY, 1, mirrored=False), 200, axis=0)
    cut = cut_phrases(words, 1.0, np.random.default_rng(0))
    whole, lengths = _CAPTIONS[0][0], set()
    for row in cut[:, 0]:
        phrase = " ".join(_words(row))
        assert f" {phrase} " in f" {whole} "
        assert END not in row
        lengths.add(len(phrase.split()))
    assert lengths == {2, 3, 4, 5}


def test_only_the_asked_share_is_cut_and_the_sentences_stay_whole() -> None:
    words = np.repeat(pad(_CAPTIONS, _VOCABULARY, 1, mirrored=False), 1000, axis=0)
    before = words.copy()
    cut = cut_phrases(words, 0.2, np.random.default_rng(0))
    assert np.array_equal(words, before)
    assert 150 < (cut != words).any(axis=-1).sum() < 250
