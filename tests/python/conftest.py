"""Fixtures of the tests that run the program."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cli_program import BINARY, Program


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The toy bundle with that UNet, written when it is first asked for."""
    written: dict[str, Path] = {}

    def folder_of(unet: str) -> Path:
        if unet not in written:
            from toy_bundle import write_toy_bundle  # PyTorch takes seconds

            written[unet] = write_toy_bundle(tmp_path_factory.mktemp("models") / f"toy-{unet}", unet)
        return written[unet]

    return folder_of


@pytest.fixture
def program(tmp_path: Path, toy: Callable[[str], Path]) -> Program:
    """The program in a folder of its own, with the toy model whose pictures depend on prompt and seed."""
    assert BINARY.exists(), f"{BINARY} is not there; run scripts/build"
    folder = tmp_path / "work"
    folder.mkdir()
    return Program(folder, {"TXT2IMG_MODEL": str(toy("noise")), "TXT2IMG_DEVICE": "cpu", "TXT2IMG_THREADS": "1"})
