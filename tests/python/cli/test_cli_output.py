"""Pictures that are drawn and written: their bytes, their names, and what happens when there is no room."""

import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_program import Program
from PIL import Image


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        assert image.mode == "RGB"
        return image.tobytes()


def test_the_picture_is_the_one_that_the_model_defines(program: Program, toy) -> None:
    from toy_bundle import SIZE, mean_grey

    result = program.run("ab", "-m", toy("mean"), "-o", "x.png")
    assert result.code == 0, result.err
    grey = mean_grey([512, 64, 65 + 256, 513])
    assert pixels(program.folder / "x.png") == bytes([grey]) * (3 * SIZE * SIZE)


def test_standard_output_has_the_path_and_nothing_else(program: Program) -> None:
    result = program.run("a red apple", "-s", 7)
    assert result.code == 0
    assert result.out == b"a-red-apple-7.png\n"
    assert program.files() == ["a-red-apple-7.png"]
    assert result.err.startswith("1/1 a red apple: a-red-apple-7.png (seed 7, ")
    assert result.err.count("\n") == 1
    assert not any(ord(c) < 32 and c != "\n" for c in result.err)


def test_quiet_says_nothing(program: Program) -> None:
    result = program.run("a red apple", "-q", "-o", "x.png")
    assert (result.code, result.out, result.err) == (0, b"", "")
    assert program.files() == ["x.png"]


def test_the_same_command_twice_gives_the_same_bytes_and_another_seed_another_picture(program: Program) -> None:
    for name, seed in (("a.png", 7), ("b.png", 7), ("c.png", 8)):
        assert program.run("a red apple", "-s", seed, "-o", name).code == 0
    a, b, c = ((program.folder / name).read_bytes() for name in ("a.png", "b.png", "c.png"))
    assert a == b
    assert pixels(program.folder / "a.png") != pixels(program.folder / "c.png")
    assert a != c


@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_picture_of_many_is_the_same_file_as_drawn_alone(program: Program, batch_size: int) -> None:
    many = program.run("a red apple", "-s", 5, "-n", 4, "--batch-size", batch_size, "-o", "many/{seed}.png")
    assert [path.name for path in many.paths] == ["5.png", "6.png", "7.png", "8.png"]
    alone = program.run("a red apple", "-s", 7, "-o", "alone.png")
    assert alone.code == 0
    assert (program.folder / "many" / "7.png").read_bytes() == (program.folder / "alone.png").read_bytes()


def test_json_has_all_about_a_picture(program: Program) -> None:
    result = program.run("one", "two", "-n", 2, "-s", 3, "--json", "-o", "out/", "--steps", 2)
    assert result.code == 0, result.err
    records = result.records
    assert [(r["item"], r["image"], r["seed"]) for r in records] == [(0, 0, 3), (0, 1, 4), (1, 0, 3), (1, 1, 4)]
    first = records[0]
    assert (first["path"], first["status"], first["error"]) == ("out/one-3.png", "done", None)
    assert (first["prompt"], first["steps"], first["sampler"]) == ("one", 2, "ddim")
    assert set(first["stages"]) == {"ids", "context", "noise", "latent", "pixels"}
    assert all(len(digest) == 64 for digest in first["stages"].values())
    assert set(first["seconds"]) == {"load", "encode", "sample", "decode", "write"}
    assert first["seconds"]["load"] > 0
    # The noise follows from the seed alone.
    assert first["stages"]["noise"] == records[2]["stages"]["noise"] != records[1]["stages"]["noise"]


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["-o", "x.png"], ["x.png"]),
        (["-o", "deep/er/x.PNG"], ["deep/er/x.PNG"]),
        (["-o", "x.png", "-n", "2"], ["x-0001.png", "x-0002.png"]),
        (["-o", "new/"], ["new/red-apples-7.png"]),
        (["-o", "there"], ["there/red-apples-7.png"]),
        (["-o", "{index:05}_{seed}.png", "-n", "2"], ["00001_7.png", "00002_8.png"]),
        (["-o", "{sampler}/{steps}-{width}x{height}-{prompt}-{item}{image}.png"], ["ddim/4-16x16-red-apples-00.png"]),
        (["-o", "{sampler}/"], ["ddim/red-apples-7.png"]),
        (["-o", "{{x}}.png"], ["{x}.png"]),
    ],
)
def test_names_follow_the_output_option(program: Program, arguments: list[str], names: list[str]) -> None:
    (program.folder / "there").mkdir()
    result = program.run("Red Apples!", "-s", 7, *arguments)
    assert result.code == 0, result.err
    assert program.files() == sorted(names)
    assert result.out.decode().splitlines() == names


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("  Two  RED apples; rm -rf / ", "two-red-apples-rm-rf"),
        ("蓝色的鱼, ÄÖÜ", "蓝色的鱼-äöü"),
        ("", "picture"),
        ("!?*", "picture"),
        ("con", "con_"),
        ("a\nb\tc\x1b[0m", "a-b-c-0m"),
        ("word " * 50, "-".join(["word"] * 13)),
        ("e\u0301", "é"),
    ],
)
def test_a_prompt_becomes_a_name_that_is_safe_everywhere(program: Program, prompt: str, name: str) -> None:
    (record,) = program.run("--dry-run", "--json", "-s", 1, prompt).records
    assert record["path"] == f"{name}-1.png"


def test_a_long_word_is_not_cut_within_a_character(program: Program) -> None:
    (record,) = program.run("--dry-run", "--json", "-s", 1, "鱼" * 100).records
    assert record["path"] == "鱼" * 21 + "-1.png"  # 63 of 64 bytes


def test_a_name_made_by_the_program_never_replaces_a_file(program: Program) -> None:
    (program.folder / "x-1.png").write_text("mine")
    assert program.run("x", "-s", 1).out == b"x-1-2.png\n"
    assert (program.folder / "x-1.png").read_text() == "mine"


def test_a_name_chosen_by_the_user_replaces_the_file(program: Program) -> None:
    (program.folder / "x.png").write_text("old")
    assert program.run("x", "-s", 1, "-o", "x.png").code == 0
    assert pixels(program.folder / "x.png")


@pytest.mark.parametrize(
    ("mode", "code", "files"),
    [
        ("rename", 0, ["x-2.png", "x.png"]),
        ("overwrite", 0, ["x.png"]),
        ("skip", 0, ["x.png"]),
        ("error", 73, ["x.png"]),
    ],
)
def test_on_exists_decides_about_a_file_that_is_there(program: Program, mode: str, code: int, files: list[str]) -> None:
    (program.folder / "x.png").write_text("old")
    result = program.run("x", "-s", 1, "-o", "x.png", "--on-exists", mode, "--json")
    assert result.code == code, result.err
    assert program.files() == files
    assert ((program.folder / "x.png").read_text(errors="replace") == "old") == (mode != "overwrite")
    if mode == "skip":
        assert result.records[0]["status"] == "skipped"
    if mode == "error":
        assert "x.png" in result.error


def test_pictures_that_would_replace_each_other_are_refused_before_drawing(program: Program) -> None:
    result = program.run("x", "-n", 2, "-o", "{prompt}.png")
    assert result.code == 64
    assert "{index} or {seed}" in result.error
    assert program.files() == []


def test_pictures_of_one_name_are_numbered_where_renaming_was_asked_for(program: Program) -> None:
    result = program.run("x", "-n", 2, "-o", "{prompt}.png", "--on-exists", "rename")
    assert result.out == b"x.png\nx-2.png\n"


def test_standard_output_takes_the_png(program: Program) -> None:
    result = program.run("x", "-s", 1, "-o", "-")
    assert result.code == 0
    with Image.open(io.BytesIO(result.out)) as image:
        assert image.size == (16, 16)
    assert "standard output (seed 1, " in result.err
    assert program.files() == []
    program.run("x", "-s", 1, "-o", "x.png")
    assert (program.folder / "x.png").read_bytes() == result.out


def test_devices_and_pipes_take_pictures_too(program: Program) -> None:
    quiet = program.run("x", "-n", 2, "-o", "/dev/null")
    assert (quiet.code, quiet.out) == (0, b"")
    piped = program.shell('"$@" | cat', "x", "-s", 1, "-o", "/dev/stdout")
    with Image.open(io.BytesIO(piped.out)) as image:
        assert image.size == (16, 16)
    assert program.files() == []


def test_a_full_device_is_an_error(program: Program) -> None:
    for output, redirection in (("/dev/full", ""), ("-", ">/dev/full")):
        result = program.shell(f'"$@" {redirection}', "x", "-o", output, "--progress", "none")
        assert result.code == 74
        assert "No space left on device" in result.error


def test_json_and_the_png_cannot_share_standard_output(program: Program) -> None:
    result = program.run("x", "-o", "-", "--json")
    assert result.code == 64
    assert "--json" in result.error


def test_metadata_can_be_left_out(program: Program) -> None:
    program.run("secret words", "-o", "with.png")
    program.run("secret words", "-o", "without.png", "--no-metadata")
    assert b"secret words" in (program.folder / "with.png").read_bytes()
    assert b"secret" not in (program.folder / "without.png").read_bytes()
    assert b"txt2img" not in (program.folder / "without.png").read_bytes()


# --- no room, no permission, nobody listening -----------------------------------------------------


@pytest.mark.parametrize("redirection", [">/dev/full", ">&-"])
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["--list", "samplers"], ["x", "--dry-run"]])
def test_results_that_cannot_be_written_are_an_error(program: Program, redirection: str, arguments: list[str]) -> None:
    result = program.shell(f'"$@" {redirection}', *arguments)
    assert result.code == 74
    assert "cannot write to standard output" in result.error


def test_a_closed_standard_output_is_noticed_before_drawing(program: Program) -> None:
    result = program.shell('"$@" >&-', "x", "-o", "x.png")
    assert result.code == 74
    assert "cannot write to standard output: it is closed" in result.error
    assert program.files() == []


def test_a_closed_standard_output_does_not_matter_if_nothing_goes_there(program: Program) -> None:
    result = program.shell('"$@" >&-', "x", "-q", "-o", "x.png")
    assert (result.code, result.err) == (0, "")
    assert pixels(program.folder / "x.png")


def test_all_standard_streams_may_be_closed(program: Program) -> None:
    assert program.shell('"$@" <&- >&- 2>&-', "x", "-q", "-o", "x.png").code == 0
    assert pixels(program.folder / "x.png")


def test_a_picture_is_kept_if_its_path_cannot_be_told(program: Program) -> None:
    result = program.shell('"$@" >/dev/full', "x", "-o", "x.png", "--progress", "none")
    assert result.code == 74
    assert "No space left on device" in result.error
    assert pixels(program.folder / "x.png")


def test_a_reader_that_goes_away_is_an_error_and_no_signal(program: Program) -> None:
    result = program.shell('{ "$@"; echo $? >code; } | true', "x", "-n", 2, "-o", "{index}.png", "--progress", "none")
    assert (program.folder / "code").read_text() in ("74\n", "0\n")  # 0: the pipe took it before the reader left
    reader, writer = os.pipe()
    os.close(reader)
    process = program.start("x", "-o", "y.png", "--progress", "none", stdout=writer)
    os.close(writer)
    assert process.wait(300) == 74
    assert process.stderr is not None
    assert b"Broken pipe" in process.stderr.read()
    assert pixels(program.folder / "y.png")
    assert result.err.count("\n") <= 1


@pytest.mark.parametrize("path", ["/dev/null/x.png", "file/x.png", "folder.png"])
def test_an_output_that_cannot_be_made_is_found_before_drawing(program: Program, path: str) -> None:
    (program.folder / "file").write_text("")
    (program.folder / "folder.png").mkdir()
    template = path if path != "folder.png" else "{prompt}.png"
    result = program.run("folder", "-o", template, "--progress", "none")
    assert result.code == 73, result.err
    assert result.error
    assert program.files() == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_without_permission_is_refused(program: Program) -> None:
    locked = program.folder / "locked"
    locked.mkdir(mode=0o500)
    assert program.run("x", "-o", "locked/x.png").code == 73


@pytest.fixture
def full_disk(program: Program) -> Iterator[Path]:
    """A file system of two pages, both of which are taken."""
    disk = program.folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", disk], capture_output=True).returncode != 0:
        pytest.skip("cannot mount a small file system here")
    try:
        (disk / "filler").write_bytes(b"x" * 8192)
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_is_an_error_that_leaves_nothing_behind(program: Program, full_disk: Path) -> None:
    result = program.run("x", "-o", full_disk / "x.png", "--size", "512x512", "-q")
    assert result.code == 74, result.err
    assert "x.png" in result.error
    assert os.listdir(full_disk) == ["filler"]


def test_nan_is_an_error_and_never_a_picture(program: Program, toy) -> None:
    result = program.run("x", "-m", toy("nan"), "-o", "x.png", "--json")
    assert result.code == 70
    (record,) = result.records
    assert record["status"] == "failed"
    assert record["error"] in result.error
    assert program.files() == []


def test_a_device_that_is_not_there_is_no_reason_to_take_another(program: Program) -> None:
    result = program.run("x", "--device", "cuda:99", "-o", "x.png", "--progress", "none")
    assert result.code == 69, result.err
    assert "cuda:99" in result.error
    assert program.files() == []
