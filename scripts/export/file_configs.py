"""The configurations of a model in one file: the built-in ones of its family with what the file says of itself, or the
user's, beside which what the file says against them is told."""

from pathlib import Path
from typing import Any

from .errors import bad_data
from .json_file import read_json
from .ldm_facts import FileFacts, check_noise_levels, said_prediction, scaling_factor
from .ldm_layout import Tensors

_SCALE = 0.18215  # diffusers' own default


class FileConfigs:
    """`configs` by part, `defaults` of the bundle, and `notes` for people."""

    def __init__(self, path: Path, tensors: Tensors, facts: FileFacts, built_in: dict[str, Any]) -> None:
        self.configs: dict[str, Any] = dict(built_in)
        self.defaults: dict[str, Any] = {}
        self.notes: list[str] = []
        self._path = path
        self._tensors = tensors
        self._facts = facts

    def take_folder(self, folder: Path, wanted: str | None) -> None:
        """The user's own configurations hold, as in diffusers."""
        for part in self.configs:
            name = "scheduler_config.json" if part == "scheduler" else "config.json"
            self.configs[part] = read_json(folder / part / name)
        self.notes += [f"{self._path}{what}, as {folder} says" for what in self._denied(wanted)]
        self.notes += self._unheard(wanted)

    def _denied(self, wanted: str | None) -> list[str]:
        scheduler, vae, facts = self.configs["scheduler"], self.configs["vae"], self._facts
        configured = scheduler.get("prediction_type") or "epsilon"
        said, _ = said_prediction(self._path, facts.statements, wanted)
        is_zero, _ = check_noise_levels(self._path, self._tensors, scheduler)
        has_zero_snr = facts.has_zero_snr or is_zero
        scale = _scale(vae)
        own_scale = scaling_factor(self._path, self._tensors, scale)
        denials = (
            (
                wanted is None and said not in (None, configured),
                f": {facts.said_by} says {said}; {configured} is taken",
            ),
            (facts.scheduler and not scheduler.get("sigma_data"), ": EDM preconditioning, which it has, is not used"),
            (facts.vae and vae.get("latents_mean") is None, ": statistics of its latents, edm_mean, are not used"),
            (
                has_zero_snr and not scheduler.get("rescale_betas_zero_snr"),
                " asks for zero terminal SNR (ztsnr); it is drawn without",
            ),
            (own_scale != scale, f": its scale_factor {own_scale:g} is not used, but {scale:g}"),
        )
        return [what for is_denied, what in denials if is_denied]

    def _unheard(self, wanted: str | None) -> list[str]:
        """What the user's own word or no configuration can settle."""
        return [
            *said_prediction(self._path, self._facts.statements, wanted)[1],
            *check_noise_levels(self._path, self._tensors, self.configs["scheduler"])[1],
        ]

    def take_variants(
        self, variants: dict[str, Any], wanted: str | None, is_inpainting: bool, may_be_turbo: bool
    ) -> None:
        """What the file says, and what it cannot tell is assumed, as diffusers does, and said."""
        said, notes = said_prediction(self._path, self._facts.statements, wanted)
        self.notes += notes
        is_turbo = may_be_turbo and said is None and "turbo" in variants
        for name in (said or "", "turbo" if is_turbo else "", "inpainting" if is_inpainting else ""):
            for part, values in variants.get(name, {}).items():
                self._take(part, values)
        if said is not None:
            self._take("scheduler", {"prediction_type": said})
        elif is_turbo:
            self.notes.append(
                "taken as SD-Turbo, to which these names belong, as the file cannot tell; for others see "
                "--prediction-type, --steps, --guidance, --sampler and --schedule"
            )
        elif "epsilon" in variants and not is_inpainting:
            self.notes.append(
                "taken as a v-prediction model for 768 pixels: the file cannot tell; for SD 2 base and its kin "
                "add --prediction-type epsilon"
            )
        self._take_edm()
        self._take_noise_levels()
        if (size := self._facts.size) is not None:
            self._take("unet", {"sample_size": [side // 8 for side in reversed(size)]})

    def _take(self, part: str, values: dict[str, Any]) -> None:
        if part == "defaults":
            self.defaults |= values
        else:
            self.configs[part] = self.configs[part] | values

    def _take_edm(self) -> None:
        """Preconditioning, and how latents are scaled."""
        if self._facts.scheduler:
            predicted = self.configs["scheduler"]["prediction_type"]
            self.configs["scheduler"] = self._facts.scheduler | {"prediction_type": predicted}
        scale = _scale(self.configs["vae"])
        if statistics := self._facts.vae:
            count, channels = len(statistics["latents_mean"]), self.configs["vae"].get("latent_channels", 4)
            if count != channels:
                raise bad_data(f"{self._path}: tensor 'edm_mean' has {count} numbers for {channels} channels")
            self._take("vae", statistics)
        elif (own := scaling_factor(self._path, self._tensors, scale)) != scale:
            self._take("vae", {"scaling_factor": own})
            self.notes.append(f"{self._path}: latents are scaled by its own scale_factor, {own:g}")

    def _take_noise_levels(self) -> None:
        scheduler = self.configs["scheduler"]
        is_zero, notes = check_noise_levels(self._path, self._tensors, scheduler)
        self.notes += notes
        if not is_zero and not self._facts.has_zero_snr:
            return
        if scheduler["prediction_type"] != "v_prediction" or "sigma_data" in scheduler:
            self.notes.append(f"{self._path}: tensor ztsnr is not followed: zero terminal SNR goes with v-prediction")
            return
        kind = scheduler["_class_name"]
        kind = "DDIMScheduler" if kind == "PNDMScheduler" else kind  # which cannot begin without signal
        self._take("scheduler", {"rescale_betas_zero_snr": True, "_class_name": kind})


def _scale(vae: dict[str, Any]) -> float:
    """What the VAE's configuration says latents are multiplied by."""
    value = vae.get("scaling_factor", _SCALE)
    return value if isinstance(value, float) and value > 0 else _SCALE
