"""The four TorchScript modules of a bundle: how each is built, run, wrapped, traced and checked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from .source import DiffusersFolder
from .text_encoder import TraceableTextEncoder, build_text_encoder, run_text_encoder
from .unet import TraceableUNet, build_unet, run_unet
from .vae import (
    TraceableDecoder,
    TraceableEncoder,
    build_vae,
    run_decoder,
    run_encoder,
    vae_factor,
)
from .verify import Case, Outputs
from .weights import Rename, check, clip_name, fill, keep_name, vae_name

# Models above this many parameters are checked at small sizes: half precision is slow on a CPU.
_LARGE = 40_000_000

# (batch, height, width) of the checked latents: two batch sizes, one odd size, none that of the
# trace.
_CHECKED = ((1, 8, 8), (2, 5, 7))
_CHECKED_LARGE = ((1, 4, 4), (2, 3, 5))


@dataclass(frozen=True)
class Component:
    """One module of the bundle."""

    part: str  # folder of the source it comes from
    file: str  # name in the bundle
    dtype: torch.dtype  # as stored
    build: Callable[[dict[str, Any], str], nn.Module]  # the eager model on the meta device
    rename: Rename
    run: Callable[..., Outputs]  # eager model, inputs -> outputs
    wrap: Callable[[nn.Module], nn.Module]  # eager model -> what is traced
    example: Case  # inputs for the trace
    cases: list[Case] = field(repr=False)  # inputs for the comparison

    def check(self, source: DiffusersFolder) -> None:
        """Refuses weights that are not those of the configuration, without reading them."""
        check(self._empty(source), source.weight_files(self.part), self.rename)

    def load(self, source: DiffusersFolder) -> nn.Module:
        """The eager model with its weights rounded to the stored dtype."""
        files = source.weight_files(self.part)
        return fill(self._empty(source), files, self.rename, self.dtype)

    def _empty(self, source: DiffusersFolder) -> nn.Module:
        where = str(source.path / self.part / "config.json")
        return self.build(source.config(self.part), where)


def components(
    source: DiffusersFolder, dtype: torch.dtype, vae_dtype: torch.dtype
) -> list[Component]:
    """In the order of use."""
    return [
        _text_encoder(source, dtype),
        _unet(source, dtype),
        *_vae(source, vae_dtype),
    ]


def _random(*shape: int) -> Tensor:
    """Normal values; equal shapes get equal values, so that an export can be repeated."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def _sizes(source: DiffusersFolder, part: str) -> tuple[tuple[int, int, int], ...]:
    return _CHECKED_LARGE if source.parameter_count(part) > _LARGE else _CHECKED


def _text_encoder(source: DiffusersFolder, dtype: torch.dtype) -> Component:
    config = source.config("text_encoder")
    length = config.get("max_position_embeddings", 77)
    vocabulary = config.get("vocab_size", 49408)

    def ids(n: int, tokens: int) -> Case:
        """(n, tokens) int64, the largest id (end of text) last."""
        generator = torch.Generator().manual_seed(n)
        rows = torch.randint(vocabulary - 1, (n, tokens), generator=generator)
        rows[:, -1] = vocabulary - 1
        return (rows,)

    return Component(
        part="text_encoder",
        file="text_encoder.pt",
        dtype=dtype,
        build=build_text_encoder,
        rename=clip_name,
        run=run_text_encoder,
        wrap=TraceableTextEncoder,
        example=ids(2, length - 1),
        cases=[ids(1, length), ids(2, 5)],
    )


def _unet(source: DiffusersFolder, dtype: torch.dtype) -> Component:
    config = source.config("unet")
    channels = config.get("in_channels", 4)
    width = config.get("cross_attention_dim", 1280)

    def inputs(n: int, h: int, w: int, tokens: int) -> Case:
        """latent (n, C, h, w), fractional timesteps (n), context (n, tokens, W)."""
        timesteps = torch.linspace(998.6, 3.5, n)
        return _random(n, channels, h, w), timesteps, _random(n, tokens, width)

    return Component(
        part="unet",
        file="unet.pt",
        dtype=dtype,
        build=build_unet,
        rename=keep_name,
        run=run_unet,
        wrap=TraceableUNet.of,
        # Sides that cannot be halved evenly: the trace keeps the branch that fits every size.
        example=inputs(2, 9, 13, 5),
        cases=[inputs(*size, tokens=7) for size in _sizes(source, "unet")],
    )


def _vae(source: DiffusersFolder, dtype: torch.dtype) -> list[Component]:
    config = source.config("vae")
    channels = config.get("latent_channels", 4)
    factor = vae_factor(config)
    sizes = _sizes(source, "vae")

    def component(file: str, run, wrap, inputs: Callable[[int, int, int], Case]) -> Component:
        return Component(
            part="vae",
            file=file,
            dtype=dtype,
            build=build_vae,
            rename=vae_name,
            run=run,
            wrap=wrap,
            example=inputs(2, 3, 2),
            cases=[inputs(*size) for size in sizes],
        )

    return [
        component(
            "vae_decoder.pt",
            run_decoder,
            TraceableDecoder,
            lambda n, h, w: (_random(n, channels, h, w),),
        ),
        component(
            "vae_encoder.pt",
            run_encoder,
            TraceableEncoder,
            lambda n, h, w: (_random(n, 3, factor * h, factor * w).clamp(-1, 1),),
        ),
    ]
