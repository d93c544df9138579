"""The program's peers on a CPU: one implementation a process, which loads its weights once.

    python scripts/bench/cpu_peer.py KIND --model BUNDLE [--diffusers FOLDER] [--width N --height N]
                                     [--dtype float32|bfloat16] [--threads N] [--picture FILE --steps N]

Started by scripts/bench/cpu.py. Answers each line of standard input, a number of steps, with a line of JSON: the
seconds of that many steps with guidance (two rows a call) and of one decode, whose precision is always float32. KIND
`machine` answers `facts` and `rate` instead; `diffusers` with --picture draws one picture as a user's script would.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

GUIDANCE = 7.5
PROMPT = "a lighthouse at dusk"
SIDE = 4096  # of the matrices whose product tells what the machine can do


@dataclass
class Parts:
    """unet(inputs by name, as in the bundle) -> the latent's shape; decode(latent (1, C, h, w)) -> an image."""

    unet: Callable[[dict[str, Tensor]], Tensor]
    decode: Callable[[Tensor], Tensor]


class Inputs:
    """Random inputs of the shapes that the bundle and the picture's size ask for."""

    def __init__(self, options: argparse.Namespace) -> None:
        model = json.loads((options.model / "model.json").read_text())
        vae, text = model["vae"], model["text_encoder"]
        self.names = model["unet"]["inputs"]
        self.dtype = getattr(torch, options.dtype)
        self.shape = (1, vae["latent_channels"], options.height // vae["factor"], options.width // vae["factor"])
        self.context = torch.randn(2, model["tokenizers"][0]["length"], text["context_width"], dtype=self.dtype)
        self.pooled = torch.randn(2, max(text["pooled_width"], 1), dtype=self.dtype)
        self.time_ids = torch.full((2, max(len(model["unet"].get("time_ids", [])), 1)), float(options.width))

    def latent(self) -> Tensor:
        return torch.randn(self.shape)

    def rows(self, x: Tensor, timestep: float) -> dict[str, Tensor]:
        """Of a call with guidance: x (1, C, h, w) float32 twice."""
        values = {"latent": torch.cat([x, x]).to(self.dtype), "timestep": torch.full((2,), timestep)}
        values |= {"context": self.context, "pooled": self.pooled, "time_ids": self.time_ids}
        return {name: values[name] for name in self.names}


# --- implementations ---
def load_jit(options: argparse.Namespace, inputs: Inputs) -> Parts:
    """The bundle's own modules through torch.jit, frozen: as fast as plain ones, and at full speed after two calls.

    Plain ones are compiled again in some of the following calls, which takes seconds each.
    """
    unet = torch.jit.freeze(torch.jit.load(options.model / "unet.pt").to(inputs.dtype).eval())
    decoder = torch.jit.freeze(torch.jit.load(options.model / "vae_decoder.pt").float().eval())
    return Parts(lambda values: unet(*values.values()), decoder)


def load_diffusers(options: argparse.Namespace, inputs: Inputs) -> Parts:
    """diffusers' modules; channels_last and compiled, or as they come."""
    from diffusers import AutoencoderKL, UNet2DConditionModel

    unet = UNet2DConditionModel.from_pretrained(options.diffusers / "unet", torch_dtype=inputs.dtype).eval()
    vae = AutoencoderKL.from_pretrained(options.diffusers / "vae", torch_dtype=torch.float32).eval()
    if options.kind in ("channels_last", "compile"):
        unet.to(memory_format=torch.channels_last)
        vae.to(memory_format=torch.channels_last)
    if options.kind == "compile":
        unet.compile()
        vae.decoder.compile()

    def call(values: dict[str, Tensor]) -> Tensor:
        added = None
        if "pooled" in values:
            added = {"text_embeds": values["pooled"], "time_ids": values["time_ids"]}
        rows = (values["latent"], values["timestep"], values["context"])
        return unet(*rows, added_cond_kwargs=added, return_dict=False)[0]

    return Parts(call, lambda latent: vae.decode(latent, return_dict=False)[0])


def load_openvino(options: argparse.Namespace, inputs: Inputs) -> Parts:
    """The bundle's modules converted for these shapes. Half precisions go in and out as float32."""
    import openvino

    def compiled(name: str, example: list[Tensor], precision: str) -> Callable[[list[Tensor]], Tensor]:
        module = torch.jit.load(options.model / name).float().eval()
        shapes = [tuple(value.shape) for value in example]
        network = openvino.convert_model(module, example_input=tuple(example), input=shapes)
        hints = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
        program = openvino.compile_model(network, "CPU", hints | {"INFERENCE_NUM_THREADS": options.threads})
        return lambda values: torch.from_numpy(program([value.numpy() for value in values])[0])

    def floats(values: dict[str, Tensor]) -> list[Tensor]:
        return [value.float() for value in values.values()]

    precision = {"float32": "f32", "bfloat16": "bf16"}[options.dtype]
    unet = compiled("unet.pt", floats(inputs.rows(inputs.latent(), 500.0)), precision)
    decoder = compiled("vae_decoder.pt", [inputs.latent()], "f32")
    return Parts(lambda values: unet(floats(values)), lambda latent: decoder([latent]))


LOADERS = {
    "jit": load_jit,
    "diffusers": load_diffusers,
    "channels_last": load_diffusers,
    "compile": load_diffusers,
    "openvino": load_openvino,
}


# --- what is timed ---
def sample(parts: Parts, inputs: Inputs, steps: int) -> Tensor:
    """The loop of a pipeline: guidance and a step, here a short one of Euler's kind. (1, C, h, w) float32."""
    x = inputs.latent()
    for step in range(steps):
        out = parts.unet(inputs.rows(x, 999.0 * (1 - step / steps))).float()
        negative, positive = out.chunk(2)
        x = x - 0.01 * (negative + GUIDANCE * (positive - negative))
    return x


def seconds_of(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def run_round(parts: Parts, inputs: Inputs, steps: int) -> dict[str, float]:
    """Seconds of all steps and of a decode."""
    latent = inputs.latent()
    return {
        "sample": seconds_of(lambda: sample(parts, inputs, steps)),
        "decode": seconds_of(lambda: parts.decode(latent)),
    }


# --- the machine ---
def has_bfloat16() -> bool:
    """Instructions, that is; PyTorch computes in bfloat16 without them too, but slowly."""
    try:
        words = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return False
    return bool(words & {"avx512_bf16", "amx_bf16", "bf16"})


def count_flop(options: argparse.Namespace, inputs: Inputs) -> int:
    """Of one step with guidance, multiply-adds counted as two. Runs a row of the bundle's UNet."""
    from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

    def attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        return sdpa_flop_count(query, key, value)

    parts = load_jit(options, inputs)
    row = {name: value[:1] for name, value in inputs.rows(inputs.latent(), 500.0).items()}
    mapping = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attention}
    with FlopCounterMode(display=False, custom_mapping=mapping) as counter:
        parts.unet(row)
    return 2 * counter.get_total_flops()


def facts(options: argparse.Namespace, inputs: Inputs) -> dict[str, Any]:
    return {
        "capability": torch.backends.cpu.get_cpu_capability(),
        "bfloat16": has_bfloat16(),
        "torch": torch.__version__,
        "flop_per_step": count_flop(options, inputs),
    }


def gemm_rate(dtype: torch.dtype) -> dict[str, float]:
    """GFLOP/s of torch.mm, of smaller matrices where those of SIDE would take long."""
    side, rate = 256, 0.0
    while side < SIDE and (rate == 0 or 2 * (2 * side) ** 3 / rate < 20e9):
        side *= 4
        a, b = torch.randn(2, side, side).to(dtype)
        torch.mm(a[:64], b)
        rate = 2 * side**3 / seconds_of(lambda a=a, b=b: torch.mm(a, b)) / 1e9
    return {"gflops": rate, "side": side}


def answer_about_machine(line: str, options: argparse.Namespace, inputs: Inputs) -> dict[str, Any]:
    if line == "facts":
        return facts(options, inputs)
    rates = [gemm_rate(inputs.dtype) for _ in range(3)]
    return {"gflops": statistics.median(rate["gflops"] for rate in rates), "side": rates[-1]["side"]}


# --- a picture, as a user's script would draw it ---
def draw_picture(options: argparse.Namespace) -> dict[str, float]:
    """Seconds by stage of diffusers' pipeline with DDIM; writes options.picture."""
    from diffusers import AutoencoderKL, DDIMScheduler, DiffusionPipeline

    vae = AutoencoderKL.from_pretrained(options.diffusers / "vae", torch_dtype=torch.float32)
    dtype = getattr(torch, options.dtype)
    pipeline = DiffusionPipeline.from_pretrained(options.diffusers, vae=vae, torch_dtype=dtype, local_files_only=True)
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    marks = [time.perf_counter()]
    embeds = pipeline.encode_prompt(PROMPT, "cpu", 1, True)
    marks.append(time.perf_counter())
    # In the order in which encode_prompt returns them; the last two are SDXL's.
    names = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
    drawn = dict(zip(names, embeds, strict=False))
    size = {"width": options.width, "height": options.height, "num_inference_steps": options.steps}
    latent = pipeline(**drawn, **size, guidance_scale=GUIDANCE, output_type="latent").images
    marks.append(time.perf_counter())
    pixels = vae.decode(latent.float() / vae.config.scaling_factor, return_dict=False)[0]
    marks.append(time.perf_counter())
    pipeline.image_processor.postprocess(pixels)[0].save(options.picture)
    marks.append(time.perf_counter())
    stages = ("encode", "sample", "decode", "write")
    return {name: marks[i + 1] - marks[i] for i, name in enumerate(stages)}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("machine", *LOADERS))
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--diffusers", type=Path)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--steps", type=int, default=20)
    return parser.parse_args()


def serve(options: argparse.Namespace) -> None:
    """Answers until standard input ends. A failure is an answer too."""
    inputs = Inputs(options)
    parts: Parts | None = None
    for line in sys.stdin:
        try:
            if options.kind == "machine":
                answer = answer_about_machine(line.strip(), options, inputs)
            else:
                parts = parts or LOADERS[options.kind](options, inputs)
                answer = run_round(parts, inputs, int(line))
        except Exception as error:  # noqa: BLE001  the harness tells it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print("ANSWER " + json.dumps(answer), flush=True)


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    with torch.inference_mode():
        if options.picture:
            print("ANSWER " + json.dumps(draw_picture(options)), flush=True)
        else:
            serve(options)


if __name__ == "__main__":
    main()
