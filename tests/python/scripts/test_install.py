"""What `cmake --install` puts into a folder: the program, and a package for programs of others, wherever it lies."""

import json
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cli_program import BINARY, ROOT, TIMEOUT, Program
from PIL import Image

EXAMPLE = ROOT / "docs" / "example"


def run(*command: object, folder: Path) -> str:
    """Runs it without the user's settings; it must succeed."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=Program(folder).environment({"TXT2IMG_THREADS": "1"}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build that is tested, installed and then moved."""
    folder = tmp_path_factory.mktemp("install")
    if not (BINARY.parent / "cmake_install.cmake").exists():
        pytest.skip("the program does not lie in the folder of a build")
    run("cmake", "--install", BINARY.parent, "--prefix", folder / "made", folder=folder)
    return (folder / "made").rename(folder / "moved here")


@pytest.fixture(scope="module")
def example(prefix: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example of the documentation, built with the installed package."""
    folder = tmp_path_factory.mktemp("example")
    options = (f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
    run("cmake", "-S", EXAMPLE, "-B", folder, *options, folder=folder)
    run("cmake", "--build", folder, folder=folder)
    return folder


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_the_example_draws_what_the_installed_program_draws(prefix: Path, example: Path, tmp_path: Path) -> None:
    run(example / "draw", "a red apple", "ours.png", folder=tmp_path)
    run(prefix / "bin" / "txt2img", "a red apple", "-s", 7, "--device", "cpu", "-o", "theirs.png", folder=tmp_path)
    assert np.array_equal(pixels(tmp_path / "ours.png"), pixels(tmp_path / "theirs.png"))


def test_the_example_knows_nothing_of_libtorch(prefix: Path, example: Path) -> None:
    (command,) = json.loads((example / "compile_commands.json").read_text())
    folders = [word for word in shlex.split(command["command"]) if word.startswith("/") and word.endswith("include")]
    assert folders == [str(prefix / "include")]
    assert "torch" not in run("readelf", "--dynamic", example / "draw", folder=example)


def test_the_example_has_thirty_lines() -> None:
    assert len((EXAMPLE / "draw.cpp").read_text().splitlines()) <= 30
