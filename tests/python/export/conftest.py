"""Tiny sources and the bundles made of them, each written once per session."""

import shutil
from pathlib import Path

import pytest
import tiny_models
import torch
from exported import exported


@pytest.fixture(scope="session")
def sd1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.write_sd1(tmp_path_factory.mktemp("sd1"))


@pytest.fixture(scope="session")
def stickers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.write_stickers(tmp_path_factory.mktemp("stickers"))


@pytest.fixture(scope="session")
def sd1_bundle(sd1: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half precision, as people export published models."""
    options = ("--dtype", "float16")
    return exported(sd1, tmp_path_factory.mktemp("bundles") / "sd1", *options)


@pytest.fixture(scope="session")
def stickers_bundle(stickers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = ("--dtype", "float32", "--vae-dtype", "float16")
    return exported(stickers, tmp_path_factory.mktemp("bundles") / "stickers", *options)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny models are fastest on one."""
    torch.set_num_threads(1)


@pytest.fixture
def copy(sd1: Path, tmp_path: Path) -> Path:
    """A source of one's own to spoil."""
    return Path(shutil.copytree(sd1, tmp_path / "source"))
