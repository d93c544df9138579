"""What the samplers cost beside the network: milliseconds a step on the latent of a 512x512 picture.

    python scripts/bench/samplers.py [--steps N] [--runs N] [--size WxH]

Runs build/release/run_samplers (scripts/build makes it) on one CPU thread; the network's time is taken
out, noise, guidance-free conversion and the check for NaN are in. Prints the median and the largest of
the runs as Markdown.
"""

import argparse
import json
import statistics
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCHEDULER = {
    "num_train_timesteps": 1000,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "prediction_type": "epsilon",
    "timestep_spacing": "leading",
    "steps_offset": 1,
    "set_alpha_to_one": False,
}
EDM = {"sigma_data": 0.5}


def samplers() -> list[str]:
    command = [str(ROOT / "build" / "release" / "txt2img"), "--list", "samplers", "--json"]
    rows = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [json.loads(row)["name"] for row in rows]


def line_of(sampler: str, steps: int, shape: list[int]) -> str:
    scheduler = SCHEDULER | (EDM if sampler.startswith("edm_") else {})
    facts = {"scheduler": scheduler, "sampler": sampler, "steps": steps, "network": "tanh", "seed": 1}
    return json.dumps({**facts, "shape": shape}) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--size", default="512x512", help="of the picture")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    names = samplers()
    # Interleaved: each run goes once through all of them. The first is for warming up.
    text = "".join(line_of(n, options.steps, [1, 4, height // 8, width // 8]) for n in names) * (options.runs + 1)
    program = str(ROOT / "build" / "release" / "run_samplers")
    done = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
    seconds = [json.loads(line)["seconds"] for line in done.stdout.splitlines()][len(names) :]
    print("| sampler | ms a step, median | largest |\n|---|---|---|")
    for i, name in enumerate(names):
        per_step = [1000 * s / options.steps for s in seconds[i :: len(names)]]
        print(f"| {name} | {statistics.median(per_step):.3f} | {max(per_step):.3f} |")


if __name__ == "__main__":
    main()
