"""Writes a diffusers folder with the architecture of a published model and random weights.

    python scripts/bench/random_model.py sd1|sd2|sdxl|sdxl_refiner --output DIR [--seed N]

For trials of the exporter and the program at real size where the weights themselves cannot be had: the
pictures are noise, the shapes, sizes and times are real. float16 safetensors in shards of 1 GiB, scaled as
layers are initialised, so that nothing overflows; CLIP's vocabulary as scripts/fetch_clip_vocab.py makes it.
"""

import argparse
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
import transformers
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from fetch_clip_vocab import DEFAULT_OUTPUT as VOCABULARY  # noqa: E402

CONFIGS = ROOT / "scripts" / "export" / "configs"
PARTS = ("text_encoder", "text_encoder_2", "unet", "vae", "scheduler")
CLASSES = {
    "text_encoder": "CLIPTextModel",
    "text_encoder_2": "CLIPTextModelWithProjection",
    "unet": "UNet2DConditionModel",
    "vae": "AutoencoderKL",
}
SHARD_BYTES = 1 << 30


def build(part: str, config: dict[str, Any]) -> torch.nn.Module:
    """The part's module on the meta device: names and shapes without memory."""
    with torch.device("meta"):
        if part == "unet":
            return UNet2DConditionModel.from_config(config)
        if part == "vae":
            return AutoencoderKL.from_config(config)
        model = getattr(transformers, config["architectures"][0])
        return model(transformers.CLIPTextConfig(**config))


def random_tensor(name: str, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    """float16: uniform in +-1/sqrt(fan in) for matrices and kernels, 1 and 0 for norms, 0 for other vectors."""
    if len(shape) >= 2:
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        return torch.empty(shape).uniform_(-bound, bound, generator=generator).half()
    return torch.full(shape, float("norm" in name and name.endswith("weight"))).half()


def write_weights(folder: Path, stem: str, module: torch.nn.Module, generator: torch.Generator) -> None:
    """`stem`.safetensors, or shards with an index where one file would be larger than SHARD_BYTES."""
    groups: list[dict[str, torch.Size]] = [{}]
    filled = 0
    for name, value in module.state_dict().items():
        if name.endswith("position_ids"):
            continue
        if filled + 2 * value.numel() > SHARD_BYTES and groups[-1]:
            groups.append({})
            filled = 0
        groups[-1][name] = value.shape
        filled += 2 * value.numel()
    files: dict[str, str] = {}
    for i, group in enumerate(groups):
        file = f"{stem}.safetensors" if len(groups) == 1 else f"{stem}-{i + 1:05}-of-{len(groups):05}.safetensors"
        save_file({name: random_tensor(name, shape, generator) for name, shape in group.items()}, folder / file)
        files |= dict.fromkeys(group, file)
    if len(groups) > 1:
        index = {"metadata": {}, "weight_map": files}
        (folder / f"{stem}.safetensors.index.json").write_text(json.dumps(index))


def write_tokenizer(folder: Path, config: dict[str, Any]) -> None:
    shutil.copytree(VOCABULARY, folder)
    (folder / "special_tokens_map.json").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1))


def write_part(folder: Path, part: str, config: dict[str, Any], generator: torch.Generator) -> None:
    folder.mkdir()
    if part == "scheduler":
        (folder / "scheduler_config.json").write_text(json.dumps(config, indent=1))
        return
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    stem = "model" if part.startswith("text_encoder") else "diffusion_pytorch_model"
    write_weights(folder, stem, build(part, config), generator)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", choices=sorted(path.stem for path in CONFIGS.glob("*.json")))
    parser.add_argument("--output", type=Path, required=True, help="folder that does not exist")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not VOCABULARY.exists():
        subprocess.run([sys.executable, ROOT / "scripts" / "fetch_clip_vocab.py"], check=True)
    facts = json.loads((CONFIGS / f"{options.family}.json").read_text())
    generator = torch.Generator().manual_seed(options.seed)
    options.output.mkdir(parents=True)
    index = dict(facts["model_index"])
    for part in (name for name in PARTS if name in facts):
        write_part(options.output / part, part, facts[part], generator)
        library = "transformers" if part.startswith("text_encoder") else "diffusers"
        index[part] = [library, facts[part].get("_class_name", CLASSES.get(part))]
        print(f"{part} -> {options.output / part}", flush=True)
    for encoder, config in facts["tokenizers"].items():
        name = encoder.replace("text_encoder", "tokenizer")
        write_tokenizer(options.output / name, config)
        index[name] = ["transformers", "CLIPTokenizer"]
    (options.output / "model_index.json").write_text(json.dumps(index, indent=1))


if __name__ == "__main__":
    main()
