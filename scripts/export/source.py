"""What the exporter asks of a model on disk; each layout is a class, and so is each change that is made to one."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .weights import Weights

# Parts with weights, in the order of use.
TEXT_PARTS = ("text_encoder", "text_encoder_2")
XL_PIPELINES = (
    "StableDiffusionXLPipeline",
    "StableDiffusionXLImg2ImgPipeline",
    "StableDiffusionXLInpaintPipeline",
)
PIPELINES = (
    "StableDiffusionPipeline",
    "StableDiffusionImg2ImgPipeline",
    "StableDiffusionInpaintPipeline",
    "LatentConsistencyModelPipeline",
    "LatentConsistencyModelImg2ImgPipeline",
    *XL_PIPELINES,
)


@dataclass(frozen=True)
class TokenizerSource:
    """A folder with vocab.json and merges.txt, or tokenizer.json."""

    folder: Path
    config: dict[str, Any] | None = None  # instead of the folder's tokenizer_config.json
    kind: str | None = None  # the class that model_index.json names, which counts whatever the folder says

    @property
    def where(self) -> str:
        return str(self.folder)


class Source(ABC):
    """A model: configurations, weights, tokenizers."""

    path: Path  # for messages, and for the files that travel with the model
    index: dict[str, Any]  # model_index.json of diffusers
    text_parts: tuple[str, ...]  # one or two of TEXT_PARTS
    notes: tuple[str, ...] = ()  # assumptions that people should know of

    @property
    def pipeline_class(self) -> str:
        """Class name of the diffusers pipeline."""
        return str(self.index.get("_class_name", "StableDiffusionPipeline"))

    @property
    def is_xl(self) -> bool:
        """Contexts are penultimate layers, and the UNet takes a pooled text and sizes."""
        return self.pipeline_class in XL_PIPELINES

    @abstractmethod
    def config(self, part: str) -> dict[str, Any]:
        """The part's configuration as diffusers writes it, without class defaults."""

    @abstractmethod
    def where(self, part: str) -> str:
        """The configuration's place, for messages."""

    @abstractmethod
    def weights(self, part: str, names: Iterable[str]) -> Weights:
        """Pieces of the part under the module's names of the parameters, which `names` lists. Tensors that are no
        parameter come under names of their own."""

    @abstractmethod
    def tokenizer(self, part: str) -> TokenizerSource:
        """The tokenizer of a text encoder."""

    @abstractmethod
    def overrides(self) -> dict[str, Any]:
        """Bundle facts of our own (`txt2img.json`), which win over derived ones."""

    @abstractmethod
    def weight_files(self) -> list[Path]:
        """All files with weights, for the record of where a bundle comes from."""

    def names(self) -> list[str]:
        """What the model is called by its place and its configurations; they tell what nothing else does."""
        places = [self.path.name, *(parent.name for parent in self.path.parents if parent.name.startswith("models--"))]
        return [*places, *(str(config.get("_name_or_path", "")) for config in (self.index, self.config("unet")))]

    def added_tokens(self, part: str) -> dict[str, list[int]]:
        """Texts that the tokenizer of a text encoder turns into ids of their own."""
        return {}

    def leftovers(self) -> list[str]:
        """After all weights were asked for: a sentence on each change that had no place in the model."""
        return []


class ChangedSource(Source):
    """Another source, but for what a subclass overrides."""

    def __init__(self, original: Source) -> None:
        self.original = original
        self.path = original.path
        self.index = original.index
        self.text_parts = original.text_parts
        self.notes = original.notes

    def config(self, part: str) -> dict[str, Any]:
        return self.original.config(part)

    def where(self, part: str) -> str:
        return self.original.where(part)

    def weights(self, part: str, names: Iterable[str]) -> Weights:
        return self.original.weights(part, names)

    def tokenizer(self, part: str) -> TokenizerSource:
        return self.original.tokenizer(part)

    def overrides(self) -> dict[str, Any]:
        return self.original.overrides()

    def names(self) -> list[str]:
        return self.original.names()

    def weight_files(self) -> list[Path]:
        return self.original.weight_files()

    def added_tokens(self, part: str) -> dict[str, list[int]]:
        return self.original.added_tokens(part)

    def leftovers(self) -> list[str]:
        return self.original.leftovers()
