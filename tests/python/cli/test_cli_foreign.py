"""Pictures and texts of other programs: --show, --from, --verify, and AUTOMATIC1111's lines as prompts."""

import json
from pathlib import Path
from typing import Any

import pytest
from cli_program import Program, Result
from PIL import Image
from PIL.PngImagePlugin import PngInfo

INFOTEXT = (
    "a red apple\nNegative prompt: blurry, text\nSteps: 3, Sampler: Euler a, CFG scale: 2.5, Seed: 2842213961, "
    "Size: 24x8, Model hash: 6ce0161689, Model: v1-5, Version: v1.9.4"
)
GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 18446744073709551615,
            "steps": 3,
            "cfg": 2.5,
            "sampler_name": "euler",
            "scheduler": "karras",
            "denoise": 1.0,
            "positive": ["6", 0],
            "model": ["10", 0],
        },
    },
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red apple"}},
    "10": {"class_type": "LoraLoader", "inputs": {"lora_name": "ink.safetensors", "strength_model": 0.8}},
}


def write_picture(program: Program, name: str = "x.png", **texts: str) -> Path:
    info = PngInfo()
    for keyword, text in texts.items():
        info.add_text(keyword, text)
    path = program.folder / name
    Image.new("RGB", (16, 16), (1, 2, 3)).save(path, pnginfo=info)
    return path


def plan(program: Program, *arguments: object, **options: Any) -> tuple[list[dict[str, Any]], Result]:
    result = program.run(*arguments, "--dry-run", "--json", **options)
    assert result.code == 0, result.err
    return result.records, result


def settings(record: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(record.get(name) for name in names)


def test_from_draws_with_the_settings_of_automatic1111(program: Program) -> None:
    write_picture(program, parameters=INFOTEXT)
    (record,), result = plan(program, "--from", "x.png")
    names = ("prompt", "negative", "steps", "sampler", "guidance", "seed", "width", "height")
    expected = ("a red apple", "blurry, text", 3, "euler_a", 2.5, 2842213961, 24, 8)
    assert settings(record, *names) == expected
    assert "settings of AUTOMATIC1111 v1.9.4" in result.err
    for unfollowed in ("Model v1-5", "Model hash 6ce0161689", "RNG"):
        assert unfollowed in result.err
    assert program.run("--from", "x.png", "-o", "y.png").code == 0
    options = [
        "-N",
        "blurry, text",
        "--steps",
        3,
        "--sampler",
        "euler_a",
        "-g",
        2.5,
        "-s",
        2842213961,
        "--size",
        "24x8",
    ]
    assert program.run("a red apple", *options, "-o", "z.png").code == 0
    assert (program.folder / "y.png").read_bytes() == (program.folder / "z.png").read_bytes()


def test_from_follows_a_graph_of_comfyui(program: Program) -> None:
    write_picture(program, prompt=json.dumps(GRAPH), workflow='{"nodes": []}')
    (record,), result = plan(program, "--from", "x.png")
    names = ("prompt", "steps", "sampler", "schedule", "guidance", "seed")
    assert settings(record, *names) == ("a red apple", 3, "euler", "karras", 2.5, 18446744073709551615)
    assert "lora_name ink.safetensors (0.8)" in result.err


def test_options_override_the_settings_of_another_program(program: Program) -> None:
    write_picture(program, parameters=INFOTEXT)
    options = ("--from", "x.png", "--seed", 8, "-W", 16, "--sampler", "heun", "a pear")
    (record,), _ = plan(program, *options, env={"TXT2IMG_STEPS": "9"})
    names = ("prompt", "seed", "width", "height", "sampler", "steps", "negative")
    assert settings(record, *names) == ("a pear", 8, 16, 8, "heun", 3, "blurry, text")


def test_a_setting_that_the_model_cannot_follow_is_named(program: Program) -> None:
    text = INFOTEXT.replace("Euler a", "DPM fast").replace("24x8", "24x9") + ", Clip skip: 99"
    write_picture(program, parameters=text)
    (record,), result = plan(program, "--from", "x.png")
    assert settings(record, "width", "height", "sampler") == (16, 16, "ddim")
    for words in (
        "Sampler DPM fast is not followed",
        "the nearest is 'dpmpp_2s'",
        "Size 9 is not followed",
        "Clip skip 99",
    ):
        assert words in result.err


def test_show_says_what_another_program_wrote(program: Program) -> None:
    write_picture(program, parameters=INFOTEXT)
    shown = program.run("--show", "x.png")
    assert shown.code == 0
    text = shown.out.decode()
    for line in ("prompt            a red apple\n", "seed              2842213961\n", "sampler           euler_a\n"):
        assert line in text
    assert "not followed      Model: v1-5\n" in text
    assert "another program wrote (AUTOMATIC1111 v1.9.4)" in shown.err
    (record,) = program.run("--show", "x.png", "--json").records
    assert record["program"] == "AUTOMATIC1111 v1.9.4"
    assert settings(record["settings"], "seed", "guidance", "negative") == (2842213961, 2.5, "blurry, text")
    assert {"name": "Model", "value": "v1-5"} in record["not_followed"]
    assert record["texts"]["parameters"] == INFOTEXT


def test_show_prints_the_texts_of_a_program_that_nobody_knows(program: Program) -> None:
    write_picture(program, Comment="made \x1b[31m by hand", Software="Brush")
    shown = program.run("--show", "x.png")
    assert shown.code == 0
    assert b"Comment:\n  made \\x1b[31m by hand\nSoftware:\n  Brush\n" in shown.out
    (record,) = program.run("--show", "x.png", "--json").records
    assert record["program"] is None
    assert record["texts"]["Software"] == "Brush"
    refused = program.run("--from", "x.png")
    assert refused.code == 65
    assert "its texts (Comment, Software) say nothing" in refused.error


@pytest.mark.parametrize("option", ["--show", "--from", "--verify"])
def test_a_picture_without_any_text_is_refused(program: Program, option: str) -> None:
    write_picture(program)
    result = program.run(option, "x.png")
    assert result.code == 65
    assert "no record" in result.error


def test_verify_says_whose_picture_it_is(program: Program) -> None:
    write_picture(program, parameters=INFOTEXT)
    result = program.run("--verify", "x.png")
    assert result.code == 65
    assert "one of AUTOMATIC1111 v1.9.4, which txt2img cannot draw again bit for bit" in result.error


def test_packed_texts_and_exif_comments_are_read(program: Program) -> None:
    info = PngInfo()
    info.add_text("parameters", INFOTEXT, zip=True)
    Image.new("RGB", (8, 8)).save(program.folder / "packed.png", pnginfo=info)
    info = PngInfo()
    info.add_itxt("parameters", INFOTEXT.replace("apple", "苹果"), zip=True)
    Image.new("RGB", (8, 8)).save(program.folder / "international.png", pnginfo=info)
    exif = Image.Exif()
    exif[0x8769] = {0x9286: b"UNICODE\0" + INFOTEXT.encode("utf-16-be")}
    Image.new("RGB", (8, 8)).save(program.folder / "exif.png", exif=exif)
    for name, prompt in (
        ("packed.png", "a red apple"),
        ("international.png", "a red 苹果"),
        ("exif.png", "a red apple"),
    ):
        (record,), _ = plan(program, "--from", name)
        assert settings(record, "prompt", "seed") == (prompt, 2842213961)


# --- AUTOMATIC1111's lines as prompts


def test_its_lines_in_a_text_file_are_one_request(program: Program) -> None:
    text = (
        "a pear\na plum\n\n" + INFOTEXT + "\n\na cat,\non a mat\nSteps: 2, Seed: -1\n\n\na dog\nNegative prompt: fog\n"
    )
    (program.folder / "p.txt").write_text(text)
    records, result = plan(program, "-f", "p.txt", "-s", 7, "-o", "out/")
    assert [record["prompt"] for record in records] == ["a pear", "a plum", "a red apple", "a cat,\non a mat", "a dog"]
    assert [record["seed"] for record in records][:3] == [7, 7, 2842213961]
    assert settings(records[2], "negative", "steps", "width", "height") == ("blurry, text", 3, 24, 8)
    assert settings(records[4], "negative", "seed") == ("fog", 7)
    assert "p.txt:4: drawn as far as the settings of AUTOMATIC1111 v1.9.4 are known here" in result.err
    assert "p.txt:8: the lines above the settings are one prompt" in result.err


def test_requests_that_follow_each_other_need_no_blank_line_after_their_settings(program: Program) -> None:
    (program.folder / "p.txt").write_text((INFOTEXT + "\n") * 3)
    records, result = plan(program, "-f", "p.txt", "-o", "out/")
    assert [record["prompt"] for record in records] == ["a red apple"] * 3
    assert "(and 2 more)" in result.err


def test_they_are_one_request_on_standard_input_and_pasted(program: Program) -> None:
    (piped,), _ = plan(program, "-f", "-", "--format", "txt", stdin=INFOTEXT.encode())
    (read,), _ = plan(program, "-", stdin=INFOTEXT.encode() + b"\n")
    (pasted,), result = plan(program, INFOTEXT)
    (overridden,), _ = plan(program, INFOTEXT, "--seed", 5, "--size", "8x8")
    for record in (piped, read, pasted):
        names = ("prompt", "negative", "seed", "steps", "width")
        assert settings(record, *names) == ("a red apple", "blurry, text", 2842213961, 3, 24)
    assert "the prompt: drawn as far as the settings of AUTOMATIC1111" in result.err
    assert settings(overridden, "seed", "width", "height", "steps") == (5, 8, 8, 3)
    assert program.run(INFOTEXT, "a pear").code == 64


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a cat\n\nSteps: 20, Sampler: Euler a\n", "p.txt:3: settings as AUTOMATIC1111 writes them, without a prompt"),
        ("Negative prompt: fog\n", "p.txt:1: settings as AUTOMATIC1111 writes them, without a prompt"),
        ("a cat\nNegative prompt: fog\na dog\n", "p.txt:1: is what follows 'Negative prompt: ...' part of it?"),
        (
            "a cat\nNegative prompt: a\na dog\nNegative prompt: b\n",
            "p.txt:1: the request has two lines 'Negative prompt",
        ),
    ],
)
def test_what_could_be_meant_in_two_ways_is_refused_by_line(program: Program, text: str, words: str) -> None:
    (program.folder / "p.txt").write_text(text)
    result = program.run("-f", "p.txt", "-o", "out/")
    assert result.code == 65
    assert words in result.error


def test_a_stream_takes_each_line_for_itself(program: Program) -> None:
    arguments = ("-f", "-", "--format", "txt", "--stream", "-o", "out/", "-s", 7)
    result = program.run(*arguments, stdin=b"a cat\nSteps: 20, Sampler: Euler a\n")
    assert result.code == 1
    assert [record["status"] for record in result.records] == ["done", "failed"]


def test_seeds_go_up_to_the_last_that_torch_takes(program: Program) -> None:
    last = 2**64 - 1
    assert program.run("x", "-s", last, "-o", "{seed}.png").code == 0
    (record,), _ = plan(program, "--from", f"{last}.png")
    assert record["seed"] == last
    assert json.loads(program.run("--show", f"{last}.png", "--json").out)["settings"]["seed"] == last
    (program.folder / "p.jsonl").write_text(json.dumps({"prompt": "x", "seed": last}))
    assert program.run("-f", "p.jsonl", "-o", "out/").code == 0
    assert f'"seed":{last},' in (program.folder / "out" / "manifest.jsonl").read_text()
    for arguments in (("-s", last + 1), ("-s", last, "-n", 2), ("-s", -1)):
        assert program.run("x", *arguments, "-o", "y.png").code == 64
