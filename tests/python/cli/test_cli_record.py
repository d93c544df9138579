"""What a picture says about itself: --show, --from and --verify."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_program import Program
from PIL import Image
from PIL.PngImagePlugin import PngInfo


def draw(program: Program, *arguments: object, name: str = "x.png") -> Path:
    result = program.run(*arguments, "-o", name, "-q")
    assert result.code == 0, result.err
    return program.folder / name


def write_picture(path: Path, **texts: str) -> None:
    info = PngInfo()
    for keyword, text in texts.items():
        info.add_text(keyword, text)
    Image.new("RGB", (16, 16), (1, 2, 3)).save(path, pnginfo=info)


def test_show_prints_the_record_for_people_and_for_programs(program: Program) -> None:
    draw(program, "a red apple", "-s", 7, "-N", "fog", "-g", 2)
    text = program.run("--show", "x.png")
    assert text.code == 0
    for words in ("a red apple", "fog", "seed              7", "toy-noise", "ddim"):
        assert words in text.out.decode()
    record = json.loads(program.run("--show", "x.png", "--json").out)
    assert record["model"] == "toy-noise" or record["model"]["name"] == "toy-noise"
    assert "a red apple" in json.dumps(record)


def test_show_escapes_what_a_picture_says(program: Program) -> None:
    draw(program, "red \x1b[31m")
    assert b"\x1b" not in program.run("--show", "x.png").out
    write_picture(program.folder / "other.png", parameters="apple \x1b[31m\nSteps: 20")
    shown = program.run("--show", "other.png")
    assert b"\x1b" not in shown.out
    assert b"Steps: 20\n" in shown.out
    assert "another program" in shown.err


@pytest.mark.parametrize("option", ["--show", "--from", "--verify"])
@pytest.mark.parametrize(
    ("content", "code"),
    [(None, 66), (b"", 65), (b"no picture", 65), ("plain", 65), ("broken record", 65)],
)
def test_a_picture_without_a_sound_record_is_refused(
    program: Program, option: str, content: bytes | str | None, code: int
) -> None:
    path = program.folder / "bad.png"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "plain":
        write_picture(path)
    elif content == "broken record":
        write_picture(path, txt2img='{"format": "txt2img-record"')
    result = program.run(option, "bad.png", "-o", "new.png")
    assert result.code == code, result.err
    assert "bad.png" in result.error
    assert not (program.folder / "new.png").exists()


def test_from_draws_the_same_file_again(program: Program) -> None:
    settings = ["-s", 7, "-N", "fog", "-g", 2, "--steps", 3, "--size", "24x8", "--sampler", "euler_a"]
    first = draw(program, "a red apple", *settings)
    second = draw(program, "--from", "x.png", name="y.png")
    assert first.read_bytes() == second.read_bytes()


def test_other_options_override_the_record(program: Program) -> None:
    draw(program, "a red apple", "-s", 7, "--steps", 3, "-N", "fog")
    again = program.run("--from", "x.png", "--dry-run", "--json", "--seed", 8, "a pear").records
    assert [(r["prompt"], r["seed"], r["steps"], r["negative"]) for r in again] == [("a pear", 8, 3, "fog")]


def test_parameters_of_the_sampler_are_drawn_again(program: Program) -> None:
    arguments = ("x", "-s", 3, "--sampler", "euler", "--schedule", "karras", "--s-churn", 6, "--rho", 4)
    picture = draw(program, *arguments)
    assert draw(program, "--from", "x.png", name="again.png").read_bytes() == picture.read_bytes()
    shown = program.run("--show", "x.png").out.decode()
    assert "s churn           6\n" in shown and "rho               4\n" in shown
    assert "Sigma churn: 6" in Image.open(picture).text["parameters"]
    plain = draw(program, *arguments[:-4], name="plain.png")
    assert plain.read_bytes() != picture.read_bytes()


def test_lists_of_levels_are_drawn_again(program: Program) -> None:
    picture = draw(program, "x", "-s", 3, "--sampler", "euler", "--sigmas", "9,2.5,0.1,0")
    assert draw(program, "--from", "x.png", name="again.png").read_bytes() == picture.read_bytes()
    assert "sigmas            9,2.5,0.1,0\n" in program.run("--show", "x.png").out.decode()
    longer = program.run("--from", "x.png", "--steps", 6, "--dry-run", "--json").records[0]
    assert longer["steps"] == 6 and "sigmas" not in longer


def test_another_sampler_takes_none_of_the_recorded_ones_parameters(program: Program) -> None:
    draw(program, "x", "-s", 3, "--sampler", "euler", "--s-churn", 6)
    other = program.run("--from", "x.png", "--sampler", "heun", "--dry-run", "--json").records[0]
    assert other["sampler"] == "heun" and "s_churn" not in other


def test_the_record_beats_environment_and_file(program: Program) -> None:
    draw(program, "a red apple", "--steps", 3)
    (record,) = program.run("--from", "x.png", "--dry-run", "--json", env={"TXT2IMG_STEPS": "9"}).records
    assert record["steps"] == 3


def test_from_finds_the_model_that_drew_the_picture(program: Program, toy) -> None:
    draw(program, "ab", "-m", toy("mean"))
    # Another model is chosen in the environment, the right one is known by its hash.
    models = toy("mean").parent
    result = program.run("--from", "x.png", "-o", "y.png", env={"TXT2IMG_MODELS": str(models)})
    assert (result.code, "warning" in result.err) == (0, False), result.err
    assert (program.folder / "x.png").read_bytes() == (program.folder / "y.png").read_bytes()


def test_from_with_another_model_is_pointed_out(program: Program, toy) -> None:
    draw(program, "ab")
    result = program.run("--from", "x.png", "-m", toy("mean"), "-o", "y.png")
    assert result.code == 0
    assert "drawn with another model (toy-noise" in result.err


def test_the_record_of_a_picture_leads_to_no_model_in_the_current_folder(program: Program, toy) -> None:
    draw(program, "ab", "-m", toy("mean"))
    (program.folder / "models").mkdir()
    (program.folder / "models" / "toy-mean").symlink_to(toy("mean"))
    result = program.run("--from", "x.png", "--dry-run")
    assert result.code == 0
    assert "drawn with another model" in result.err


def test_verify_says_same_and_writes_nothing(program: Program) -> None:
    draw(program, "a red apple", "-s", 7)
    result = program.run("--verify", "x.png", "--progress", "none")
    assert (result.code, result.out.decode(), result.err) == (0, "x.png: same\n", "")
    assert program.files() == ["x.png"]


def test_verify_says_by_how_much_and_from_which_stage_on_a_picture_differs(program: Program) -> None:
    draw(program, "a red apple", "-s", 7)
    result = program.run("--verify", "x.png", "--seed", 8, "--json", "--progress", "none")
    (verdict,) = result.records
    assert result.code == 1
    assert (verdict["status"], verdict["stage"]) == ("different", "noise")
    assert verdict["pixels"] > 0
    assert verdict["largest"] > 0
    for option, stage in ((["a pear"], "ids"), (["--steps", "2"], "latent")):
        assert program.run("--verify", "x.png", "--json", *option).records[0]["stage"] == stage


def test_the_tolerance_is_in_levels_of_a_channel(program: Program) -> None:
    path = draw(program, "a red apple", "-s", 7, "--no-metadata")
    with Image.open(path) as image:
        image.putpixel((3, 4), tuple(value + 2 if value < 250 else value - 2 for value in image.getpixel((3, 4))))
        image.save(path)
    arguments = ["--verify", "x.png", "a red apple", "-s", 7, "--progress", "none"]
    strict = program.run(*arguments)
    assert (strict.code, strict.out.decode()) == (1, "x.png: differs: 1 of 256 pixels, by at most 2 (tolerance 0)\n")
    assert program.run(*arguments, "--tolerance", 1).code == 1
    assert program.run(*arguments, "--tolerance", 2).code == 0


def test_a_picture_of_another_size_differs(program: Program) -> None:
    draw(program, "x")
    result = program.run("--verify", "x.png", "--size", "8x8", "--progress", "none")
    assert (result.code, result.out.decode()) == (1, "x.png: differs: it is 16x16, drawn again it is 8x8\n")


def test_verify_writes_nothing_only_because_a_name_is_configured(program: Program) -> None:
    draw(program, "x", "-s", 7)
    assert program.run("--verify", "x.png", env={"TXT2IMG_OUTPUT": "y.png"}).code == 0
    assert program.files() == ["x.png"]


def test_verify_can_keep_what_it_drew(program: Program) -> None:
    path = draw(program, "x", "-s", 7)
    assert program.run("--verify", "x.png", "-o", "again.png").code == 0
    assert (program.folder / "again.png").read_bytes() == path.read_bytes()


def test_a_changed_picture_is_told_from_a_changed_program(program: Program) -> None:
    path = draw(program, "a red apple", "-s", 7)
    with Image.open(path) as image:
        texts = dict(image.text)
        image.putpixel((0, 0), (0, 255, 0))
        info = PngInfo()
        info.add_itxt("txt2img", texts["txt2img"])
        image.save(path, pnginfo=info)
    result = program.run("--verify", "x.png")
    assert result.code == 1
    assert "was changed after it was drawn" in result.err
    assert "stage" not in result.out.decode()


def rewrite_record(path: Path, change: Callable[[dict], None]) -> None:
    """The same pixels with another record."""
    with Image.open(path) as image:
        record = json.loads(image.text["txt2img"])
        change(record)
        info = PngInfo()
        info.add_itxt("txt2img", json.dumps(record))
        image.save(path, pnginfo=info)


def test_the_record_tells_of_the_machine(program: Program) -> None:
    draw(program, "x", "-s", 7)
    shown = program.run("--show", "x.png").out.decode()
    machine = next(line for line in shown.splitlines() if line.startswith("machine "))
    assert machine.split(maxsplit=1)[1].startswith("1 thread, ") and ", LibTorch 2." in machine


def test_verify_names_both_machines_and_the_way_to_allow_their_rounding(program: Program) -> None:
    path = draw(program, "a red apple", "-s", 7)
    rewrite_record(path, lambda record: record["machine"].update(threads=48, instructions="AVX2"))
    assert program.run("--verify", "x.png", "--progress", "none").out == b"x.png: same\n"
    with Image.open(path) as image:
        texts = dict(image.text)
        pixel = image.getpixel((3, 4))
        image.putpixel((3, 4), tuple(value + 1 if value < 250 else value - 1 for value in pixel))
        info = PngInfo()
        info.add_itxt("txt2img", texts["txt2img"])
        image.save(path, pnginfo=info)
    said = program.run("--verify", "x.png", "--progress", "none").out.decode()
    assert "; drawn with 48 threads, AVX2, LibTorch " in said
    assert ", here 1 thread, " in said and said.endswith("allow it with --tolerance 1\n")
    assert program.run("--verify", "x.png", "--tolerance", 1).code == 0


def test_a_record_of_old_names_no_machine_and_has_the_same_key(program: Program) -> None:
    (program.folder / "apple.txt").write_text("a red apple\n")
    arguments = ("-f", "apple.txt", "-s", 7, "-o", "x.png", "--resume", "--json", "--progress", "none")
    assert [record["status"] for record in program.run(*arguments).records] == ["done"]
    rewrite_record(program.folder / "x.png", lambda record: record.pop("machine"))
    assert "machine" not in program.run("--show", "x.png").out.decode()
    result = program.run(*arguments)
    assert [record["status"] for record in result.records] == ["skipped"], result.err


def test_levers_that_are_not_the_default_are_another_job(program: Program) -> None:
    (program.folder / "apple.txt").write_text("a red apple\n")
    arguments = ("-f", "apple.txt", "-s", 7, "-o", "x.png", "--resume", "--json", "--progress", "none")

    def status(levers: str) -> str:
        return program.run(*arguments, env={"TXT2IMG_CPU_LEVERS": levers}).records[0]["status"]

    assert status("") == "done"
    assert status("winograd,attention,packed") == "skipped"
    assert status("packed") == "done"
    assert status("packed") == "skipped"
    assert "levers            packed\n" in program.run("--show", "x.png").out.decode()
    assert "drawn with other levers (packed; here the default)" in program.run("--verify", "x.png").err
    assert status("") == "done"
