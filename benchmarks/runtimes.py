"""Benchmark: the captioner by torch and by ONNX Runtime, in every precision that a CPU has.

    python -m benchmarks.runtimes --images images

Makes a table of docs/benchmarks.md. For torch on AVX2 alone set ONEDNN_MAX_CPU_ISA=AVX2; ONNX
Runtime takes what the processor says that it has, and cannot be told otherwise.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray

from benchmarks.index_timing import photos_in
from benchmarks.pixel_batches import pixel_batches
from captioner.captioner import Captioner, PhotoState
from captioner.checkpoint import read_checkpoint
from captioner.machine import threads
from captioner.network import load_network
from captioner.onnx_captioner import OnnxCaptioner
from captioner.onnx_encoder import features_model
from captioner.torch_captioner import TorchCaptioner
from captioner.vocabulary import tokenise

_BATCH = 32
_CANDIDATES = 200
_REPEAT = 5
_TIMES = 15
_SENTENCE = tuple(tokenise("a man in a red shirt rides a bike down the street"))
_FEATURES = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16")

Pixels = NDArray[np.uint8]
Runtimes = dict[str, Captioner]


@contextmanager
def precision(name: str) -> Iterator[None]:
    """A context in which torch computes in a precision."""
    before = os.environ.get("TELLSHOW_PRECISION")
    os.environ["TELLSHOW_PRECISION"] = name
    try:
        yield
    finally:
        os.environ.pop("TELLSHOW_PRECISION")
        if before is not None:
            os.environ["TELLSHOW_PRECISION"] = before


def looking(pixels: Pixels, look: Callable[[Pixels], object]) -> float:
    """Photos a second, the best of several times."""
    look(pixels[:8])
    best = 0.0
    for _ in range(_REPEAT):
        started = time.perf_counter()
        look(pixels)
        best = max(best, len(pixels) / (time.perf_counter() - started))
    return best


def scoring(captioner: Captioner, state: PhotoState) -> float:
    """Milliseconds (p50) to score one sentence on every photo, and without a photo."""
    spent = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        captioner.score_both(_SENTENCE, state)
        spent.append(1000 * (time.perf_counter() - started))
    return float(np.median(spent[1:]))


def captioning(captioner: Captioner, state: PhotoState) -> float:
    """Photos a second that captions are found for, the best of several times."""
    batch = state[:_BATCH]
    return looking(
        np.zeros((len(batch), 1), np.uint8), lambda _: captioner.generate_captions(batch)
    )


def quantised_encoder(pixels: Pixels, folder: Path) -> Callable[[Pixels], object]:
    """The encoder in int8, calibrated on photos: its convolutions, activations by tensor."""
    import onnx
    from onnxruntime.quantization import (  # type: ignore[import-untyped]
        CalibrationDataReader,
        QuantFormat,
        quantize_static,
    )

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._rest = iter(pixels[row : row + 8] for row in range(0, len(pixels), 8))

        def get_next(self) -> dict[str, Pixels] | None:
            batch = next(self._rest, None)
            return None if batch is None else {"pixels": batch}

    checkpoint = read_checkpoint()
    model = onnx.load_from_string(features_model(checkpoint.config, checkpoint.arrays).whole())
    target = folder / "int8.onnx"
    quantize_static(
        model, target, Reader(), quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv"], per_channel=True,
    )  # fmt: skip
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    session = onnxruntime.InferenceSession(target, options, providers=["CPUExecutionProvider"])
    return lambda batch: [
        session.run(None, {"pixels": batch[row : row + 8]}) for row in range(0, len(batch), 8)
    ]


def processor() -> str:
    """The CPU's name, what of its features matters here, and the versions."""
    told = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.split(":")[1].strip() for line in told.splitlines() if "model name" in line]
    flags = [name for name in _FEATURES if f" {name} " in told.replace("\n", " ")]
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "all of them")
    return (
        f"{(names or [platform.processor()])[0]}, {' '.join(flags)} (oneDNN: {limit}); "
        f"{threads()} threads, torch {torch.__version__}, onnxruntime {onnxruntime.__version__}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=64)
    options = parser.parse_args()
    torch.set_num_threads(threads())
    files = photos_in(options.images)[: options.photos]
    pixels = np.concatenate(list(pixel_batches(files, 224)))
    by_torch, by_onnx = TorchCaptioner(load_network(device="cpu")), OnnxCaptioner(read_checkpoint())
    states = by_onnx.look(pixels)
    packed = states.pack(by_onnx.config) * _CANDIDATES
    many = PhotoState.unpack(packed[:_CANDIDATES], by_onnx.config)
    print(processor() + "\n")
    print("| | encoder, photos/s | 200 candidates, p50 ms | captions, photos/s |")
    print("| --- | --- | --- | --- |")
    ways: Sequence[tuple[str, Captioner]] = (
        ("float32", by_torch), ("bfloat16", by_torch), ("float32", by_onnx),
    )  # fmt: skip
    for name, captioner in ways:
        with precision(name):
            rates = looking(pixels, captioner.look), scoring(captioner, many)
            captions = captioning(captioner, states)
            print(f"| {captioner.runtime} | {rates[0]:.1f} | {rates[1]:.0f} | {captions:.0f} |")
    with tempfile.TemporaryDirectory() as folder:
        rate = looking(pixels, quantised_encoder(pixels, Path(folder)))
    print(f"| onnx int8 | {rate:.1f} | | |")


if __name__ == "__main__":
    main()
