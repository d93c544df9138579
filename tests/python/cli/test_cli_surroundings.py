"""Runs of prompt files in odd surroundings: closed streams, other locales, folders that change, two at once."""

import json
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_program import TIMEOUT, Program
from faults import tree
from test_cli_interrupt import Terminal, events, wait_for

RUN = ("-f", "p.jsonl", "-s", 7, "-o", "out/")
COUNT = 6


@pytest.fixture
def batch(program: Program) -> Program:
    lines = ({"prompt": f"picture {i} İıß", "steps": 2, "guidance": 1.5 + i / 4} for i in range(COUNT))
    (program.folder / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return program


@pytest.fixture
def whole(batch: Program) -> dict[str, bytes]:
    """The tree of an undisturbed run."""
    assert batch.run("-f", "p.jsonl", "-s", 7, "-o", "whole/").code == 0
    return tree(batch.folder / "whole")


def out(program: Program) -> Path:
    return program.folder / "out"


@pytest.mark.parametrize("name", ["tr_TR", "de_DE"])
def test_a_locale_changes_nothing(batch: Program, whole: dict[str, bytes], name: str, tmp_path: Path) -> None:
    compiled = tmp_path / f"{name}.UTF-8"
    command = ["localedef", "--no-archive", "-i", name, "-f", "UTF-8", str(compiled)]
    if shutil.which("localedef") is None or subprocess.run(command, capture_output=True).returncode > 1:
        pytest.skip(f"{name} cannot be made here: localedef or its sources are missing")
    result = batch.run(*RUN, "--json", env={"LOCPATH": str(tmp_path), "LC_ALL": f"{name}.UTF-8"})
    assert result.code == 0, result.err
    assert [record["guidance"] for record in result.records] == [1.5 + i / 4 for i in range(COUNT)]
    assert tree(out(batch)) == whole


@pytest.mark.parametrize(
    "env", [{"TZ": "Pacific/Kiritimati"}, {"TZ": "nonsense"}, {"HOME": ""}, {"HOME": "/nonexistent"}], ids=str
)
def test_the_environment_changes_nothing(batch: Program, whole: dict[str, bytes], env: dict[str, str]) -> None:
    assert batch.run(*RUN, env=env).code == 0
    assert tree(out(batch)) == whole


def test_there_need_be_no_home(batch: Program, whole: dict[str, bytes]) -> None:
    assert batch.shell('unset HOME; exec "$@"', *RUN).code == 0
    assert tree(out(batch)) == whole


@pytest.mark.parametrize(("umask", "mode"), [("077", 0o600), ("000", 0o666)])
def test_files_get_the_modes_of_the_umask(batch: Program, whole: dict[str, bytes], umask: str, mode: int) -> None:
    assert batch.shell(f'umask {umask}; exec "$@"', *RUN).code == 0
    assert tree(out(batch)) == whole
    assert {path.stat().st_mode & 0o777 for path in out(batch).iterdir()} == {mode}


@pytest.mark.parametrize(("closed", "code"), [("<&-", 0), ("2>&-", 0), (">&-", 74)])
def test_a_closed_stream_is_no_file_of_ours(batch: Program, whole: dict[str, bytes], closed: str, code: int) -> None:
    result = batch.shell(f'exec "$@" {closed}', *RUN)
    assert result.code == code, result.err
    assert (tree(out(batch)) if code == 0 else whole) == whole
    assert code == 0 or not out(batch).exists()


def test_all_streams_may_be_closed(batch: Program, whole: dict[str, bytes]) -> None:
    quiet = batch.shell('exec "$@" <&- >&- 2>&-', *RUN, "-q")
    assert quiet.code == 0
    assert tree(out(batch)) == whole


def test_a_tiny_terminal_is_enough(batch: Program, whole: dict[str, bytes]) -> None:
    terminal = Terminal(batch, 10, *RUN)
    assert terminal.code == 0
    assert all(len(bar) < 10 for bar in terminal.bars)
    assert tree(out(batch)) == whole


def test_two_runs_in_one_folder_make_the_tree_of_one(batch: Program, whole: dict[str, bytes]) -> None:
    both = [batch.start(*RUN) for _ in range(2)]
    for process in both:
        process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0
    left = tree(out(batch))
    lines = left.pop("manifest.jsonl").splitlines(keepends=True)
    listed = whole.pop("manifest.jsonl").splitlines(keepends=True)
    assert left == whole
    assert sorted(set(lines)) == sorted(listed)  # a picture that both have drawn is listed twice


def damage_manifest(folder: Path) -> None:
    file = folder / "manifest.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"\x00\xff\n{}\n[1]\n" + lines[0].replace(b'"seed":7', b'"seed":-7') + b"".join(lines[1:]) + b"{")


def replace_manifest(folder: Path) -> None:
    (folder / "manifest.jsonl").write_bytes(bytes(range(256)) * 40)


def damage_pictures(folder: Path) -> None:
    pictures = sorted(folder.glob("*.png"))
    flipped = bytearray(pictures[0].read_bytes())
    flipped[-40] ^= 1
    pictures[0].write_bytes(flipped)
    pictures[1].write_bytes(b"")
    pictures[2].write_bytes(pictures[2].read_bytes()[:-1])
    pictures[3].unlink()
    pictures[3].symlink_to(pictures[4].name)


@pytest.mark.parametrize("damage", [damage_manifest, replace_manifest, damage_pictures])
def test_resuming_and_verifying_live_with_damage(
    batch: Program, whole: dict[str, bytes], damage: Callable[[Path], None]
) -> None:
    assert batch.run(*RUN).code == 0
    damage(out(batch))
    checked = batch.run("-f", "p.jsonl", "-s", 7, "--verify", "out", "--json")
    assert checked.code == (1 if damage is damage_pictures else 0), checked.err
    assert len(checked.records) == (4 if damage is damage_pictures else 0)
    assert batch.run(*RUN, "--resume").code == 0
    left = tree(out(batch))
    left.pop("manifest.jsonl")
    whole.pop("manifest.jsonl")
    assert left == whole
    assert not any(path.is_symlink() for path in out(batch).iterdir())
    assert batch.run("-f", "p.jsonl", "-s", 7, "--verify", "out").code == 0


def slow_run(program: Program, toy: Callable[[str], Path], steps: int = 30) -> subprocess.Popen[bytes]:
    program.variables["TXT2IMG_MODEL"] = str(toy("slow"))
    (program.folder / "p.txt").write_text("".join(f"picture {i}\n" for i in range(1000)))
    return program.start("-f", "p.txt", "-s", 7, "--steps", steps, "--progress", "json", "-o", "out/", "--json")


@pytest.mark.parametrize("change", ["vanished", "replaced"])
def test_a_folder_that_goes_away_during_a_run_ends_it_or_is_made_again(
    program: Program, toy: Callable[[str], Path], change: str
) -> None:
    process = slow_run(program, toy)
    stream = events(process)
    wait_for(stream, "done")
    out(program).rename(program.folder / "moved")
    if change == "replaced":
        out(program).write_text("a file\n")
    wait_for(stream, "step")
    if change == "vanished":
        wait_for(stream, "done")
        wait_for(stream, "done")
        process.send_signal(signal.SIGINT)
    rest = [event["text"] for event in stream if event["event"] == "line"]
    assert process.wait(TIMEOUT) == (130 if change == "vanished" else 73), rest
    assert process.stdout is not None
    assert all(json.loads(line)["status"] in ("done", "failed") for line in process.stdout)
    if change == "replaced":
        assert out(program).read_text() == "a file\n"
    else:
        assert list(out(program).glob("*.png"))
    assert not list(program.folder.rglob(".txt2img-*"))


@pytest.mark.parametrize("second", [None, signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("phase", ["start", "step", "done"])
def test_signals_in_each_phase_of_a_run_leave_what_can_be_resumed(
    program: Program, toy: Callable[[str], Path], phase: str, second: int | None
) -> None:
    process = slow_run(program, toy)
    stream = events(process)
    wait_for(stream, phase)
    process.send_signal(signal.SIGTERM)
    if second is not None:
        process.send_signal(second)
    for _ in stream:
        pass
    assert process.wait(TIMEOUT) in ((143,) if second is None else (128 + second, 143))
    assert process.stdout is not None
    done = {json.loads(line)["path"] for line in process.stdout}
    left = tree(out(program)) if out(program).exists() else {}
    listed = {f"out/{json.loads(line)['path']}" for line in left.pop("manifest.jsonl", b"").splitlines()}
    names = {f"out/{name}" for name in left}
    assert done <= names
    assert listed <= names
    assert all(name.endswith(".png") for name in names)
    assert second is not None or done == listed == names
