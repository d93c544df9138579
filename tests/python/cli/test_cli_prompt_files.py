"""Prompt files of other tools: documents, folders, several of them, columns, and what is said of their texts."""

import json

import pytest
from cli_program import Program


def write(program: Program, name: str, content: str) -> str:
    path = program.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return name


def planned(program: Program, *arguments: object) -> list[dict]:
    result = program.run("--dry-run", "--json", "-s", 7, *arguments)
    assert result.code == 0, result.err
    return result.records


def test_a_document_is_a_list_of_texts_or_objects(program: Program) -> None:
    file = write(program, "p.json", '["a cat",\n {"prompt": "a dog", "num_inference_steps": 3}]')
    records = planned(program, "-f", file)
    assert [(r["line"], r["prompt"], r["steps"]) for r in records] == [(1, "a cat", 4), (2, "a dog", 3)]


def test_the_keys_of_a_document_are_ids(program: Program) -> None:
    file = write(
        program, "p.json", json.dumps({"00000": {"prompt": "a cat"}, "x": "a dog", "y": {"id": 9, "prompt": "c"}})
    )
    records = planned(program, "-f", file, "-o", "{id}.png")
    assert [(r["id"], r["path"]) for r in records] == [("00000", "00000.png"), ("x", "x.png"), (9, "9.png")]


def test_a_document_that_is_wrong_is_refused_by_line(program: Program) -> None:
    file = write(
        program, "p.json", '{"a": {"prompt": "a cat"},\n "b": {"prompt": 3},\n "c": {"class_type": "KSampler"}}'
    )
    result = program.run("-f", file)
    assert result.code == 65
    lines = result.err.splitlines()
    assert lines[0] == "txt2img: error: p.json:2: prompt must be a text"
    assert lines[1] == 'txt2img: error: p.json:3: the key "prompt" is missing'
    lines = program.run("-f", write(program, "q.json", '{"prompt": "a"}\n{"prompt": "b"}')).error
    assert lines.startswith("q.json: wrong file: not JSON at line 2")
    assert "--format jsonl" in lines


def test_a_folder_of_texts_names_its_pictures_after_them(program: Program) -> None:
    write(program, "dpg/256.txt", "a blue cat\non a chair\n")
    write(program, "dpg/1.txt", "a red truck")
    write(program, "dpg/x.png", "no text")
    write(program, "dpg/.hidden.txt", "nothing")
    records = planned(program, "-f", "dpg", "-o", "out/")
    assert [(r["path"], r["prompt"], r["id"]) for r in records] == [
        ("out/1.png", "a red truck", "1"),
        ("out/256.png", "a blue cat\non a chair", "256"),
    ]
    assert records[0]["file"] == "dpg/1.txt"
    paths = [r["path"] for r in planned(program, "-f", "dpg/", "-o", "out/", "-n", 2)]
    assert paths == ["out/1-0.png", "out/1-1.png", "out/256-0.png", "out/256-1.png"]
    result = program.run("-f", "dpg", "-s", 7, "-o", "out/")
    assert result.code == 0, result.err
    assert "out/256.png" in program.files()


def test_what_is_wrong_in_a_folder_is_refused_or_named(program: Program) -> None:
    write(program, "dpg/1.txt", "\n")
    write(program, "dpg/2.txt", '"a cat" -s 0')
    assert [line.split(": ")[2] for line in program.run("-f", "dpg").err.splitlines()[:2]] == [
        "dpg/1.txt",
        "dpg/2.txt:1",
    ]
    (program.folder / "empty").mkdir()
    assert program.run("-f", "empty").error.startswith("empty: there is no .txt file in the folder")
    write(program, "two/1.txt", "a cat")
    write(program, "two/more.jsonl", "{}")
    result = program.run("-f", "two", "--dry-run")
    assert result.code == 0
    assert 'two: of a folder only the .txt files are read; left alone: "more.jsonl"' in result.err


def test_several_files_are_drawn_in_their_order(program: Program) -> None:
    one = write(program, "one.txt", "a cat\n\na dog\n")
    two = write(program, "two.jsonl", '{"prompt": "a fish"}\n')
    arguments = ["-f", one, "-f", two, "-o", "out/"]
    records = planned(program, *arguments)
    assert [(r["file"], r["line"], r["path"]) for r in records] == [
        ("one.txt", 1, "out/00001-a-cat.png"),
        ("one.txt", 3, "out/00002-a-dog.png"),
        ("two.jsonl", 1, "out/00003-a-fish.png"),
    ]
    assert program.run(*arguments, "-s", 7).code == 0
    resumed = program.run(*arguments, "--resume", "--json")
    assert resumed.code == 0
    assert {record["status"] for record in resumed.records} == {"skipped"}
    assert program.run("-f", one, "--verify", "out/", "-f", two, "-s", 7).code == 0


def test_errors_of_several_files_are_told_apart(program: Program) -> None:
    one = write(program, "one.txt", "a cat\n--steps\n")
    two = write(program, "two.txt", "a cat\n")
    lines = program.run("-f", one, "-f", two, "-f", two, "-o", "{prompt}.png", "-s", 7).err.splitlines()
    assert lines[0].startswith("txt2img: error: one.txt:2: --steps needs a value")
    assert "two.txt:1: its picture would be written to a-cat.png, as would one of one.txt:1" in lines[1]
    assert lines[-1] == "txt2img: error: one.txt and 2 more: 3 errors; nothing was drawn"
    assert program.run("-f", "-", "-f", "-", "--format", "txt").code == 64


def test_columns_are_read_as_they_are_told(program: Program) -> None:
    file = write(program, "coco.tsv", "image_id\tcaption\theight\twidth\n227\ta city\t480\t640\n")
    (record,) = planned(program, "-f", file, "--extra-keys", "pass", "--column", "height=", "--column", "width=")
    assert (record["prompt"], record["width"], record["extra"]) == ("a city", 16, {"image_id": "227"})
    file = write(program, "p.jsonl", '{"prompt": "eine Katze", "prompt_en": "a cat"}\n')
    (record,) = planned(program, "-f", file, "--column", "prompt=prompt_en")
    assert record["prompt"] == "a cat"
    for column, code in (("seed=sed", 65), ("promt=x", 64), ("prompt", 64)):
        assert program.run("-f", file, "--column", column).code == code
    assert program.run("a cat", "--column", "prompt=x").code == 64
    assert program.run("-f", file, "--column", "prompt=a", "--column", "prompt=b").code == 64


def test_a_text_in_another_syntax_is_named_once(program: Program) -> None:
    file = write(program, "p.txt", "a cat\na (red:1.4) cat\n<lora:ink:1> x\n")
    result = program.run("-f", file, "--dry-run")
    assert result.code == 0
    assert result.err == (
        'txt2img: warning: p.txt:2: the text has "(red:1.4)", which other programs read as more than text; '
        "it is drawn as text (so are 1 more)\n"
    )
    assert "((red))" in program.run("a ((red)) cat", "--dry-run").err
    assert "(grey:1.2)" in program.run("a cat", "-N", "(grey:1.2)", "-g", 2, "--dry-run").err
    assert program.run("a red apple (on a table, at 12:30)", "--dry-run").err == ""


def test_comments_are_left_out_and_named(program: Program) -> None:
    file = write(program, "p.txt", "# my prompts\n// evening run\na cat\n")
    result = program.run("-f", file, "--dry-run", "--json")
    assert [record["prompt"] for record in result.records] == ["a cat"]
    assert result.err.startswith("txt2img: warning: p.txt:1: lines that begin with '# ' or '//' are comments")
    stream = program.run("-f", "-", "--format", "txt", "--stream", "-o", "out/", stdin=b"# x\na cat\n")
    assert len(stream.records) == 1
    assert "are comments" in stream.err


@pytest.mark.parametrize("format", ["txt", "jsonl", "csv"])
def test_a_text_in_utf16_is_one_error(program: Program, format: str) -> None:
    (program.folder / f"p.{format}").write_bytes("a\nb\nc\n".encode("utf-16"))
    assert "this is UTF-16" in program.run("-f", f"p.{format}").error
