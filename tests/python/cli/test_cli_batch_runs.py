"""Runs of prompt files: failures, resuming, shards, streams, and checking what is there."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cli_program import TIMEOUT, Program


def write_prompts(program: Program, count: int) -> str:
    lines = ({"prompt": f"picture {i}", "count": 1 + i % 2, "steps": 2 + i % 3} for i in range(count))
    (program.folder / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return "p.jsonl"


def tree(folder: Path, *, with_manifests: bool = False) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in paths
        if with_manifests or not path.name.startswith("manifest.")
    }


@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_picture_that_fails_does_not_stop_the_others(failing: Program, batch_size: int) -> None:
    (failing.folder / "p.txt").write_text("a\n! b\nc\nd\n")
    result = failing.run("-f", "p.txt", "-s", 7, "--json", "--batch-size", batch_size, "-o", "{item}.png")
    assert result.code == 1
    assert [r["status"] for r in sorted(result.records, key=lambda r: r["item"])] == ["done", "failed", "done", "done"]
    assert [name for name in failing.files() if name.endswith(".png")] == ["0.png", "2.png", "3.png"]
    assert "txt2img: error: 1.png: " in result.err
    assert result.err.splitlines()[-1].startswith("txt2img: 3 pictures drawn, 0 skipped, 1 failed, ")


def test_the_first_failure_ends_the_run_if_that_is_wanted(failing: Program) -> None:
    (failing.folder / "p.txt").write_text("a\n! b\nc\n")
    result = failing.run("-f", "p.txt", "-s", 7, "--fail-fast", "-o", "{item}.png")
    assert result.code == 70
    assert [name for name in failing.files() if name.endswith(".png")] == ["0.png"]
    kept = failing.run("a", "! b", "c", "--keep-going", "-o", "k/{item}.png")
    assert kept.code == 1
    assert [str(path) for path in kept.paths] == ["k/0.png", "k/2.png"]


def test_progress_tells_of_the_whole_file(failing: Program) -> None:
    (failing.folder / "p.txt").write_text("a\n! b\nc\nd\n")
    result = failing.run("-f", "p.txt", "--progress", "json", "-o", "{item}.png")
    told = [json.loads(line) for line in result.err.splitlines() if line.startswith("{")]
    ends = [e for e in told if e["event"] in ("done", "failed")]
    assert [(e["event"], e["number"], e["total"]) for e in ends] == [
        ("done", 1, 4),
        ("failed", 2, 4),
        ("done", 3, 4),
        ("done", 4, 4),
    ]
    assert ["remaining" in e for e in ends] == [True, True, True, False]
    assert {key: told[-1][key] for key in ("event", "done", "skipped", "failed")} == {
        "event": "end",
        "done": 3,
        "skipped": 0,
        "failed": 1,
    }


def test_a_manifest_lists_each_picture(program: Program) -> None:
    import hashlib

    result = program.run("-f", write_prompts(program, 3), "-s", 7, "-o", "out/", "--json")
    assert result.code == 0, result.err
    lines = [json.loads(line) for line in (program.folder / "out/manifest.jsonl").read_text().splitlines()]
    assert [f"out/{line['path']}" for line in lines] == [r["path"] for r in result.records]
    for line in lines:
        data = (program.folder / "out" / line["path"]).read_bytes()
        assert line["sha256"] == hashlib.sha256(data).hexdigest()
        assert line["job_key"].encode() in data
        assert (line["run_seed"], line["device"], line["dtype"]) == (7, "cpu", "float32")


@pytest.mark.parametrize("metadata", [[], ["--no-metadata"]])
def test_resuming_draws_what_is_missing_damaged_or_of_another_job(program: Program, metadata: list[str]) -> None:
    file = write_prompts(program, 6)
    arguments = ["-f", file, "-s", 7, "-o", "out/", *metadata]
    assert program.run(*arguments).code == 0
    out = program.folder / "out"
    whole = tree(out)
    names = sorted(name for name in whole)
    (out / names[0]).unlink()
    (out / names[1]).write_bytes(whole[names[1]][:-20])
    (out / names[2]).write_bytes(whole[names[3]])
    (out / ".txt2img-999999999-1.tmp").write_bytes(b"x")
    result = program.run(*arguments, "--resume", "--json")
    assert result.code == 0, result.err
    assert [r["status"] for r in result.records].count("done") == 3
    assert [r["status"] for r in result.records].count("skipped") == 6
    assert tree(out) == whole
    again = program.run(*arguments, "--resume", "--json", "-v")
    assert all(r["status"] == "skipped" for r in again.records)
    assert "LibTorch" not in again.err


def test_resuming_with_other_settings_draws_all_again(program: Program) -> None:
    file = write_prompts(program, 3)
    assert program.run("-f", file, "-s", 7, "-o", "out/").code == 0
    for other in (["-s", 80], ["-s", 7, "-g", 1.5], ["-s", 7, "--dtype", "bfloat16"]):
        result = program.run("-f", file, *other, "-o", "out/", "--resume", "--json", "--dry-run")
        assert {r["status"] for r in result.records} == {"planned"}, other


def test_a_run_without_a_seed_goes_on_with_the_one_it_drew(program: Program) -> None:
    file = write_prompts(program, 3)
    assert program.run("-f", file, "-o", "out/").code == 0
    result = program.run("-f", file, "-o", "out/", "--resume", "--json")
    assert {r["status"] for r in result.records} == {"skipped"}


def test_a_run_that_was_killed_goes_on_to_the_same_tree(program: Program) -> None:
    file = write_prompts(program, 12)
    assert program.run("-f", file, "-s", 7, "-o", "whole/").code == 0
    arguments = ["-f", file, "-s", 7, "-o", "out/"]
    process = program.start(*arguments, "--progress", "json")
    assert process.stderr is not None
    next(line for line in process.stderr if b'"done"' in line and b'"number":4' in line)
    process.kill()
    process.wait(TIMEOUT)
    manifest = program.folder / "out/manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes()[:-30])  # as a full disk or a power cut would leave it
    assert program.run(*arguments, "--resume").code == 0
    assert tree(program.folder / "out", with_manifests=True) == tree(program.folder / "whole", with_manifests=True)


def test_shards_draw_the_tree_of_one_run(program: Program) -> None:
    file = write_prompts(program, 10)
    arguments = ["-f", file, "-s", 7]
    assert program.run(*arguments, "-o", "whole/").code == 0
    both = [program.start(*arguments, "-o", "out/", "--shard", shard) for shard in ("2/3", "0/3", "2/3")]
    for process in both:
        process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0
    assert program.run(*arguments, "-o", "out/", "--shard", "1/3").code == 0
    assert tree(program.folder / "out") == tree(program.folder / "whole")
    assert {path.name for path in (program.folder / "out").glob("manifest.*")} == {
        f"manifest.{i}-of-3.jsonl" for i in range(3)
    }
    assert program.run(*arguments, "-o", "out/", "--verify", "out").code == 0
    assert "--shard needs a seed" in program.run("-f", file, "-o", "out/", "--shard", "0/3").error
    assert program.run(*arguments, "--shard", "3/3").code == 64


def test_verify_lists_what_is_wrong_in_a_folder_and_redo_draws_it(program: Program) -> None:
    file = write_prompts(program, 6)
    assert program.run("-f", file, "-s", 7, "-o", "out/").code == 0
    out = program.folder / "out"
    whole = tree(out)
    names = sorted(whole)
    (out / names[0]).unlink()
    (out / names[4]).write_bytes(b"nothing")
    (out / names[5]).write_bytes(whole[names[6]])
    check = ["--verify", "out", "-f", file]
    result = program.run(*check)
    assert result.code == 1
    assert result.out.decode().splitlines() == [
        f"out/{names[0]}: missing",
        f"out/{names[4]}: damaged",
        f"out/{names[5]}: the picture of another job",
    ]
    assert [r["status"] for r in program.run(*check, "--json").records] == ["missing", "damaged", "other"]
    assert program.run(*check, "--redo", "-q").code == 0
    assert tree(out) == whole
    assert program.run(*check).code == 0


def test_a_stream_answers_each_line(program: Program) -> None:
    process = program.start(
        "-f", "-", "--format", "jsonl", "--stream", "-s", 7, "-o", "out/", "-q", stdin=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def ask(line: str) -> dict[str, Any]:
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    first = ask('{"prompt": "a cat", "custom_id": "x"}')
    assert (first["status"], first["path"], first["custom_id"]) == ("done", "out/00001-a-cat.png", "x")
    assert (program.folder / first["path"]).exists()
    assert ask("nope")["status"] == "failed"
    wrong = ask('{"prompt": "a", "steps": 0, "custom_id": "y"}')
    assert (wrong["status"], wrong["line"], wrong["custom_id"]) == ("failed", 3, "y")
    assert "steps 0 is out of range" in wrong["error"]
    assert ask('{"prompt": "a dog"}')["path"] == "out/00002-a-dog.png"
    _, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert err.count(b"\n") == 2


def test_a_stream_warns_of_texts_as_a_file_does(program: Program) -> None:
    """Each once, with the line."""
    lines = ("abcde " * 6 + "kl mn", "a (cat:1.3)", "a (dog:1.3)")
    text = "".join(json.dumps({"prompt": line}) + "\n" for line in lines)
    stream = ("-f", "-", "--format", "jsonl", "--stream", "-s", 1, "-o", "out/")
    result = program.run(*stream, stdin=text.encode())
    warnings = [line for line in result.err.splitlines() if "warning" in line]
    assert [line.split("warning: ")[1].split(";")[0] for line in warnings] == [
        "-:1: the prompt is longer than the model can read",
        '-:2: the text has "(cat:1.3)", which other programs read as more than text',
    ]


def test_a_stream_that_waits_ends_with_a_signal(program: Program) -> None:
    process = program.start("-f", "-", "--format", "txt", "--stream", stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"a cat\n")
    process.stdin.flush()
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(TIMEOUT) == 143


def test_a_full_disk_ends_the_run(program: Program) -> None:
    os.symlink("/dev/full", program.folder / "manifest.jsonl")
    result = program.run("-f", write_prompts(program, 3), "-s", 7)
    assert result.code == 74
    assert len([name for name in program.files() if name.endswith(".png")]) == 1
