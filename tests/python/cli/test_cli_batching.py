"""Several pictures in one call of the UNet: which ones share it, and what happens when it fails."""

import json
from pathlib import Path

import pytest
from cli_program import Program


def model_with_unet(program: Program, toy, code: str) -> None:
    from toy_bundle import manifest, write_manifest, write_module

    folder = program.folder.parent / "model"
    folder.mkdir()
    for path in toy("noise").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    write_module(folder / "unet.pt", code)
    write_manifest(folder, manifest("other"))
    program.variables["TXT2IMG_MODEL"] = str(folder)


@pytest.fixture
def cramped(program: Program, toy) -> Program:
    """With a model that has no memory for three pictures at once."""
    from toy_bundle import UNETS

    crowd = "crowd = torch.zeros([1 + (1 << 46) * int(latent.size(0) > 2)]).sum()\n    return "
    model_with_unet(program, toy, UNETS["noise"].replace("return ", crowd).rstrip() + " + crowd\n")
    return program


def write_lines(file: Path, rows: list[dict]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def batches(program: Program, *arguments: object) -> list[tuple[int, int]]:
    result = program.run(*arguments, "--progress", "json")
    assert result.code == 0, result.err
    told = [json.loads(line) for line in result.err.splitlines() if line.startswith("{")]
    return [(event["first"], event["last"]) for event in told if event["event"] == "start"]


def test_items_of_one_kind_share_a_batch_whatever_lies_between(program: Program) -> None:
    rows = [{"prompt": f"p{i}", "negative": f"n{i}", "steps": 1 + i % 2, "guidance": 3} for i in range(12)]
    write_lines(program.folder / "p.jsonl", rows)
    run = ("-f", "p.jsonl", "-s", 7, "--batch-size")
    assert batches(program, *run, 4, "-o", "four/{item}.png") == [(1, 7), (2, 8), (9, 11), (10, 12)]
    assert len(batches(program, *run, 1, "-o", "one/{item}.png")) == 12
    for picture in (program.folder / "one").glob("*.png"):
        assert picture.read_bytes() == (program.folder / "four" / picture.name).read_bytes()


def test_a_batch_that_is_too_big_is_drawn_in_smaller_ones(cramped: Program) -> None:
    cramped.run("a", "-n", 10, "-s", 3, "-o", "one/{seed}.png")
    result = cramped.run("a", "-n", 10, "-s", 3, "--batch-size", 6, "-o", "six/{seed}.png", "--json")
    assert result.code == 0, result.err
    assert [line for line in result.err.splitlines() if "memory" in line] == [
        line for line in result.err.splitlines() if "warning: " in line
    ]
    assert "6 pictures at once" in result.err and "goes on with 3 at once" in result.err
    assert "3 pictures at once" in result.err and "goes on with 1 at once" in result.err
    again = {record["seed"]: record.get("retries") for record in result.records}
    assert again == {seed: ["smaller_batch"] if seed < 9 else None for seed in range(3, 13)}
    records = {seed: cramped.run("--show", f"six/{seed}.png", "--json").records[0] for seed in (3, 12)}
    assert records[3]["retries"] == ["smaller_batch"]
    assert "retries" not in records[12]
    assert b"smaller_batch" in cramped.run("--show", "six/3.png").out
    for seed in range(3, 13):
        assert cramped.run("--verify", f"one/{seed}.png").code == 0
        assert cramped.run("--verify", f"six/{seed}.png").code == 0


def test_a_picture_that_is_too_big_alone_fails(program: Program, toy) -> None:
    from toy_bundle import UNETS

    model_with_unet(program, toy, UNETS["noise"].rstrip() + " + torch.zeros([1 << 46]).sum()\n")
    result = program.run("a", "-n", 2, "--batch-size", 2, "-o", "{seed}.png")
    assert result.code == 69
    assert program.files() == []
