"""The recipes of scripts/cluster: whatever the machines do, the pictures are those of one process."""

import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_program import ROOT, TIMEOUT, Program
from slurm import Slurm, cluster, missing, wait_until

ITEMS = 40
RECIPES = ROOT / "scripts" / "cluster"


def pictures(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("manifest."))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def batch(program: Program) -> Program:
    lines = ({"prompt": f"picture {i}", "steps": 2 + i % 2} for i in range(ITEMS))
    (program.folder / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return program


def make_slow(program: Program, model: Path) -> None:
    program.variables["TXT2IMG_MODEL"] = str(model)
    file = program.folder / "p.jsonl"
    file.write_text(file.read_text().replace('"steps": ', '"steps": 2'))


def run(program: Program, folder: str) -> list[str]:
    return program.arguments("-f", program.folder / "p.jsonl", "-s", 7, "-o", program.folder / folder / "{index}.png")


@pytest.fixture
def slurm(batch: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    if missing():
        pytest.skip(missing())
    with cluster(tmp_path_factory.mktemp("slurm")) as started:
        yield started


def submit(slurm: Slurm, program: Program, array: str, *options: str, shards: int) -> str:
    variables = ",".join(f"{name}={value}" for name, value in program.environment().items() if "TXT2IMG" in name)
    log = program.folder.parent / "job-%a.txt"
    return slurm.submit(
        f"--array={array}",
        f"--output={log}",
        f"--export=ALL,OMP_NUM_THREADS=1,{variables}",
        f"--chdir={program.folder}",
        *options,
        RECIPES / "slurm.sh",
        shards,
        *run(program, "out"),
    )


def draw_whole(program: Program) -> dict[str, bytes]:
    assert subprocess.run(run(program, "whole"), env=program.environment(), capture_output=True).returncode == 0
    whole = pictures(program.folder / "whole")
    assert len(whole) == ITEMS
    return whole


def test_a_job_array_that_loses_a_node_is_mended_by_its_failed_indices(slurm: Slurm, batch: Program, toy) -> None:
    make_slow(batch, toy("slow"))
    whole = draw_whole(batch)
    out = batch.folder / "out"
    job = submit(slurm, batch, "0-3", "--no-requeue", shards=4)

    def is_in_the_middle() -> bool:
        nodes = {task["NodeList"]: index for index, task in slurm.tasks(job).items() if task["JobState"] == "RUNNING"}
        return "n1" in nodes and bool(list(out.glob(f"manifest.{nodes['n1']}-of-4.jsonl")))

    wait_until(is_in_the_middle, "a task draws on n1")
    slurm.kill_node("n1")
    slurm.wait(job)
    failed = [i for i in range(4) if slurm.tasks(job)[i]["JobState"] != "COMPLETED"]
    assert failed
    assert pictures(out).keys() != whole.keys()
    again = submit(slurm, batch, ",".join(map(str, failed)), "--no-requeue", shards=4)
    slurm.wait(again)
    assert {slurm.tasks(again)[i]["JobState"] for i in failed} == {"COMPLETED"}
    # What the dead node was writing; see scripts/cluster/README.md.
    sweep = [*run(batch, "out"), "--resume"]
    assert subprocess.run(sweep, env=batch.environment(), capture_output=True).returncode == 0
    assert pictures(out) == whole


def test_a_task_near_its_time_limit_stops_and_goes_on_later(slurm: Slurm, batch: Program, toy) -> None:
    make_slow(batch, toy("slow"))
    out = batch.folder / "out"
    job = submit(slurm, batch, "0", shards=1)
    wait_until(lambda: len(list(out.glob("*.png"))) > 2, "pictures are drawn")
    slurm.run("scancel", "--batch", "--signal=TERM", f"{job}_0")
    wait_until(lambda: slurm.tasks(job)[0].get("Restarts") == "1", "the task is in the queue again")
    assert 2 < len(pictures(out)) < ITEMS
    assert "shard 0 of 1 was stopped" in (batch.folder.parent / "job-0.txt").read_text()
    assert not list(out.glob(".txt2img-*"))
    slurm.run("scancel", job)
    slurm.wait(job)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3)))[::2], ids=str)
def test_shards_in_any_order_and_one_twice_make_the_same_tree(batch: Program, order: tuple[int, ...]) -> None:
    whole = draw_whole(batch)
    for shard in order:
        command = ["bash", str(RECIPES / "slurm.sh"), "3", *run(batch, "out")]
        variables = {"SLURM_ARRAY_TASK_ID": str(shard), "SLURM_ARRAY_TASK_COUNT": "1"}
        twice = [
            subprocess.Popen(command, env=batch.environment(variables), stdout=subprocess.DEVNULL)
            for _ in range(2 if shard == order[1] else 1)
        ]
        assert [process.wait(TIMEOUT) for process in twice] == [0] * len(twice)
    assert pictures(batch.folder / "out") == whole


def test_gnu_parallel_draws_the_tree_of_one_process(batch: Program) -> None:
    if shutil.which("parallel") is None:
        pytest.skip("GNU parallel is not installed")
    whole = draw_whole(batch)
    command = ["bash", str(RECIPES / "parallel.sh"), "2", "5", *run(batch, "out")]
    result = subprocess.run(command, env=batch.environment(), capture_output=True, timeout=TIMEOUT)
    assert result.returncode == 0, result.stderr
    assert pictures(batch.folder / "out") == whole


@pytest.mark.parametrize("arguments", [[], ["x", "true"], ["0", "true"], ["3", "true"]])
def test_the_recipe_of_slurm_refuses_what_makes_no_sense(program: Program, arguments: list[str]) -> None:
    command = ["bash", str(RECIPES / "slurm.sh"), *arguments]
    variables = program.environment({"SLURM_ARRAY_TASK_ID": "3"})
    assert subprocess.run(command, env=variables, capture_output=True).returncode == 64
