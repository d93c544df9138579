"""--help and --version, and that answers without a picture cost nothing."""

import os
import re

import pytest
from cli_program import Program


def help_text(program: Program) -> str:
    result = program.run("--help")
    assert result.code == 0
    assert result.err == ""
    return result.out.decode()


def test_help_fits_a_narrow_screen_and_leads_with_examples(program: Program) -> None:
    text = help_text(program)
    assert max(map(len, text.splitlines())) <= 100
    assert text.index("Examples:") < text.index("--seed N")
    assert text == program.run("-h").out.decode()


OPTIONS = re.findall(
    "[a-z-]+",
    """
--prompt --model --output --negative --negative-prompt --count --seed --steps --guidance --cfg-scale
--guidance-rescale --width --height --size --sampler --schedule --eta --clip-skip --device --dtype --vae-dtype
--threads --batch-size --deterministic --on-exists --dry-run --verify --tolerance --no-metadata --json --quiet
--verbose --progress --no-color --show --from --list --check --version --help --config --verify-model
""",
)


@pytest.mark.parametrize("option", OPTIONS)
def test_help_has_every_option(program: Program, option: str) -> None:
    assert re.search(rf"{option}(?![-\w])", help_text(program))


@pytest.mark.parametrize("name", ["euler_a", "dpmpp_2m", "karras", "{seed}", "rename|overwrite|skip|error"])
def test_help_has_the_names_to_choose_from(program: Program, name: str) -> None:
    assert name in help_text(program)


def test_version_goes_to_standard_output(program: Program) -> None:
    result = program.run("--version")
    assert (result.code, result.err) == (0, "")
    assert re.match(r"txt2img \d+\.\d+\.\d+\n", result.out.decode())
    assert "LibTorch 2." in result.out.decode()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["--stpes"], ["x", "--dry-run"]])
def test_an_answer_that_needs_no_picture_does_not_load_libtorch(program: Program, arguments: list[str]) -> None:
    loaded = program.shell('LD_DEBUG=files "$@" 2>&1 | grep "calling init"', *arguments).out
    assert b"libtxt2img.so" in loaded
    assert b"libtorch" not in loaded
    assert b"libtxt2img_engine" not in loaded


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["--stpes"], ["x", "--dry-run"]])
def test_an_answer_that_needs_no_picture_takes_little_work(program: Program, arguments: list[str]) -> None:
    # Processor time, which other processes cannot lengthen much; the least of a few runs.
    def seconds() -> float:
        before = os.times()
        program.run(*arguments)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(seconds() for _ in range(5)) <= 0.05
