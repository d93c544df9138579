"""Finds a model in the local cache of the Hugging Face hub, without a network."""

import re
from pathlib import Path

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from huggingface_hub.file_download import repo_folder_name

from .errors import ExitCode, ExportError

_NAME = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")


def is_hub_name(text: str) -> bool:
    """`org/name`, or `org/name@revision`."""
    return _NAME.fullmatch(text) is not None


def find_snapshot(name: str) -> Path:
    """The folder of the newest snapshot of `org/name`, or that of `org/name@revision`.

    It need not have all files of the repository, of which a model's loader fetches but those that it reads: what is
    missing is for the reader of the folder to say.
    """
    repo, _, revision = name.partition("@")
    try:
        # No pattern: no file is asked for that a current client knows of and has not fetched.
        return Path(snapshot_download(repo, revision=revision or None, local_files_only=True, allow_patterns=[]))
    except (LocalEntryNotFoundError, HFValidationError, HfHubHTTPError) as error:
        raise ExportError(ExitCode.NO_INPUT, _not_there(name, repo, revision)) from error


def _not_there(name: str, repo: str, revision: str) -> str:
    cached = _revisions(repo)
    fetch = f"hf download {repo}" + (f" --revision {revision}" if revision else "")
    if not cached:
        return (
            f"there is no file or folder {name}, and the hub cache {constants.HF_HUB_CACHE} has no model of that name; "
            f"fetch it on a machine with a network: {fetch}"
        )
    there = ", ".join(f"{repo}@{other}" for other in cached)
    return (
        f"the hub cache {constants.HF_HUB_CACHE} has {repo}, but not in revision {revision or 'main'}; name one "
        f"that is there ({there}), or fetch it: {fetch}"
    )


def _revisions(repo: str) -> list[str]:
    """Branches and tags of a model in the cache; where none has a name, the commits."""
    folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type="model")
    refs = folder / "refs"
    named = sorted(str(path.relative_to(refs)) for path in refs.rglob("*") if path.is_file())
    return named or sorted(path.name for path in (folder / "snapshots").glob("*"))
