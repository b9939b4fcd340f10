"""Benchmark: indexing, against CLIP ViT-B/32's image tower alone, and as a collection grows.

    python -m benchmarks.index --folder images --count 1000 --growth 1000 2000 4000 7000

Imports the rest only when it runs: processes that it starts load this file again.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.index_timing import Grown, Stage


def main() -> None:
    """Measure and print."""
    from benchmarks import index_timing
    from captioner.machine import threads

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1000, help="photos for both rates")
    parser.add_argument("--growth", type=int, nargs="*", default=[], help="numbers of photos")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--device", default="cpu", help="of both sides")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    files = index_timing.photos_in(options.folder)
    with index_timing.Album(files[: options.count]) as album:
        models = index_timing.load_models(options.device)
        rates = index_timing.compare(models, album, options.batch_size, options.repeat)
        print(
            f"{len(album.files)} photos, {threads()} threads, {models[0].runtime}, "
            f"{rates.photos} of them new\n"
        )
        print("| | photos/s |\n| --- | --- |")
        print(f"| tellshow index, all of it | {rates.index:.1f} |")
        print(f"| CLIP ViT-B/32's image tower alone, {models[0].runtime} | {rates.tower:.1f} |")
        print(f"\n{rates.index / rates.tower:.2f} times the tower\n")
        _print_stages(index_timing.stages(models, album, options.batch_size))
    size, device = options.batch_size, options.device
    _print_growth([index_timing.grow(files[:count], size, device) for count in options.growth])


def _print_stages(stages: list[Stage]) -> None:
    print("| stage, by itself | ms a photo |\n| --- | --- |")
    for stage in stages:
        print(f"| {stage.name} | {stage.milliseconds:.2f} |")


def _print_growth(grown: list[Grown]) -> None:
    if grown:
        print("\n| photos | photos/s | most memory, MB | nothing to do, s |")
        print("| --- | --- | --- | --- |")
    for each in grown:
        print(
            f"| {each.photos} | {each.rate:.1f} | {each.megabytes:.0f} | {each.again_seconds:.2f} |"
        )


if __name__ == "__main__":
    main()
