"""Writes tiny random models as diffusers folders: the layouts of real models, kilobytes of weights.

    python tests/python/tiny_models.py sd1 FOLDER
    python tests/python/tiny_models.py stickers FOLDER

`write_sd1` has the parts of Stable Diffusion 1.x with a CLIP tokenizer, `write_stickers` those of
the bundled model (SentencePiece, 8 latent channels, zero terminal SNR). The weights are scaled so
that prompts, guidance and seeds all show in the picture, which is neither flat nor saturated.
"""

import io
import json
import sys
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

# Texts whose neighbouring letters become merges; enough for words of several tokens and pieces.
SENTENCES = (
    "a red apple on a table",
    "two blue cats on a yellow background",
    "a green star at night",
    "the lighthouse at dusk, oil painting",
    "three white birds over the sea",
)
MERGES = 60
BOS, EOS = "<|startoftext|>", "<|endoftext|>"

SD1_SCHEDULER: dict[str, Any] = {
    "_class_name": "PNDMScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
    "clip_sample": False,
}
STICKERS_SCHEDULER: dict[str, Any] = {
    "_class_name": "DDIMScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "set_alpha_to_one": True,
    "steps_offset": 0,
    "timestep_spacing": "trailing",
    "clip_sample": False,
}


def write_sd1(folder: Path, seed: int = 0) -> Path:
    """The layout of Stable Diffusion 1.x; latents (4, h, w), contexts (77, 32), 64 px pictures."""
    vocab_size = write_clip_tokenizer(folder / "tokenizer")
    _write_index(folder, "StableDiffusionPipeline", "CLIPTokenizer", "PNDMScheduler")
    _write_parts(folder, seed, channels=4, width=32, length=77, vocab_size=vocab_size)
    write_json(folder / "scheduler" / "scheduler_config.json", SD1_SCHEDULER)
    return folder


def write_stickers(folder: Path, seed: int = 0) -> Path:
    """The layout of the bundled model; latents (8, h, w), contexts (32, 24), 64 px pictures."""
    vocab_size = _write_sentencepiece_tokenizer(folder / "tokenizer")
    _write_index(folder, "StableDiffusionPipeline", "SentencePiece", "DDIMScheduler")
    _write_parts(folder, seed, channels=8, width=24, length=32, vocab_size=vocab_size)
    write_json(folder / "scheduler" / "scheduler_config.json", STICKERS_SCHEDULER)
    facts = {
        "name": "tiny-stickers",
        "family": "stickers",
        "licence": "MIT",
        "defaults": {"steps": 12, "guidance": 3.0, "sampler": "ddim"},
        "scheduler": {"steps_offset": 0},
    }
    write_json(folder / "txt2img.json", facts)
    return folder


def tiny_unet(channels: int, width: int) -> UNet2DConditionModel:
    """Three levels, so that odd sizes need the branch for uneven halves."""
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=channels,
        out_channels=channels,
        block_out_channels=(16, 16, 32),
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=width,
        attention_head_dim=2,
        norm_num_groups=8,
    )


def tiny_vae(channels: int) -> AutoencoderKL:
    """Factor 8, as every Stable Diffusion."""
    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=channels,
        layers_per_block=1,
        norm_num_groups=4,
        sample_size=64,
        scaling_factor=0.18215,
    )


def tiny_text_encoder(width: int, length: int, vocab_size: int) -> CLIPTextModel:
    """Three layers of CLIP's text model."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocab_size,
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=3,
            num_attention_heads=2,
            max_position_embeddings=length,
            hidden_act="quick_gelu",
            bos_token_id=0,
            eos_token_id=2,
            pad_token_id=1,
            projection_dim=width,
        )
    )


def _write_parts(folder: Path, seed: int, *, channels: int, width: int, length: int, vocab_size: int) -> None:
    torch.manual_seed(seed)
    unet, vae = tiny_unet(channels, width), tiny_vae(channels)
    text_encoder = tiny_text_encoder(width, length, vocab_size)
    make_lively(unet, vae, text_encoder)
    unet.save_pretrained(folder / "unet")
    vae.save_pretrained(folder / "vae")
    text_encoder.save_pretrained(folder / "text_encoder")


@torch.no_grad()
def make_lively(unet: UNet2DConditionModel, vae: AutoencoderKL, *texts: CLIPTextModel) -> None:
    """Fresh weights nearly ignore the prompt and draw grey; these factors make both count."""
    for text in texts:
        text.embeddings.token_embedding.weight.mul_(20)
        for module in text.encoder.layers:
            module.self_attn.out_proj.weight.mul_(3)
    for name, module in unet.named_modules():
        if name.endswith("attn2"):
            module.to_q.weight.mul_(2)
            module.to_v.weight.mul_(3)
            module.to_out[0].weight.mul_(3)
    unet.conv_out.weight.mul_(2)
    vae.decoder.conv_out.weight.mul_(0.8)
    for model in (unet, vae):  # group norms with some variety, else their place is untested
        for module in model.modules():
            if isinstance(module, nn.GroupNorm):
                module.weight.add_(0.2 * torch.randn_like(module.weight))
                module.bias.add_(0.2 * torch.randn_like(module.bias))


def _write_index(folder: Path, pipeline: str, tokenizer: str, scheduler: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    index = {
        "_class_name": pipeline,
        "_diffusers_version": "0.6.0",
        "feature_extractor": [None, None],
        "safety_checker": [None, None],
        "scheduler": ["diffusers", scheduler],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", tokenizer],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    write_json(folder / "model_index.json", index)


def byte_symbols() -> list[str]:
    """CLIP's 256 printable stand-ins for bytes, in the order of its vocabulary: printable bytes
    stand for themselves, the other 68 for U+0100 and up."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]


def learned_merges() -> list[tuple[str, str]]:
    """The most frequent neighbours of SENTENCES' words, as byte-pair encoding learns them."""
    words = [[*word[:-1], word[-1] + "</w>"] for sentence in SENTENCES for word in sentence.replace(",", "").split()]
    merges: list[tuple[str, str]] = []
    while len(merges) < MERGES:
        counts: dict[tuple[str, str], int] = {}
        for word in words:
            for pair in zip(word, word[1:], strict=False):
                counts[pair] = counts.get(pair, 0) + 1
        best = max(sorted(counts), key=lambda pair: counts[pair])
        merges.append(best)
        words = [_merged(word, best) for word in words]
    return merges


def _merged(word: list[str], pair: tuple[str, str]) -> list[str]:
    out: list[str] = []
    for symbol in word:
        if out and (out[-1], symbol) == pair:
            out[-1] += symbol
        else:
            out.append(symbol)
    return out


def write_clip_tokenizer(folder: Path, pad: str = EOS) -> int:
    """vocab.json and merges.txt built as CLIP's are; returns the size of the vocabulary."""
    merges = learned_merges()
    symbols = byte_symbols()
    symbols += [symbol + "</w>" for symbol in symbols]
    symbols += ["".join(pair) for pair in merges] + [BOS, EOS]
    vocab = {symbol: i for i, symbol in enumerate(symbols)}
    write_json(folder / "vocab.json", vocab)
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges), ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    tokens = {"bos_token": BOS, "eos_token": EOS, "pad_token": pad, "unk_token": EOS}
    write_json(folder / "special_tokens_map.json", tokens)
    config = {"model_max_length": 77, "tokenizer_class": "CLIPTokenizer", **tokens}
    write_json(folder / "tokenizer_config.json", config)
    return len(vocab)


def _write_sentencepiece_tokenizer(folder: Path) -> int:
    """A unigram model with byte fallback; returns the size of the vocabulary."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 4),
        model_writer=model,
        vocab_size=320,
        hard_vocab_limit=False,
        byte_fallback=True,
        normalization_rule_name="nmt_nfkc_cf",
        pad_id=0,
        bos_id=1,
        eos_id=2,
        unk_id=3,
        num_threads=1,
        minloglevel=2,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    config = {
        "tokenizer_class": "SentencePiece",
        "model_max_length": 32,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    write_json(folder / "tokenizer_config.json", config)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return processor.vocab_size()


def write_json(path: Path, value: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    {"sd1": write_sd1, "stickers": write_stickers}[sys.argv[1]](Path(sys.argv[2]))
