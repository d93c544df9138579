"""A prompt file that is drawn again, in a folder where something is: nothing is replaced unless that was asked for."""

import json
import shutil
from pathlib import Path

import pytest
from cli_program import Program
from faults import tree

LINES = ["a cat", "a dog", "a bird", "a fish"]


def write(program: Program, *lines: str) -> None:
    (program.folder / "p.txt").write_text("".join(f"{line}\n" for line in lines))


def run(program: Program, *more: object, output: str = "out/", seed: int = 7, code: int = 0) -> str:
    result = program.run("-f", "p.txt", "-s", seed, "--steps", 1, "-o", output, *more)
    assert result.code == code, result.err
    return result.err


def pictures(program: Program, folder: str = "out") -> dict[str, bytes]:
    return {name: data for name, data in tree(program.folder / folder).items() if not name.startswith("manifest")}


def listed(program: Program) -> dict[str, str]:
    """Path -> SHA-256, of the last line of each."""
    lines = (program.folder / "out/manifest.jsonl").read_text().splitlines()
    return {entry["path"]: entry["sha256"] for entry in map(json.loads, lines)}


def check_manifest(program: Program) -> None:
    from hashlib import sha256

    assert listed(program) == {
        name: sha256(data).hexdigest() for name, data in pictures(program).items() if name.endswith(".png")
    }


# --- a second run ---------------------------------------------------------------------------------


@pytest.mark.parametrize("output", ["out/", "out/{index}.png", "out/x.png"])
def test_a_second_run_replaces_nothing_and_says_what_to_do(program: Program, output: str) -> None:
    write(program, *LINES)
    run(program, output=output)
    before = tree(program.folder / "out")
    error = run(program, output=output, seed=8, code=73)
    assert error.count("\n") == 1
    assert "and 3 more files" in error
    assert all(word in error for word in ("--resume", "--on-exists", "--output"))
    assert "--resume" in run(program, "--dry-run", output=output, seed=8, code=73)
    assert tree(program.folder / "out") == before


@pytest.mark.parametrize(
    "more", [("--layout", "geneval"), ("--layout", "t2i-compbench"), ("--shard", "0/2"), ("--no-metadata",)]
)
def test_a_second_run_of_any_layout_replaces_nothing(program: Program, more: tuple[str, ...]) -> None:
    write(program, *LINES)
    run(program, *more)
    before = tree(program.folder / "out")
    run(program, *more, seed=8, code=73)
    assert tree(program.folder / "out") == before
    assert "4 skipped" in run(program, *more) or "--shard" in more
    assert tree(program.folder / "out") == before


def test_a_file_of_somebody_else_is_not_replaced_either(program: Program) -> None:
    write(program, *LINES)
    foreign = program.folder / "out/00002-a-dog.png"
    foreign.parent.mkdir()
    foreign.write_bytes(b"a photo")
    assert "out/00002-a-dog.png: there already" in run(program, code=73)
    assert tree(foreign.parent) == {foreign.name: b"a photo"}


@pytest.mark.parametrize(("mode", "count"), [("overwrite", 4), ("rename", 8), ("skip", 4)])
def test_what_is_to_be_done_can_be_said(program: Program, mode: str, count: int) -> None:
    write(program, *LINES)
    run(program)
    before = pictures(program)
    run(program, "--on-exists", mode, seed=8)
    after = pictures(program)
    assert len(after) == count
    assert (before.items() <= after.items()) == (mode != "overwrite")


def test_a_line_that_names_its_file_replaces_it(program: Program) -> None:
    file = program.folder / "p.jsonl"
    file.write_text('{"prompt": "a cat", "output": "cat.png"}\n')
    for seed in (7, 8):
        assert program.run("-f", file, "-s", seed, "-o", "out/").code == 0
    assert program.run("--show", "out/cat.png", "--json").records[0]["settings"]["seed"] == 8


def test_the_metadata_of_a_layout_is_replaced_only_when_the_run_goes_on(program: Program) -> None:
    write(program, *LINES)
    (program.folder / "out/00001").mkdir(parents=True)
    metadata = program.folder / "out/00001/metadata.jsonl"
    metadata.write_text('{"tag": "mine"}\n')
    assert "metadata.jsonl: there already" in run(program, "--layout", "geneval", code=73)
    assert metadata.read_text() == '{"tag": "mine"}\n'
    run(program, "--layout", "geneval", "--resume")
    assert json.loads(metadata.read_text()) == {"prompt": "a dog"}


def test_a_list_of_somebody_else_gets_no_lines(program: Program) -> None:
    write(program, *LINES)
    manifest = program.folder / "out/manifest.jsonl"
    manifest.parent.mkdir()
    manifest.write_text('{"audio": "a.wav"}\n{"audio": "b.wav"}')
    assert "manifest.jsonl is there already" in run(program, code=73)
    run(program, "--resume")  # says that the folder is ours
    assert manifest.read_text().startswith('{"audio": "a.wav"}\n{"audio": "b.wav"}\n')


def test_a_stream_gives_new_names(program: Program) -> None:
    for seed, name in ((7, "out/00001-a-cat.png"), (8, "out/00001-a-cat-2.png")):
        result = program.run("-f", "-", "--format", "txt", "--stream", "-s", seed, "-o", "out/", stdin=b"a cat\n")
        assert [record["path"] for record in result.records] == [name]


def test_a_file_that_appears_during_the_run_ends_it_and_stays(program: Program) -> None:
    write(program, *LINES, "{prompt}")
    (program.folder / "out").mkdir()
    process = program.start("-f", "p.txt", "-s", 7, "--steps", 400, "-o", "out/", "--progress", "json")
    assert process.stderr is not None
    next(line for line in process.stderr if b'"start"' in line)
    (program.folder / "out/00005-prompt.png").write_bytes(b"a photo")
    text = process.stderr.read().decode()
    assert process.wait(300) == 73, text
    assert "00005-prompt.png exists by now" in text
    assert (program.folder / "out/00005-prompt.png").read_bytes() == b"a photo"


# --- what is not ours, with --resume ----------------------------------------------------------------


def foreign_png(program: Program) -> bytes:
    program.run("x", "-s", 1, "--no-metadata", "-o", "y.png")
    return (program.folder / "y.png").read_bytes()


@pytest.mark.parametrize("kind", ["picture", "text"])
def test_resuming_replaces_no_file_of_somebody_else(program: Program, kind: str) -> None:
    write(program, *LINES)
    content = foreign_png(program) if kind == "picture" else b"a photo"
    run(program)
    photo = program.folder / "out/00002-a-dog.png"
    (program.folder / "out/manifest.jsonl").unlink()
    photo.write_bytes(content)
    before = tree(program.folder / "out")
    assert "out/00002-a-dog.png: not drawn by this program, and not replaced" in run(program, "--resume", code=73)
    check = program.run("-f", "p.txt", "-s", 7, "--steps", 1, "--verify", "out")
    assert check.out.decode() == "out/00002-a-dog.png: not drawn by this program\n"
    assert program.run("-f", "p.txt", "-s", 7, "--steps", 1, "--verify", "out", "--redo").code == 73
    assert tree(program.folder / "out") == before
    run(program, "--resume", "--on-exists", "overwrite")
    assert photo.read_bytes() != content


def test_a_picture_without_a_record_is_compared_before_it_counts_as_foreign(program: Program) -> None:
    write(program, *LINES)
    run(program, "--no-metadata")
    whole = pictures(program)
    (program.folder / "out/manifest.jsonl").unlink()
    run(program, "--no-metadata", "--resume")
    assert pictures(program) == whole
    check_manifest(program)
    (program.folder / "out/manifest.jsonl").unlink()
    (program.folder / "out/00002-a-dog.png").write_bytes(foreign_png(program))
    assert "is not this picture" in run(program, "--no-metadata", "--resume", code=73)
    assert (program.folder / "out/00002-a-dog.png").read_bytes() == foreign_png(program)


def test_what_is_replaced_is_said(program: Program) -> None:
    write(program, *LINES)
    run(program)
    assert "replaces 4 pictures: 4 of other prompts or settings, 0 damaged\n" in run(program, "--resume", seed=8)


# --- lines that move -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        ["new", *LINES],
        LINES[1:],
        LINES[::-1],
        [*LINES[1:], LINES[0]],
        ["a dog", "new", "a cat", "a cat", "a fish"],
    ],
    ids=["front", "removed", "reversed", "rotated", "mixed"],
)
@pytest.mark.parametrize(
    "more",
    [
        ("out/",),
        ("out/{index:03}.png",),
        ("out/{id}/x.png",),
        ("out/", "--layout", "geneval"),
        ("out/", "--no-metadata"),
    ],
    ids=["names", "numbers", "folders", "geneval", "no-metadata"],
)
def test_pictures_of_lines_that_moved_are_renamed(program: Program, lines: list[str], more: tuple[str, ...]) -> None:
    output, *options = more
    write(program, *LINES)
    run(program, *options, output=output)
    write(program, *lines)
    plan = program.run("-f", "p.txt", "-s", 7, "--steps", 1, "-o", output, *options, "--resume", "--dry-run")
    assert plan.code == 0
    result = program.run("-f", "p.txt", "-s", 7, "--steps", 1, "-o", output, *options, "--resume", "--json")
    assert result.code == 0, result.err
    new = [line for line in lines if line not in LINES or lines.index(line) != lines.index(line)]
    drawn = [record["prompt"] for record in result.records if record["status"] == "done"]
    doubles = len(lines) - len(set(lines))
    assert len(drawn) == len(new) + doubles, result.err
    if lines != ["new", *LINES] or "{" in output or options:
        assert "would be renamed" in plan.out.decode()
    left = pictures(program)
    shutil.rmtree(program.folder / "out")
    run(program, *options, output=output)
    whole = pictures(program)
    names = {name for name in whole if name.endswith(".png") or (program.folder / "out" / name).exists()}
    assert {name: left.get(name) for name in names} == {name: whole[name] for name in names}


def test_a_renamed_picture_is_said_and_listed(program: Program) -> None:
    write(program, *LINES)
    run(program)
    write(program, "new", *LINES)
    error = run(program, "--resume", "--gallery", "index.html")
    assert "4 pictures had the name of another line, and got their own\n" in error
    assert sorted(pictures(program)) == [f"0000{i}-{'-'.join(p.split())}.png" for i, p in enumerate(["new", *LINES], 1)]
    check_manifest(program)
    page = (program.folder / "index.html").read_text()
    assert all(f"out/{name}" in page for name in pictures(program))
    assert "5 skipped" in run(program, "--resume")


def test_a_picture_that_nobody_wants_makes_room_and_is_kept(program: Program) -> None:
    write(program, *LINES)
    run(program, output="out/{index}.png")
    first = (program.folder / "out/1.png").read_bytes()
    write(program, *LINES[1:])
    run(program, "--resume", output="out/{index}.png")
    assert sorted(pictures(program)) == ["1-2.png", "1.png", "2.png", "3.png"]
    assert (program.folder / "out/1-2.png").read_bytes() == first
    write(program, *LINES)  # and is found again
    run(program, "--resume", output="out/{index}.png")
    assert (program.folder / "out/1.png").read_bytes() == first


def test_a_copy_with_a_name_of_its_own_stays_where_it_is(program: Program) -> None:
    write(program, *LINES)
    run(program)
    out = program.folder / "out"
    (out / "00001-a-cat.png").rename(out / "favourite-cat.png")
    assert "3 skipped" in run(program, "--resume")
    assert (out / "favourite-cat.png").read_bytes() == (out / "00001-a-cat.png").read_bytes()


def test_shards_say_that_they_rename_nothing(program: Program) -> None:
    write(program, *LINES)
    run(program)
    write(program, "new", *LINES)
    before = pictures(program)
    error = run(program, "--resume", "--shard", "0/2")
    assert "of this run lie under the names of other lines" in error
    assert before.items() <= pictures(program).items()


def test_redo_renames_too(program: Program) -> None:
    write(program, *LINES)
    run(program)
    write(program, "new", *LINES)
    check = ("-f", "p.txt", "-s", 7, "--steps", 1, "--verify", "out")
    assert "out/00002-a-cat.png: missing; it lies at out/00001-a-cat.png" in program.run(*check).out.decode()
    assert program.run(*check, "--redo").code == 0
    assert len(pictures(program)) == 5


def test_two_resumed_runs_at_once_rename_without_a_loss(program: Program, tmp_path: Path) -> None:
    write(program, *LINES)
    run(program, output="out/{index}.png")
    write(program, "new", *LINES)
    arguments = ("-f", "p.txt", "-s", 7, "--steps", 1, "-o", "out/{index}.png", "--resume", "-q")
    both = [program.start(*arguments) for _ in range(2)]
    assert [process.wait(300) for process in both] == [0, 0]
    assert len(pictures(program)) == 5
    assert program.run("-f", "p.txt", "-s", 7, "--steps", 1, "-o", "out/{index}.png", "--verify", "out").code == 0


# --- names that are one ----------------------------------------------------------------------------


def lines_with(program: Program, key: str, *names: str) -> None:
    lines = (json.dumps({"prompt": "a cat", key: name}) for name in names)
    (program.folder / "p.txt").rename(program.folder / "unused") if (program.folder / "p.txt").exists() else None
    (program.folder / "p.jsonl").write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize("names", [("A.png", "a.png"), ("e\u0301.png", "\u00e9.png"), ("Straße.png", "STRASSE.png")])
def test_names_that_some_file_system_takes_for_one_are_refused(program: Program, names: tuple[str, str]) -> None:
    lines_with(program, "output", *names)
    result = program.run("-f", "p.jsonl", "-s", 7, "-o", "out/")
    assert result.code == 65
    assert "as would one of line 1" in result.error


def test_names_made_of_ids_that_differ_in_case_are_drawn_with_a_warning(program: Program) -> None:
    lines_with(program, "id", "A", "a", "B", "b")
    result = program.run("-f", "p.jsonl", "-s", 7, "--steps", 1, "-o", "out/{id}.png")
    assert result.code == 0, result.err
    assert result.err.count("warning") == 1
    assert "out/a.png and out/A.png differ in case only" in result.err


def test_the_sign_of_the_home_folder_makes_no_folder_of_that_name(program: Program) -> None:
    (program.folder / "c.toml").write_text('output = "~/p/"\n')
    home = program.folder / "home/p"
    assert program.run("x", "-s", 7, "--config", "c.toml").code == 0
    assert program.run("x", "-s", 8, env={"TXT2IMG_OUTPUT": "~/p/"}).code == 0
    assert program.run("x", "--output=~/p/9.png").code == 0
    assert sorted(file.name for file in home.iterdir()) == ["9.png", "x-7.png", "x-8.png"]
    lines_with(program, "output", "~/x.png")
    assert "it begins with '~'" in program.run("-f", "p.jsonl", "-o", "out/").error
    assert not (program.folder / "~").exists()


# --- messages --------------------------------------------------------------------------------------


def test_a_message_repeats_no_more_of_a_text_than_can_be_read(program: Program) -> None:
    long = "word " * 24000
    write(program, long, "--steps 9 --prompt a --negative_prompt " + long)
    for arguments in (("-f", "p.txt", "--dry-run"), ("x", "--sampler", long), ("x", "-N", long, "--dry-run", "-g", 5),
                      ("-f", "p.txt", "-o", long[:300] + "/"), ("x", f"--{long}")):  # fmt: skip
        result = program.run(*arguments)
        assert max(map(len, result.err.splitlines())) < 2500, arguments
    stream = program.run("-f", "-", "--format", "jsonl", "--stream", stdin=json.dumps({"steps": long}).encode() + b"\n")
    assert len(stream.out) < 3000


def test_help_says_all_of_exit_status_1(program: Program) -> None:
    assert "1 some pictures failed or a verification differed" in program.run("--help").out.decode()
