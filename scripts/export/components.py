"""The TorchScript modules of a bundle: how each is built, run, wrapped, traced and checked."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from .source import Source
from .text_encoder import TraceableTextEncoder, build_text_encoder, core, run_text_encoder, text_config
from .unet import TraceableUNet, build_unet, run_unet, time_id_names, unet_inputs
from .vae import (
    VAE_ENCODER,
    TraceableDecoder,
    TraceableEncoder,
    build_vae,
    is_tiny,
    run_decoder,
    run_encoder,
    vae_factor,
    without_encoder,
)
from .verify import Case, Outputs
from .weights import Weights, check, fill, parameter_count, prefixed
from .xl_text_encoder import TraceableXlTextEncoder, XlTextEncoders, run_xl_text_encoders

# Models above this many parameters are checked at small sizes: half precision is slow on a CPU.
_LARGE = 40_000_000

# (batch, height, width) of the checked latents: two batch sizes, one odd size, none that of the
# trace.
_CHECKED = ((1, 8, 8), (2, 5, 7))
_CHECKED_LARGE = ((1, 4, 4), (2, 3, 5))


@dataclass(frozen=True)
class Component:
    """One module of the bundle."""

    file: str  # name in the bundle
    dtype: torch.dtype  # as stored
    build: Callable[[], nn.Module]  # the eager model on the meta device
    weights: Weights = field(repr=False)
    where: str  # of the configuration, for messages
    run: Callable[..., Outputs]  # eager model, inputs -> outputs
    wrap: Callable[[nn.Module], nn.Module]  # eager model -> what is traced
    inputs: tuple[str, ...]  # names
    example: Case = field(repr=False)  # inputs for the trace
    cases: list[Case] = field(repr=False)  # inputs for the comparison

    def check(self) -> None:
        """Refuses weights that are not those of the configuration, without reading them."""
        check(self.build(), self.weights, self.where)

    def load(self) -> nn.Module:
        """The eager model with its weights rounded to the stored dtype."""
        return fill(self.build(), self.weights, self.dtype)

    @property
    def bytes(self) -> int:
        """On disk, about. Encoder and decoder of a VAE count both as the whole."""
        return parameter_count(self.weights) * self.dtype.itemsize


def components(source: Source, dtype: torch.dtype, vae_dtype: torch.dtype) -> list[Component]:
    """In the order of use."""
    text = _xl_text_encoder if source.is_xl else _text_encoder
    return [text(source, dtype), _unet(source, dtype), *_vae(source, vae_dtype)]


def _random(*shape: int) -> Tensor:
    """Normal values; equal shapes get equal values, so that an export can be repeated."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def _sizes(weights: Weights) -> tuple[tuple[int, int, int], ...]:
    return _CHECKED_LARGE if parameter_count(weights) > _LARGE else _CHECKED


def _ids(model: nn.Module, n: int, tokens: int) -> Tensor:
    """(n, tokens) int64; what ends a text comes once, and not last."""
    config = core(model).config
    generator = torch.Generator().manual_seed(n)
    rows = torch.randint(config.vocab_size - 1, (n, tokens), generator=generator)
    end = config.eos_token_id if 2 < config.eos_token_id < config.vocab_size else config.vocab_size - 1
    rows[rows == end] = 0
    rows[:, tokens // 2] = end
    return rows


def _named(model: nn.Module) -> list[str]:
    return list(model.state_dict())


def _text_encoder(source: Source, dtype: torch.dtype) -> Component:
    where = source.where("text_encoder")

    def build() -> nn.Module:
        return build_text_encoder(source.config("text_encoder"), where)

    model = build()
    length = model.config.max_position_embeddings
    return Component(
        file="text_encoder.pt",
        dtype=dtype,
        build=build,
        weights=source.weights("text_encoder", _named(model)),
        where=where,
        run=run_text_encoder,
        wrap=TraceableTextEncoder,
        inputs=("ids",),
        example=(_ids(model, 2, length - 1),),
        cases=[(_ids(model, n, tokens),) for n, tokens in ((1, length), (2, 5))],
    )


def _xl_text_encoder(source: Source, dtype: torch.dtype) -> Component:
    where = source.where(source.text_parts[-1])

    def build() -> XlTextEncoders:
        parts = {part: build_text_encoder(source.config(part), source.where(part)) for part in source.text_parts}
        return XlTextEncoders(parts, where)

    encoders = build()
    models = dict(encoders.named_children())
    weights: Weights = {}
    for part, model in models.items():
        weights |= prefixed(source.weights(part, _named(model)), f"{part}.")
    length = min(core(model).config.max_position_embeddings for model in models.values())

    def case(n: int, tokens: int) -> Case:
        return tuple(_ids(model, n, tokens) for model in models.values())

    return Component(
        file="text_encoder.pt",
        dtype=dtype,
        build=build,
        weights=weights,
        where=where,
        run=run_xl_text_encoders,
        wrap=TraceableXlTextEncoder,
        inputs=("ids",) * len(models),
        example=case(2, length - 1),
        cases=[case(1, length), case(2, 5)],
    )


def _unet(source: Source, dtype: torch.dtype) -> Component:
    where = source.where("unet")

    def build() -> nn.Module:
        return build_unet(source.config("unet"), where)

    model = build()
    config, names = model.config, unet_inputs(model.config)
    weights = source.weights("unet", _named(model))
    last = source.text_parts[-1]
    pooled = text_config(source.config(last), source.where(last)).projection_dim if "pooled" in names else 0
    sizes = len(time_id_names(config, pooled, where)) if "time_ids" in names else 0

    def inputs(n: int, h: int, w: int, tokens: int) -> Case:
        """Fractional timesteps, and sizes that differ from row to row."""
        values = {
            "latent": _random(n, config.in_channels, h, w),
            "timestep": torch.linspace(998.6, 3.5, n),
            "context": _random(n, tokens, config.cross_attention_dim),
            "pooled": _random(n, pooled),
            "time_ids": torch.arange(n * sizes).reshape(n, sizes) * 64.0,
            "guidance": torch.linspace(1.5, 8, n),
        }
        return tuple(values[name] for name in names)

    return Component(
        file="unet.pt",
        dtype=dtype,
        build=build,
        weights=weights,
        where=where,
        run=run_unet,
        wrap=TraceableUNet.of,
        inputs=names,
        # Sides that cannot be halved evenly: the trace keeps the branch that fits every size.
        example=inputs(2, 9, 13, 5),
        cases=[inputs(*size, tokens=7) for size in _sizes(weights)],
    )


def _vae(source: Source, dtype: torch.dtype) -> list[Component]:
    where = source.where("vae")

    def whole() -> nn.Module:
        return build_vae(source.config("vae"), where)

    model = whole()
    channels, factor = model.config.latent_channels, vae_factor(model.config)
    weights = source.weights("vae", _named(model))
    sizes = _sizes(weights)
    has_encoder = not is_tiny(model.config) or any(name.startswith("encoder.") for name in weights)

    def build() -> nn.Module:
        return whole() if has_encoder else without_encoder(whole())

    def component(file: str, run, wrap, name: str, inputs: Callable[[int, int, int], Case]) -> Component:
        return Component(
            file=file,
            dtype=dtype,
            build=build,
            weights=weights,
            where=where,
            run=run,
            wrap=wrap,
            inputs=(name,),
            example=inputs(2, 3, 2),
            cases=[inputs(*size) for size in sizes],
        )

    decoder = component(
        "vae_decoder.pt",
        run_decoder,
        TraceableDecoder,
        "latent",
        lambda n, h, w: (_random(n, channels, h, w),),
    )
    encoder = component(
        VAE_ENCODER,
        run_encoder,
        TraceableEncoder,
        "image",
        lambda n, h, w: (_random(n, 3, factor * h, factor * w).clamp(-1, 1),),
    )
    return [decoder, encoder] if has_encoder else [decoder]
