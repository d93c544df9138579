"""The program's peers on a CUDA device: the same UNet through torch.jit, and diffusers' own.

Started by scripts/bench/gpu.py with a bundle of random_bundle.py; answers each line of standard input, the name of a
measurement, with a line of JSON. The loop is that of a pipeline: guidance, sampler step, no waiting in between.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

STEPS = 20
GUIDANCE = 7.5
LOOPS = 3
HALF = torch.float16
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"  # the CPU only to rehearse


def synchronize() -> None:
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def timed(work: Callable[[], Any]) -> float:
    """Seconds, the device's work included."""
    synchronize()
    start = time.perf_counter()
    work()
    synchronize()
    return time.perf_counter() - start


class Peers:
    def __init__(self, bundle: Path, family: str, side: int) -> None:
        self.bundle, self.side = bundle, side
        self.facts = json.loads((ROOT / "scripts" / "export" / "configs" / f"{family}.json").read_text())
        model = json.loads((bundle / "model.json").read_text())
        self.names = model["unet"]["inputs"]
        width = model["text_encoder"]["context_width"]
        self.context = torch.randn(2, 77, width, device=DEVICE, dtype=HALF)
        self.pooled = torch.randn(2, 1280, device=DEVICE, dtype=HALF)
        self.time_ids = torch.full((2, 6), float(side), device=DEVICE)
        self.loaded: dict[str, Any] = {}

    def need(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self.loaded:
            self.loaded[name] = make()
        return self.loaded[name]

    # --- UNets ---
    def script(self, channels_last: bool) -> torch.jit.ScriptModule:
        def make() -> torch.jit.ScriptModule:
            module = torch.jit.load(self.bundle / "unet.pt", map_location=DEVICE).eval()
            if channels_last:
                for parameter in module.parameters():
                    if parameter.ndim == 4:
                        parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
            return module

        return self.need(f"script {channels_last}", make)

    def diffusers_unet(self) -> torch.nn.Module:
        from export.unet import build_unet
        from random_bundle import fill

        def make() -> torch.nn.Module:
            generator = torch.Generator(DEVICE).manual_seed(1)
            unet = fill(build_unet(self.facts["unet"], "diffusers"), DEVICE, generator)
            return unet.to(HALF).to(memory_format=torch.channels_last)

        return self.need("diffusers", make)

    def diffusers_vae(self) -> torch.nn.Module:
        from export.vae import build_vae
        from random_bundle import fill

        def make() -> torch.nn.Module:
            return fill(build_vae(self.facts["vae"], "diffusers"), DEVICE, torch.Generator(DEVICE).manual_seed(1))

        return self.need("vae", make)

    # --- loops: milliseconds a step ---
    def latent(self) -> Tensor:
        return torch.randn(1, 4, self.side // 8, self.side // 8, device=DEVICE)

    def script_loop(self, unet: torch.jit.ScriptModule) -> None:
        x = self.latent()
        more = {"context": self.context, "pooled": self.pooled, "time_ids": self.time_ids}
        for step in range(STEPS):
            timestep = torch.full((2,), 999.0 - step * 50, device=DEVICE)
            inputs = {"latent": torch.cat([x, x]).to(HALF), "timestep": timestep, **more}
            out = unet(*(inputs[name] for name in self.names)).float()
            negative, positive = out.chunk(2)
            x = x - 0.01 * (negative + GUIDANCE * (positive - negative))

    def diffusers_loop(self, unet: torch.nn.Module) -> None:
        from diffusers import EulerDiscreteScheduler

        scheduler = EulerDiscreteScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
        scheduler.set_timesteps(STEPS, device=DEVICE)
        x = self.latent().to(HALF) * scheduler.init_noise_sigma
        added = {"text_embeds": self.pooled, "time_ids": self.time_ids.to(HALF)} if "pooled" in self.names else None
        for t in scheduler.timesteps:
            doubled = scheduler.scale_model_input(torch.cat([x] * 2), t)
            out = unet(doubled, t, self.context, added_cond_kwargs=added, return_dict=False)[0]
            negative, positive = out.chunk(2)
            x = scheduler.step(negative + GUIDANCE * (positive - negative), t, x, return_dict=False)[0]

    def milliseconds(self, loop: Callable[[], None], warm: int = 1) -> dict[str, Any]:
        for _ in range(warm):
            timed(loop)
        return {"ms_per_step": [1000 * timed(loop) / STEPS for _ in range(LOOPS)]}

    # --- what can be asked for ---
    def measure(self, name: str) -> dict[str, Any]:
        if name == "jit":
            return self.milliseconds(lambda: self.script_loop(self.script(False)))
        if name == "jit channels_last":
            return self.milliseconds(lambda: self.script_loop(self.script(True)))
        if name == "jit channels_last, cudnn.benchmark":
            torch.backends.cudnn.benchmark = True
            unet = self.script(True)
            try:
                first = timed(lambda: self.script_loop(unet))
                return self.milliseconds(lambda: self.script_loop(unet)) | {"first_loop_s": first}
            finally:
                torch.backends.cudnn.benchmark = False
        if name == "diffusers":
            return self.milliseconds(lambda: self.diffusers_loop(self.diffusers_unet()))
        if name == "diffusers, torch.compile":
            return self.compiled()
        if name == "diffusers vae":
            latent = self.latent()
            vae = self.diffusers_vae()
            timed(lambda: vae.decode(latent))
            return {"ms_per_decode": [1000 * timed(lambda: vae.decode(latent)) for _ in range(LOOPS)]}
        if name == "machine":
            return self.machine()
        if name == "kernels":
            return self.kernels()
        raise ValueError(name)

    def compiled(self) -> dict[str, Any]:
        def make() -> tuple[Any, float]:
            unet = torch.compile(self.diffusers_unet(), mode="max-autotune", fullgraph=True)
            return unet, timed(lambda: self.diffusers_loop(unet)) + timed(lambda: self.diffusers_loop(unet))

        unet, warm_up = self.need("compiled", make)
        return self.milliseconds(lambda: self.diffusers_loop(unet)) | {"warm_up_s": warm_up}

    def machine(self) -> dict[str, Any]:
        if DEVICE == "cpu":
            return {"device": "cpu", "torch": torch.__version__}
        a = torch.randn(8192, 8192, device=DEVICE, dtype=HALF)
        b = torch.randn(8192, 8192, device=DEVICE, dtype=HALF)
        timed(lambda: a @ b)
        rate = statistics.median(2 * 8192**3 / timed(lambda: a @ b) / 1e12 for _ in range(5))
        properties = torch.cuda.get_device_properties(0)
        return {
            "device": properties.name,
            "multiprocessors": properties.multi_processor_count,
            "torch": torch.__version__,
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "float16 8192^3 TFLOP/s": rate,
        }

    def kernels(self) -> dict[str, Any]:
        """Where the device's time goes in a step, in microseconds, of the module with channels last."""
        from torch.profiler import ProfilerActivity, profile

        unet = self.script(True)
        self.script_loop(unet)
        with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as trace:
            self.script_loop(unet)
            synchronize()
        rows = [
            (event.self_device_time_total / STEPS, event.count / STEPS, event.key)
            for event in trace.key_averages()
            if event.self_device_time_total > 0 and str(event.device_type).endswith("CUDA")
        ]
        rows.sort(reverse=True)
        listed = [f"{us:8.1f} us {count:6.1f} x {key[:150]}" for us, count, key in rows[:40]]
        return {"device_us_per_step": sum(row[0] for row in rows), "kernels": listed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--family", default="sd1")
    parser.add_argument("--side", type=int, default=512)
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))
    peers = Peers(options.bundle, options.family, options.side)
    with torch.inference_mode():
        for line in sys.stdin:
            try:
                answer = peers.measure(line.strip())
            except Exception as error:  # noqa: BLE001  the next measurement may still work
                answer = {"error": f"{type(error).__name__}: {str(error).splitlines()[:1]}"}
            print("ANSWER " + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
