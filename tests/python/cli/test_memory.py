"""What is kept for each new size of a picture does not add up."""

import json
import random
import subprocess
from pathlib import Path

from cli_program import ROOT, Program

SIZES = 60
GROWTH_MAX = 130  # MiB from the first half of the sizes to the second: 290 without a bound, some 0 with one


def resident(process: subprocess.Popen[bytes]) -> int:
    """MiB that are the process' own."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1]) // 1024


def test_memory_does_not_grow_with_the_number_of_sizes(tmp_path: Path) -> None:
    sizes = [(width, height) for width in range(64, 320, 8) for height in range(64, 320, 8)]
    program = Program(tmp_path, {"TXT2IMG_MODELS": str(ROOT / "models"), "TXT2IMG_DEVICE": "cpu"})
    arguments = ("-f", "-", "--format", "jsonl", "--stream", "-o", "out/", "--steps", 1, "--json", "-q", "--threads", 2)
    seen = []
    with program.start(*arguments, stdin=subprocess.PIPE) as process:
        for width, height in random.Random(1).sample(sizes, SIZES):
            line = json.dumps({"prompt": "a red apple", "width": width, "height": height})
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["status"] == "done"
            seen.append(resident(process))
        process.stdin.close()
        assert process.wait() == 0
    assert max(seen[SIZES // 2 :]) - max(seen[: SIZES // 2]) <= GROWTH_MAX, seen
