"""Pictures of the bundled model with every sampler, against diffusers' schedulers around the same modules.

At a quarter of the model's own area, which is as good a test and takes a quarter of the time.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import oracles
import pytest
import sentencepiece
import torch
from cli_program import ROOT, Program
from PIL import Image
from sampler_runs import BrownianPath, Draws, make_scheduler, scheduler_parameters

BUNDLE = ROOT / "models" / "stickers"
PROMPT = "two red apples on a yellow background"
STEPS = 20
GUIDANCE = 2.0
SEED = 11
# One level of 255: float32 sums in another order may round a value the other way.
TOLERANCE = 1

# Sampler: class of diffusers, its further arguments, arguments of its step, the program's options.
SAMPLERS: dict[str, tuple[str, dict[str, Any], dict[str, Any], list[str]]] = {
    "ddpm": ("DDPMScheduler", {}, {}, []),
    "ddim": ("DDIMScheduler", {}, {"eta": 0.5}, ["--eta", "0.5"]),
    # Leading spacing: at zero terminal SNR the step of pndm does not exist, and diffusers' lms loses digits of a latent
    # that it scales by 4096.
    "pndm": ("PNDMScheduler", {"skip_prk_steps": True, "timestep_spacing": "leading"}, {}, ["--schedule", "leading"]),
    "lms": ("LMSDiscreteScheduler", {"timestep_spacing": "leading"}, {}, ["--schedule", "leading"]),
    "euler": ("EulerDiscreteScheduler", {}, {"s_churn": 4.0}, ["--s-churn", "4"]),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}, {}, []),
    "heun": ("HeunDiscreteScheduler", {}, {}, []),
    "dpm2": ("KDPM2DiscreteScheduler", {}, {}, []),
    "dpm2_a": ("KDPM2AncestralDiscreteScheduler", {}, {}, []),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}, {}, ["--schedule", "karras"]),
    "dpmpp_2m_sde": ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}, {}, []),
    "dpmpp_3m": ("DPMSolverMultistepScheduler", {"solver_order": 3}, {}, []),
    "dpmpp_2s": ("DPMSolverSinglestepScheduler", {}, {}, ["--schedule", "linspace"]),
    "dpmpp_sde": ("DPMSolverSDEScheduler", {}, {}, []),
    "deis": ("DEISMultistepScheduler", {}, {}, []),
    "unipc": ("UniPCMultistepScheduler", {}, {}, []),
    "lcm": ("LCMScheduler", {}, {}, []),
    "tcd": ("TCDScheduler", {}, {"eta": 0.3}, ["--eta", "0.3"]),
    "sa_solver": ("SASolverScheduler", {}, {}, []),
}


@cache
def facts() -> dict[str, Any]:
    return json.loads((BUNDLE / "model.json").read_text(encoding="utf-8"))


@cache
def module(name: str) -> torch.jit.ScriptModule:
    return torch.jit.load(str(BUNDLE / name)).float().eval()


def zero_snr_betas() -> list[float]:
    """What `rescale_betas_zero_snr` makes, with diffusers' least abar, for classes that do not know the flag."""
    known = {k: v for k, v in facts()["scheduler"].items() if k in scheduler_parameters("EulerDiscreteScheduler")}
    abar = make_scheduler("EulerDiscreteScheduler", json.dumps(known)).alphas_cumprod.double()
    return (1 - torch.cat([abar[:1], abar[1:] / abar[:-1]])).tolist()


def scheduler(name: str, more: dict[str, Any]) -> Any:
    known = scheduler_parameters(name)
    config = {k: v for k, v in facts()["scheduler"].items() if k in known}
    if "rescale_betas_zero_snr" not in known:
        config |= {"trained_betas": zero_snr_betas()}
    return make_scheduler(name, json.dumps({**config, **more}))


@torch.no_grad()
def drawn_by_diffusers(sampler: str, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """(64, 64, 3) uint8."""
    class_name, more, arguments, _ = SAMPLERS[sampler]
    their = scheduler(class_name, more)
    their.set_timesteps(STEPS)
    draws = Draws(SEED)
    source = __import__(type(their).__module__, fromlist=["randn_tensor"])
    if hasattr(source, "randn_tensor"):
        monkeypatch.setattr(source, "randn_tensor", draws)
    shape = (1, facts()["vae"]["latent_channels"], 8, 8)
    if sampler == "dpmpp_sde":
        their.noise_sampler = BrownianPath(draws, shape)
    spec = facts()["tokenizers"][0]
    processor = sentencepiece.SentencePieceProcessor(model_file=str(BUNDLE / spec["model"]))

    def ids(text: str) -> list[int]:
        inner = [spec["bos"], *processor.encode(text)[: spec["length"] - 2], spec["eos"]]
        return inner + [spec["pad"]] * (spec["length"] - len(inner))

    context = module("text_encoder.pt")(torch.tensor([ids(""), ids(PROMPT)]))[0][0]
    x = draws(shape) * their.init_noise_sigma
    for t in their.timesteps:
        scaled = their.scale_model_input(torch.cat([x, x]), t)
        out = module("unet.pt")(scaled, t.float().expand(2), context)
        out = out[0] if isinstance(out, tuple) else out
        negative, positive = out.chunk(2)
        x = their.step(negative + GUIDANCE * (positive - negative), t, x, **arguments, return_dict=False)[0]
    image = module("vae_decoder.pt")(x / facts()["vae"]["scaling_factor"])
    image = image[0] if isinstance(image, tuple) else image
    return ((image[0] * 0.5 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("samplers")


def drawn_by_the_program(sampler: str, folder: Path, *options: str) -> np.ndarray:
    path = folder / f"{sampler}.png"
    result = Program(folder).run(
        *(PROMPT, "-m", BUNDLE, "-s", SEED, "-g", GUIDANCE, "--steps", STEPS, "--sampler", sampler),
        *("-o", path, "--size", "64x64", "--dtype", "float32", "--device", "cpu", "--threads", 1, "--progress", "none"),
        *options,
    )
    assert result.code == 0, result.err
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_picture_is_that_of_diffusers(sampler: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = drawn_by_diffusers(sampler, monkeypatch)
    ours = drawn_by_the_program(sampler, folder, *SAMPLERS[sampler][3])
    assert ours.shape == theirs.shape
    difference = np.abs(ours.astype(int) - theirs.astype(int))
    assert difference.max() <= TOLERANCE, f"{(difference > TOLERANCE).mean():.1%} of the channels"


def test_pictures_of_different_samplers_differ(folder: Path) -> None:
    first = drawn_by_the_program("euler", folder)
    other = drawn_by_the_program("heun", folder)
    assert np.abs(first.astype(int) - other.astype(int)).max() > 4 * TOLERANCE


@pytest.mark.parametrize("options", [(), ("--solver-type", "corrector", "--corrector-steps", "20")])
def test_langevin_draws_a_yellow_background(options: tuple[str, ...], folder: Path) -> None:
    picture = drawn_by_the_program("langevin", folder, *options)
    assert oracles.background(picture) == "yellow"


def test_ipndm_draws_a_yellow_background(folder: Path) -> None:
    assert oracles.background(drawn_by_the_program("ipndm", folder)) == "yellow"
