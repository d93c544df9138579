"""Where values come from: command line, environment, configuration file, model; and what is wrong there."""

from pathlib import Path

import pytest
from cli_program import Program


def settings(program: Program, *arguments: object, env: dict[str, str] | None = None) -> dict:
    result = program.run("--dry-run", "--json", "x", *arguments, env=env or {})
    assert result.code == 0, result.err
    return result.records[0]


def write_config(program: Program, text: str, folder: str = ".config") -> Path:
    path = program.folder / "home" / folder / "txt2img" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_command_line_beats_environment_beats_file_beats_model(program: Program) -> None:
    assert settings(program)["steps"] == 4  # the toy model's
    write_config(program, "steps = 5\nguidance = 3\n")
    assert settings(program)["steps"] == 5
    assert settings(program, env={"TXT2IMG_STEPS": "6"})["steps"] == 6
    assert settings(program, "--steps", 7, env={"TXT2IMG_STEPS": "6"})["steps"] == 7
    assert settings(program, "--steps", 7)["guidance"] == 3


def test_an_empty_variable_counts_as_not_set(program: Program) -> None:
    assert settings(program, env={"TXT2IMG_STEPS": ""})["steps"] == 4


def test_the_file_lies_in_xdg_config_home(program: Program) -> None:
    write_config(program, "steps = 5\n", "elsewhere")
    assert settings(program, env={"XDG_CONFIG_HOME": str(program.folder / "home" / "elsewhere")})["steps"] == 5


def test_a_file_that_is_named_replaces_the_usual_one(program: Program) -> None:
    write_config(program, "steps = 5\n")
    other = program.folder / "other.toml"
    other.write_text("guidance = 2\n")
    record = settings(program, "--config", other)
    assert (record["steps"], record["guidance"]) == (4, 2)
    assert settings(program, "--config", "/dev/null")["steps"] == 4


def test_keys_are_the_long_option_names(program: Program) -> None:
    write_config(
        program,
        """
        # what I like
        negative = "fog"
        seed = 9
        clip-skip = 2
        guidance_rescale = 0.5
        cfg-scale = 2
        sampler = "euler_a"
        size = "32x24"
        width = 8
        """,
    )
    expected = {"negative": "fog", "seed": 9, "clip_skip": 2, "guidance_rescale": 0.5, "guidance": 2}
    record = settings(program)
    assert record["sampler"] == "euler_a"
    assert {name: record[name] for name in expected} == expected
    assert (record["width"], record["height"]) == (8, 24)


def test_a_switch_of_the_file_is_turned_off_on_the_command_line(program: Program) -> None:
    write_config(program, "json = true\n")
    assert program.run("--dry-run", "x").out.startswith(b"{")
    assert not program.run("--dry-run", "x", "--json=false").out.startswith(b"{")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps = 5\nstpes = 5\n", [":2: stpes", "'steps'"]),
        ('prompt = "x"\n', [":1: prompt", "not a key"]),
        ("verify = 'x.png'\n", [":1: verify", "not a key"]),
        ("steps = '5'\n", [":1: steps", "whole number"]),
        ("steps = 5.0\n", [":1: steps", "whole number"]),
        ("json = 1\n", [":1: json", "true or false"]),
        ("negative = 5\n", [":1: negative", "text in quotes"]),
        ("[steps]\nx = 1\n", [":1: steps", "whole number"]),
        ("seed = -1\n", [":1: seed", "'-1'"]),
        ("sampler = 'eulr'\n", [":1: sampler", "euler"]),
        ("guidance = nan\n", [":1: guidance", "not a number"]),
        ("\n\nsteps = \n", [":3: "]),
        ("hello there\n", [":1: "]),
        ("steps = 5\nsteps = 6\n", [":2: "]),
        ("clip-skip = 1\nclip_skip = 2\n", ["clip_skip", "says the same"]),
        ("\0\0\0", [":1: "]),
        ("guidance_scale = 7\n", [":1: guidance_scale", "it is called 'guidance' here"]),
        ("restore_faces = true\n", [":1: restore_faces", "faces are not restored"]),
    ],
)
def test_what_is_wrong_with_the_file_is_said_with_its_line(program: Program, text: str, words: list[str]) -> None:
    path = write_config(program, text)
    result = program.run("--dry-run", "x")
    assert result.code == 78, result.err
    for word in [str(path), *words]:
        assert word in result.error


@pytest.mark.parametrize(
    ("name", "value"),
    [("TXT2IMG_STEPS", "many"), ("TXT2IMG_SEED", "-1"), ("TXT2IMG_JSON", "perhaps"), ("TXT2IMG_DEVICE", "gpu")],
)
def test_what_is_wrong_in_the_environment_is_said_with_its_name(program: Program, name: str, value: str) -> None:
    result = program.run("--dry-run", "x", env={name: value})
    assert result.code == 78
    assert result.error.startswith(f"{name}: ")


def test_marks_of_other_encodings_are_understood(program: Program) -> None:
    path = write_config(program, "")
    path.write_bytes("\ufeffsteps = 5\n".encode())
    assert settings(program)["steps"] == 5
    path.write_bytes("steps = 5\n".encode("utf-16"))
    assert "UTF-16" in program.run("--dry-run", "x").error


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("TXT2IMG_STESP", "did you mean 'steps'?"),
        ("TXT2IMG_GUIDANCE_SCALE", "it is called 'guidance' here"),
        ("TXT2IMG_NEGATIVE_PROMPT", "it is called 'negative' here"),
        ("TXT2IMG_FILE", "for the command line only"),
    ],
)
def test_a_variable_that_sets_nothing_is_pointed_out(program: Program, name: str, words: str) -> None:
    result = program.run("--dry-run", "x", env={name: "5", "TXT2IMG_MODELS": "x", "TXT2IMG_CPU_LEVERS": "none"})
    assert result.code == 0
    assert result.err.startswith(f"txt2img: warning: {name} sets nothing; ")
    assert words in result.err
    assert result.err.count("\n") == 1


def test_help_needs_no_sound_configuration(program: Program) -> None:
    write_config(program, "garbage")
    assert program.run("--help").code == 0
    assert program.run("--version").code == 0
