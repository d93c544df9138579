"""Finds a model in the local cache of the Hugging Face hub, without a network."""

import re
from pathlib import Path

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from .errors import ExitCode, ExportError

_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def is_hub_name(text: str) -> bool:
    """`org/name`."""
    return _NAME.fullmatch(text) is not None


def find_snapshot(name: str) -> Path:
    """The folder of the newest snapshot of `org/name`; its files may be incomplete."""
    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, HfHubHTTPError) as error:
        raise ExportError(
            ExitCode.NO_INPUT,
            f"there is no file or folder {name}, and the hub cache {constants.HF_HUB_CACHE} has no model of that name; "
            f"fetch it on a machine with a network: hf download {name}",
        ) from error
