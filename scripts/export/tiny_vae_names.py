"""TAESD's tensors, in diffusers' names or its maker's, and the configuration that they tell: its files have none."""

import re
from collections.abc import Iterable, Mapping

# What is before diffusers' names, and before the numbers that the maker's layers have.
_DIFFUSERS_STARTS = ("", "vae.")
_MAKERS_STARTS = (
    ("taesd_decoder.", "taesd_encoder."),
    ("decoder.", "encoder."),
    ("", None),  # a file with the decoder alone
)
_MAKERS_LAYER = re.compile(r"(\d+)\.(.*)")
_BLOCK = re.compile(r"(encoder|decoder)\.layers\.(\d+)\.conv\.0\.weight")
_FIRST, _MAKERS_FIRST = "decoder.layers.0.weight", "1.weight"


def tiny_vae_names(names: Iterable[str]) -> dict[str, str]:
    """Names of a file -> those of diffusers' AutoencoderTiny; none if it holds no such VAE."""
    names = set(names)
    for start in _DIFFUSERS_STARTS:
        if start + _FIRST in names:
            return {n: n.removeprefix(start) for n in names if n.startswith((f"{start}encoder.", f"{start}decoder."))}
    for decoder, encoder in _MAKERS_STARTS:
        if decoder + _MAKERS_FIRST in names and f"{decoder}3.conv.0.weight" in names:
            halves = ((decoder, "decoder", 1), (encoder, "encoder", 0))
            return {name: moved for name in names if (moved := _moved(name, halves)) is not None}
    return {}


def _moved(name: str, halves: Iterable[tuple[str | None, str, int]]) -> str | None:
    """The maker's decoder counts what limits its input as a layer, diffusers' does not."""
    for start, half, first in halves:
        if start is None or not name.startswith(start):
            continue
        if found := _MAKERS_LAYER.fullmatch(name.removeprefix(start)):
            return f"{half}.layers.{int(found[1]) - first}.{found[2]}"
    return None


def tiny_vae_config(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, object]:
    """From the shapes of the decoder, and of the encoder if there is one, under diffusers' names."""
    decoder = _runs(shapes, "decoder")
    encoder = _runs(shapes, "encoder") or decoder[::-1]
    return {
        "_class_name": "AutoencoderTiny",
        "latent_channels": shapes[_FIRST][1],
        "num_decoder_blocks": [blocks for blocks, _ in decoder],
        "decoder_block_out_channels": [channels for _, channels in decoder],
        "num_encoder_blocks": [blocks for blocks, _ in encoder],
        "encoder_block_out_channels": [channels for _, channels in encoder],
    }


def _runs(shapes: Mapping[str, tuple[int, ...]], half: str) -> list[tuple[int, int]]:
    """Blocks that follow each other without a resampler between them, and their channels."""
    found = {int(m[2]): shape[0] for name, shape in shapes.items() if (m := _BLOCK.fullmatch(name)) and m[1] == half}
    runs: list[tuple[int, int]] = []
    for index in sorted(found):
        count = runs.pop()[0] if index - 1 in found else 0
        runs.append((count + 1, found[index]))
    return runs
