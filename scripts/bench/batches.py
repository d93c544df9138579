"""Pictures per second of a prompt file at several batch sizes, and how far the pictures are from those drawn alone.

    python scripts/bench/batches.py [--model FOLDER] [--batch-size N ...] [--items N] [--runs N]

Runs build/release/txt2img (scripts/build makes it), all batch sizes in each round. The time is that of
the whole program, loading included. Prints the median of the rounds as Markdown, and of all pictures the
least PSNR in dB and the largest difference of a channel, against batch size 1.
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]
THINGS = ("apple", "dog", "cat", "car", "banana", "house", "tree", "star")
COLOURS = ("red", "green", "blue", "yellow")


def prompts(count: int) -> str:
    texts = [f"a {colour} {thing}\n" for thing in THINGS for colour in COLOURS]
    return "".join(texts[i % len(texts)] for i in range(count))


def draw(model: Path, prompt_file: Path, batch_size: int, folder: Path) -> float:
    """Seconds of the whole program."""
    command = [ROOT / "build" / "release" / "txt2img", "-m", model, "-f", prompt_file, "-s", "1", "-q"]
    command += ["--on-exists", "overwrite", "--batch-size", str(batch_size), "-o", f"{folder}/"]
    start = time.perf_counter()
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def differences(folder: Path, other: Path) -> tuple[float, int]:
    """Least PSNR in dB (infinite where all are equal), largest difference of a channel."""
    least, largest = float("inf"), 0
    for path in sorted(folder.glob("*.png")):
        one, two = (np.asarray(Image.open(where / path.name)).astype(int) for where in (folder, other))
        difference = np.abs(one - two)
        largest = max(largest, int(difference.max()))
        if largest > 0 and difference.any():
            least = min(least, 10 * np.log10(255**2 / np.square(difference).mean()))
    return least, largest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "stickers")
    parser.add_argument("--batch-size", type=int, nargs="+", default=[1, 4, 8, 16])
    parser.add_argument("--items", type=int, default=32)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    sizes = sorted({1, *options.batch_size})
    seconds = {size: [] for size in sizes}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "prompts.txt").write_text(prompts(options.items))
        for _ in range(options.runs):
            for size in sizes:
                seconds[size].append(draw(options.model, folder / "prompts.txt", size, folder / str(size)))
        print("| batch size | pictures/s | against 1 | slowest and fastest run | least PSNR | largest difference |")
        print("|---|---|---|---|---|---|")
        alone = statistics.median(seconds[1])
        for size in sizes:
            rates = sorted(options.items / s for s in seconds[size])
            median = options.items / statistics.median(seconds[size])
            psnr, largest = differences(folder / "1", folder / str(size))
            print(
                f"| {size} | {median:.2f} | {median * alone / options.items:.2f} | {rates[0]:.2f} to {rates[-1]:.2f} "
                f"| {psnr:.1f} dB | {largest} |"
            )


if __name__ == "__main__":
    main()
