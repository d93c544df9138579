"""Prompt files: what is read, what is refused, and how the pictures are called."""

import json
from pathlib import Path
from typing import Any

import pytest
from cli_program import ROOT, Program


def write(program: Program, name: str, content: str | bytes) -> str:
    data = content if isinstance(content, bytes) else content.encode()
    (program.folder / name).write_bytes(data)
    return name


def write_lines(program: Program, name: str, *lines: dict[str, Any]) -> str:
    return write(program, name, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def planned(program: Program, *arguments: object) -> list[dict[str, Any]]:
    result = program.run("--dry-run", "--json", "-s", 7, *arguments)
    assert result.code == 0, result.err
    return result.records


def refused(program: Program, *arguments: object) -> list[str]:
    """What is said of a file that is wrong, and that nothing was drawn."""
    before = program.files()
    result = program.run("-s", 7, *arguments)
    assert (result.code, result.out) == (65, b""), result.err
    assert program.files() == before
    lines = result.err.splitlines()
    assert all(line.startswith("txt2img: error: ") for line in lines)
    return [line.removeprefix("txt2img: error: ") for line in lines]


def test_every_line_is_drawn_with_its_settings(program: Program) -> None:
    file = write_lines(
        program,
        "p.jsonl",
        {"prompt": "a cat", "seed": 3, "custom_id": "x", "metadata": {"k": [1]}},
        {"prompt": "a dog", "count": 2, "size": [32, 16], "steps": 2},
    )
    result = program.run("-f", file, "-s", 7, "--steps", 3, "-o", "out/", "--json")
    assert result.code == 0, result.err
    assert program.files() == [
        "out/00001-a-cat.png",
        "out/00002-a-dog.png",
        "out/00003-a-dog.png",
        "out/manifest.jsonl",
        "p.jsonl",
    ]
    first, second, third = result.records
    assert (first["seed"], first["steps"], first["custom_id"], first["metadata"]) == (3, 3, "x", {"k": [1]})
    assert [(r["item"], r["image"], r["seed"], r["steps"], r["width"], r["line"]) for r in (second, third)] == [
        (1, 0, 7, 2, 32, 2),
        (1, 1, 8, 2, 32, 2),
    ]
    alone = program.run("a dog", "-s", 8, "--steps", 2, "--size", "32x16", "-o", "alone.png")
    assert alone.code == 0
    drawn = (program.folder / "out/00003-a-dog.png").read_bytes()
    assert drawn == (program.folder / "alone.png").read_bytes()


@pytest.mark.parametrize("batch_size", [1, 4])
def test_items_of_different_size_go_into_one_run(program: Program, batch_size: int) -> None:
    lines = [{"prompt": f"p{i}", "width": 16 if i % 3 else 32} for i in range(7)]
    result = program.run("-f", write_lines(program, "p.jsonl", *lines), "--batch-size", batch_size, "-q")
    assert result.code == 0, result.err
    assert len(program.files()) == 9


def test_standard_input_is_a_file_whose_format_is_told(program: Program) -> None:
    result = program.run("-f", "-", "--format", "txt", "-s", 7, stdin="a cat\r\n\r\n“蓝”".encode())
    assert [str(path) for path in result.paths] == ["00001-a-cat.png", "00002-蓝.png"]
    assert program.run("-f", "-").error.startswith("--file -: the name does not tell the format")


def test_all_errors_are_listed_with_their_lines(program: Program) -> None:
    file = write(
        program,
        "p.jsonl",
        '{"prompt": 3}\n{"prompt": "a", "stps": 3}\n{"prompt": "a", "steps": 0}\n\n{"prompt": "fine"}\n'
        '{"prompt": "a", "prompt": "b"}\nnope\n{"prompt": "a", "output": "../a.png"}\n{"prompt": "a", "width": 17}\n',
    )
    errors = refused(program, "-f", file)
    assert [error.split(": ")[0] for error in errors] == [
        *(f"p.jsonl:{line}" for line in (1, 2, 3, 6, 7, 9, 8)),
        "p.jsonl",
    ]
    assert "did you mean 'steps'?" in errors[1]
    assert errors[-1] == "p.jsonl: 7 errors; nothing was drawn"


def test_a_long_list_of_errors_is_cut(program: Program) -> None:
    errors = refused(program, "-f", write(program, "p.jsonl", "x\n" * 1000))
    assert len(errors) == 51
    assert errors[-1] == "p.jsonl: 1000 errors, the first 50 are listed; nothing was drawn"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.txt", "", "p.txt: there is no prompt in it"),
        ("p.txt", b"\xff\xfea\x00", "p.txt:1: this is UTF-16; convert the file to UTF-8, with iconv for instance"),
        ("p.csv", 'prompt\n"a\n', "p.csv:2: a quote is not closed before the end of the file"),
        (
            "p.tsv",
            "steps\n3\n",
            'p.tsv:1: the header line names no column "prompt"; say which one to read, with --column prompt=NAME',
        ),
        (
            "p.txt",
            "--prompt a --stesp 3",
            "p.txt:1: unknown switch \"--stesp\"; did you mean 'steps'? (--extra-keys pass lets it through)",
        ),
    ],
)
def test_a_single_error_is_one_line(program: Program, name: str, content: str | bytes, message: str) -> None:
    assert refused(program, "-f", write(program, name, content)) == [message]


def test_what_does_not_go_with_a_file_is_refused(program: Program) -> None:
    file = write(program, "p.txt", "a\nb\n")
    assert program.run("x", "-f", file).code == 64
    assert program.run("-f", file, "-o", "-").code == 64
    assert program.run("-f", file, "--layout", "geneval", "-o", "x.png").code == 64
    assert program.run("-f", "missing.txt").code == 66
    assert program.files() == ["p.txt"]


def test_two_lines_that_want_one_name_are_both_named(program: Program) -> None:
    file = write(program, "p.txt", "a cat\nA cat!\n")
    (error,) = refused(program, "-f", file, "-o", "{prompt}.png")
    assert error.startswith("p.txt:2: its picture would be written to a-cat.png, as would one of line 1; ")


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{index:03}_{id}_{image}.png", "001_a_b_0.png"),
        ("{prompt:.9}.png", "two-red.png"),
        ("{text}.png", "Two_red apples_.png"),
        ("{width}x{height}-{steps}-{guidance}-{sampler}-{model}.png", "16x16-4-1-ddim-toy-noise.png"),
        ("{{{seed}}}/{item}.png", "{7}/0.png"),
        ("{id}/{picture:02}.png", "a_b/00.png"),
    ],
)
def test_templates_name_the_files(program: Program, template: str, name: str) -> None:
    file = write_lines(program, "p.jsonl", {"prompt": "Two/red apples.", "id": "a/b"})
    (record,) = planned(program, "-f", file, "-o", f"out/{template}")
    assert record["path"] == f"out/{name}"


@pytest.mark.parametrize(
    "template", ["{index:}", "{prompt:40}", "{prompt:.0}", "{prompt:.900}", "{idx}", "{", "}", "{index:.4}"]
)
def test_templates_that_make_no_sense_are_refused(program: Program, template: str) -> None:
    assert program.run("a", "-o", f"{template}.png").error.startswith("--output: ")


@pytest.mark.parametrize(
    "text", ["..", "../../x", "/etc/x", "CON", "nul.a", "a\u202eb", "a\x07b", ".", "-rf", "x" * 300, "蓝" * 200, "~"]
)
def test_no_id_leads_out_of_the_folder(program: Program, text: str) -> None:
    file = write_lines(program, "p.jsonl", {"prompt": text, "id": text})
    for template in ("{id}.png", "{id}/{id}.png", "{text}.png"):
        (record,) = planned(program, "-f", file, "-o", f"out/{template}")
        path = Path(record["path"])
        assert path.parts[0] == "out"
        assert ".." not in path.parts
        assert all(len(part.encode()) <= 255 and part.isprintable() for part in path.parts)
        assert not any(part.lower().split(".")[0] in ("con", "nul") for part in path.parts)


def test_a_line_may_name_its_file(program: Program) -> None:
    file = write_lines(program, "p.jsonl", {"prompt": "a", "output": "x/{seed}.png", "count": 2}, {"prompt": "b"})
    records = planned(program, "-f", file, "-o", "out/")
    assert [r["path"] for r in records] == ["out/x/7.png", "out/x/8.png", "out/00003-b.png"]


GENEVAL = (
    '{"tag": "single_object", "include": [{"class": "bench", "count": 1}], "prompt": "a photo of a bench"}\n'
    '{"tag": "colors", "include": [{"class": "cup", "count": 1, "color": "red"}], "prompt": "a photo of a red cup"}'
)
PARTI = (
    "Prompt\tCategory\tChallenge\tNote\r\n"
    'a sign that says "Deep Learning"\tAbstract\tWriting & Symbols\t\r\n'
    f"{'a very long prompt ' * 20}end\tWorld Knowledge\tComplex\r\n"
    '"unbalanced\tArts\tBasic\tx'
)
T2I = 'a green bench and a blue bowl\r\na book with a "red" cover\r\n' + "x, " * 129 + "xx"


def test_the_files_of_benchmarks_are_read_as_they_are(program: Program) -> None:
    geneval = planned(program, "-f", write(program, "g.jsonl", GENEVAL), "--extra-keys", "pass")
    assert [r["extra"]["tag"] for r in geneval] == ["single_object", "colors"]
    parti = planned(program, "-f", write(program, "p.tsv", PARTI), "--extra-keys", "pass")
    assert [r["prompt"][:12] for r in parti] == ["a sign that ", "a very long ", '"unbalanced']
    t2i = planned(program, "-f", write(program, "t.txt", T2I))
    assert [len(r["prompt"]) for r in t2i] == [29, 25, 389]
    assert "unknown key" in refused(program, "-f", "g.jsonl")[0]


def test_layouts_are_those_of_the_evaluators(program: Program) -> None:
    write(program, "g.jsonl", GENEVAL)
    result = program.run("-f", "g.jsonl", "--extra-keys", "pass", "-n", 2, "--layout", "geneval", "-o", "g/", "-q")
    assert result.code == 0, result.err
    assert [name for name in program.files() if name.startswith("g/0")] == [
        f"g/{item}/{name}"
        for item in ("00000", "00001")
        for name in ("metadata.jsonl", "samples/0000.png", "samples/0001.png")
    ]
    for i, line in enumerate(GENEVAL.splitlines()):
        assert json.loads((program.folder / f"g/0000{i}/metadata.jsonl").read_text()) == json.loads(line)
    records = planned(program, "-f", write(program, "t.txt", T2I), "--layout", "t2i-compbench", "-o", "t/")
    assert records[0]["path"] == "t/samples/a green bench and a blue bowl_000000.png"
    assert records[2]["path"] == "t/samples/" + ("x, " * 129)[:239] + "__000002.png"
    assert len(Path(records[2]["path"]).name) <= 255


def test_the_schema_is_about_the_numbers_that_are_taken(program: Program) -> None:
    properties = json.loads((ROOT / "share" / "prompt-line.schema.json").read_text())["properties"]
    sampler = {
        "solver_order": "lms",
        "s_churn": "euler",
        "s_noise": "euler",
        "snr": "langevin",
        "corrector_steps": "langevin",
    }
    lines = []
    for key, rule in properties.items():
        for bound, step in (("minimum", -1), ("maximum", 1)):
            if bound in rule:
                lines.append({"prompt": "a", "sampler": sampler.get(key, "ddim"), key: rule[bound] + step})
    errors = refused(program, "-f", write_lines(program, "p.jsonl", *lines))
    assert len(errors) == len(lines) + 1, errors
    assert all("out of range" in error for error in errors[:-1] if "clip" not in error), errors


def test_a_large_file_is_checked_in_no_time(program: Program) -> None:
    import resource

    lines = ({"prompt": f"a photo of cat {i}", "seed": i, "id": i} for i in range(20000))
    file = write_lines(program, "p.jsonl", *lines, {"prompt": "a", "output": "00001-a-photo-of-cat-0.png"})
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    (error,) = refused(program, "-f", file)
    assert error.startswith("p.jsonl:20001: its picture would be written to 00001-")
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 2
