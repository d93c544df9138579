"""Memory and rate of the program along a prompt file of many lines.

    python scripts/bench/long_run.py [--model FOLDER] [--items N] [--every N] [-- OPTION ...]

Runs build/release/txt2img (scripts/build makes it) with one step a picture, and further options of the
program. Prints resident memory in MiB and pictures per second after each N pictures as Markdown.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def resident_mib(pid: int) -> float:
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(row.split()[1]) / 1024 for row in rows if row.startswith("VmRSS:"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "stickers")
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=1_000)
    parser.add_argument("more", nargs="*", metavar="OPTION")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        # One more, so that the program still runs when the last but one is done.
        (Path(name) / "prompts.txt").write_text("".join(f"picture number {i}\n" for i in range(options.items + 1)))
        command = [ROOT / "build" / "release" / "txt2img", "-m", options.model, "-f", Path(name) / "prompts.txt"]
        command += ["-s", "1", "--steps", "1", "--json", "-o", f"{name}/out/", "--progress", "none", *options.more]
        print("| pictures | MiB | pictures/s |\n|---|---|---|")
        with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            start = time.perf_counter()
            for number, _ in enumerate(process.stdout, start=1):
                if number % options.every == 0:
                    now = time.perf_counter()
                    rate = options.every / (now - start)
                    print(f"| {number} | {resident_mib(process.pid):.1f} | {rate:.1f} |", flush=True)
                    start = now
        raise SystemExit(process.returncode)


if __name__ == "__main__":
    main()
