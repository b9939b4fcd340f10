"""The backbone's own classifier is kept as it was, and its evidence with each photo."""

import numpy as np
import pytest
import torch
import torchvision  # type: ignore[import-untyped]

from captioner.captioner import ClassEvidence, PhotoState, Provenance
from captioner.class_names import class_names, class_sentences
from captioner.config import (
    KEPT_CLASSES,
    CaptionerConfig,
    DecoderConfig,
    EncoderConfig,
    HeadConfig,
)
from captioner.network import Network
from captioner.torch_captioner import TorchCaptioner
from captioner.vocabulary import SPECIAL_WORDS, Vocabulary

_CONFIG = CaptionerConfig(
    EncoderConfig("mobilenet_v2", zoom=1.0, classes=1000),
    DecoderConfig(hidden=32, embedding=16, memory=16),
    HeadConfig(hidden=32, word=16, references=8, whole=True),
)


@pytest.fixture(scope="module")
def small() -> Network:
    """A captioner of random weights that keeps its backbone's classifier."""
    torch.manual_seed(0)
    provenance = Provenance("small", class_names=class_names())
    made = Network(_CONFIG, Vocabulary((*SPECIAL_WORDS, "a", "dog")), provenance).eval()
    with torch.inference_mode():
        made.class_vectors.copy_(
            torch.nn.functional.normalize(torch.randn_like(made.class_vectors))
        )
    return made


def _pixels() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (2, 3, 224, 224), generator=generator, dtype=torch.uint8)


def test_the_classifier_says_what_the_backbone_said() -> None:
    torch.manual_seed(0)
    model = torchvision.models.get_model("mobilenet_v2").eval()
    captioner = Network(_CONFIG, Vocabulary((*SPECIAL_WORDS, "a"))).eval()
    captioner.encoder.load_backbone(model.state_dict())
    encoder, pixels = captioner.encoder, _pixels()
    assert encoder.classifier is not None
    with torch.inference_mode():
        wanted = model((pixels.float() - encoder.mean) / encoder.std)
        found = encoder.classifier.output(encoder.classifier.pool(encoder.stem(pixels)))
    assert torch.allclose(found, wanted, atol=1e-3)


def test_a_backbone_without_a_classifier_is_refused() -> None:
    weights = torchvision.models.get_model("mobilenet_v2").state_dict()
    bare = {name: tensor for name, tensor in weights.items() if "classifier" not in name}
    captioner = Network(_CONFIG, Vocabulary((*SPECIAL_WORDS, "a")))
    with pytest.raises(ValueError, match="no classifier of 1000 classes"):
        captioner.encoder.load_backbone(bare)


def test_classes_come_back_from_a_stored_state(small: Network) -> None:
    state = small.look(_pixels())
    again = PhotoState.unpack(state.pack(_CONFIG), _CONFIG)
    assert state.classes is not None
    assert again.classes is not None
    assert again.classes.ids.shape == (2, KEPT_CLASSES)
    assert np.array_equal(again.classes.ids, state.classes.ids)
    assert np.array_equal(again.classes.probability, state.classes.probability)
    assert np.array_equal(again.visual, state.visual)


def test_likelier_classes_come_first_and_make_a_unit_vector(small: Network) -> None:
    state = small.look(_pixels())
    assert state.classes is not None
    assert (np.diff(state.classes.probability) <= 0).all()
    captioner = TorchCaptioner(small)
    vectors = captioner.class_vectors_of(state.classes)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-3)
    ids = state.classes.ids[:1]
    sure = ClassEvidence(ids, np.eye(ids.shape[1], dtype=np.float16)[:1])
    nearest = small.class_vectors[int(ids[0, 0])].numpy()
    assert captioner.class_vectors_of(sure)[0] @ nearest == pytest.approx(1, abs=1e-3)


def test_a_breed_is_read_as_a_dog_and_a_pizza_as_a_pizza() -> None:
    names = class_names()
    sentences = dict(zip(names, class_sentences(names), strict=True))
    assert sentences["golden retriever"] == "golden retriever dog"
    assert sentences["African hunting dog"] == "African hunting dog"
    assert sentences["pizza"] == "pizza"
    assert sentences["great white shark"] == "great white shark fish"


def test_a_shut_gate_leaves_the_head_as_it_was(small: Network) -> None:
    grid, whole = torch.randn(2, 49, 1280), torch.randn(2, 1280)
    with torch.inference_mode():
        assert torch.allclose(small.head(grid), small.head(grid, whole))
