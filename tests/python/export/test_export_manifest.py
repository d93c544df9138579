"""What scripts/export_model.py writes into model.json."""

import hashlib
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from export.scheduler import Scheduler
from exported import (
    TEXT,
    UNET,
    VAE,
    manifest,
)


def test_manifest_of_a_stable_diffusion_1_model(sd1: Path, sd1_bundle: Path) -> None:
    actual = manifest(sd1_bundle)
    weights = {name: sha256(sd1 / name) for name in (TEXT, UNET, VAE)}
    files = [path for path in sd1_bundle.rglob("*") if path.is_file()]
    assert actual == {
        "format": "txt2img-bundle",
        "version": 1,
        "name": "sd1",
        "family": "custom",
        "licence": "unknown; see the source of the model",
        "source": {
            "pipeline": "StableDiffusionPipeline",
            "scheduler": "PNDMScheduler",
            "weights": weights,
        },
        "exporter": {
            "txt2img": actual["exporter"]["txt2img"],
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
            "transformers": actual["exporter"]["transformers"],
        },
        "files": {
            str(path.relative_to(sd1_bundle)): {
                "bytes": path.stat().st_size,
                "sha256": sha256(path),
            }
            for path in files
            if path.name != "model.json"
        },
        "tokenizers": [
            {
                "type": "clip-bpe",
                "vocab": "tokenizer/vocab.json",
                "merges": "tokenizer/merges.txt",
                "length": 77,
                "bos": 572,
                "eos": 573,
                "pad": 573,
            }
        ],
        "text_encoder": {
            "file": "text_encoder.pt",
            "dtype": "float16",
            "clip_skips": 3,
            "context_width": 32,
            "pooled_width": 0,
            "zero_empty_negative": False,
        },
        "unet": {
            "file": "unet.pt",
            "dtype": "float16",
            "inputs": ["latent", "timestep", "context"],
            "in_channels": 4,
            "out_channels": 4,
        },
        "vae": {
            "decoder": "vae_decoder.pt",
            "encoder": "vae_encoder.pt",
            "dtype": "float32",
            "factor": 8,
            "latent_channels": 4,
            "scaling_factor": 0.18215,
            "shift_factor": 0.0,
        },
        "scheduler": {
            "num_train_timesteps": 1000,
            "beta_schedule": "scaled_linear",
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "prediction_type": "epsilon",
            "timestep_spacing": "leading",
            "steps_offset": 1,
            "set_alpha_to_one": False,
            "rescale_betas_zero_snr": False,
            "clip_sample": False,
            "thresholding": False,
            "final_sigmas_type": "zero",
        },
        "defaults": {
            "width": 64,
            "height": 64,
            "steps": 25,
            "guidance": 7.5,
            "sampler": "pndm",
            "schedule": "model",
            "size_multiple": 8,
        },
    }


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_facts_of_the_models_own_win_over_derived_ones(stickers_bundle: Path) -> None:
    facts = manifest(stickers_bundle)
    assert (facts["name"], facts["family"], facts["licence"]) == (
        "tiny-stickers",
        "stickers",
        "MIT",
    )
    assert facts["defaults"] == {
        "width": 64,
        "height": 64,
        "steps": 12,
        "guidance": 3.0,
        "sampler": "ddim",
        "schedule": "model",
        "size_multiple": 8,
    }
    assert facts["scheduler"]["steps_offset"] == 0
    assert facts["scheduler"]["prediction_type"] == "v_prediction"
    assert facts["scheduler"]["rescale_betas_zero_snr"] is True
    assert facts["vae"]["dtype"] == "float16"
    tokenizer = facts["tokenizers"][0]
    assert tokenizer == {
        "type": "sentencepiece",
        "model": "tokenizer/tokenizer.model",
        "length": 32,
        "bos": 1,
        "eos": 2,
        "pad": 0,
    }


@pytest.mark.parametrize(
    ("config", "sampler", "schedule"),
    [
        ({"_class_name": "DDIMScheduler"}, "ddim", "model"),
        ({"_class_name": "EulerDiscreteScheduler"}, "euler", "model"),
        ({"_class_name": "EulerDiscreteScheduler", "use_beta_sigmas": True}, "euler", "beta"),
        ({"_class_name": "EulerAncestralDiscreteScheduler"}, "euler_a", "model"),
        ({"_class_name": "DPMSolverMultistepScheduler"}, "dpmpp_2m", "model"),
        ({"_class_name": "DPMSolverMultistepScheduler", "use_karras_sigmas": True}, "dpmpp_2m", "karras"),
        ({"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++"}, "dpmpp_2m_sde", "model"),
        ({"_class_name": "DPMSolverMultistepScheduler", "solver_order": 3}, "dpmpp_3m", "model"),
        ({"_class_name": "EDMDPMSolverMultistepScheduler"}, "edm_dpmpp_2m", "model"),
        ({"_class_name": "EDMEulerScheduler", "sigma_schedule": "exponential"}, "edm_euler", "exponential"),
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, "euler", "model"),
        ({"_class_name": "LCMScheduler"}, "lcm", "model"),
        ({"_class_name": "PNDMScheduler"}, "pndm", "model"),
        ({"_class_name": "UniPCMultistepScheduler"}, "unipc", "model"),
    ],
)
def test_default_sampler_follows_the_scheduler_class(config: dict[str, Any], sampler: str, schedule: str) -> None:
    scheduler = Scheduler(config, "here")
    assert scheduler.sampler() == sampler
    assert scheduler.schedule() == schedule


def test_keys_that_a_scheduler_changed_are_written() -> None:
    edm = Scheduler({"_class_name": "EDMEulerScheduler", "sigma_max": 40.0}, "here").facts()
    assert (edm["sigma_data"], edm["sigma_min"], edm["sigma_max"]) == (0.5, 0.002, 40.0)
    flow = Scheduler({"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}, "here", "other").facts()
    assert (flow["prediction_type"], flow["shift"]) == ("flow_prediction", 3.0)
    lcm = Scheduler({"_class_name": "LCMScheduler", "original_inference_steps": 100}, "here", "other").facts()
    assert lcm["original_inference_steps"] == 100
    plain = Scheduler({"_class_name": "DDIMScheduler"}, "here", "other").facts()
    assert not {"sigma_data", "shift", "clip_sample_range"} & set(plain)


def test_scheduler_keys_come_from_the_file_then_the_class_then_the_pipeline() -> None:
    config = {"_class_name": "EulerDiscreteScheduler", "beta_end": 0.02, "set_alpha_to_one": True}
    facts = Scheduler(config, "here", "StableDiffusionXLPipeline").facts()
    assert facts["beta_end"] == 0.02
    assert facts["set_alpha_to_one"] is True  # unknown to the class, but the file says so
    assert facts["beta_schedule"] == "linear"  # the class default
    assert facts["timestep_spacing"] == "linspace"
    assert facts["steps_offset"] == 0
    ddim = {"_class_name": "DDIMScheduler"}
    assert Scheduler(ddim, "here", "StableDiffusionXLPipeline").facts()["clip_sample"] is True
    rewritten = Scheduler(ddim, "here", "StableDiffusionPipeline").facts()
    assert (rewritten["clip_sample"], rewritten["steps_offset"]) == (False, 1)


def test_trained_betas_replace_the_beta_keys() -> None:
    betas = [0.1, 0.2]
    config = {"_class_name": "DDIMScheduler", "trained_betas": betas, "num_train_timesteps": 2}
    facts = Scheduler(config, "here", "StableDiffusionPipeline").facts()
    assert facts["trained_betas"] == betas
    assert not {"beta_schedule", "beta_start", "beta_end"} & facts.keys()
