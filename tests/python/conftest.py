"""Fixtures of the tests that run the program, and tiny models of each family, written once per session."""

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


@pytest.fixture(scope="session")
def family_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The tiny model of a family, written when it is first asked for."""
    written: dict[str, Path] = {}

    def folder_of(family: str) -> Path:
        if family not in written:
            from tiny_families import write_family  # PyTorch takes seconds

            written[family] = write_family(tmp_path_factory.mktemp(family), family)
        return written[family]

    return folder_of


@pytest.fixture(scope="session")
def family_bundle(
    family_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Its bundle in float32."""
    made: dict[str, Path] = {}

    def bundle_of(family: str) -> Path:
        if family not in made:
            import export_model

            target = tmp_path_factory.mktemp("bundles") / family
            arguments = [str(family_folder(family)), "--output", str(target), "--dtype", "float32"]
            assert export_model.main(arguments) == 0
            made[family] = target
        return made[family]

    return bundle_of


@pytest.fixture
def program(tmp_path: Path, toy: Callable[[str], Path]) -> Program:
    """The program in a folder of its own, with the toy model whose pictures depend on prompt and seed."""
    assert BINARY.exists(), f"{BINARY} is not there; run scripts/build"
    folder = tmp_path / "work"
    folder.mkdir()
    return Program(folder, {"TXT2IMG_MODEL": str(toy("noise")), "TXT2IMG_DEVICE": "cpu", "TXT2IMG_THREADS": "1"})


@pytest.fixture
def failing(program: Program, toy) -> Program:
    """With a model that gives NaN for prompts that begin with an exclamation mark (token 256)."""
    from toy_bundle import UNETS, manifest, write_manifest, write_module

    folder = program.folder.parent / "failing"
    folder.mkdir()
    for path in toy("noise").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    code = UNETS["noise"].replace(
        "return ", "bad = ((context[:, 1] - 0.256).abs() < 1e-4).view(-1, 1, 1, 1)\n    return "
    )
    write_module(folder / "unet.pt", code.rstrip() + " + torch.where(bad, torch.log(-self.one), 0 * self.one)\n")
    write_manifest(folder, manifest("failing"))
    program.variables["TXT2IMG_MODEL"] = str(folder)
    return program
