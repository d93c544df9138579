"""What the command line accepts, and how it says no. Nothing here needs the engine."""

import json
import os

import pytest
from cli_program import ROOT, Program

SEED_MAX = 2**64 - 1


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ("64x64", "empty or spoilt"),
        ("64x128", "empty or spoilt"),
        ("64x256", "empty or spoilt"),
        ("256x256", "several times"),
        ("96x96", None),
        ("128x192", None),
        ("160x160", None),
    ],
)
def test_a_size_far_from_the_models_own_is_warned_of(program: Program, size: str, words: str | None) -> None:
    result = program.run("x", "-m", ROOT / "models" / "stickers", "--size", size, "--dry-run")
    assert result.code == 0
    if words is None:
        assert result.err == ""
    else:
        assert f"warning: the size {size} is far from 128x128" in result.err and words in result.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--width", "500"], 64, ["width 500", "496 or 504"]),
        (["--height", "0"], 64, ["height 0"]),
        (["--steps", "0"], 64, ["steps 0"]),
        (["--steps", "20.5"], 64, ["--steps", "'20.5' is not a whole number"]),
        (["--steps", "0x10"], 64, ["--steps", "'0x10'"]),
        (["--steps", "99999999999"], 64, ["--steps", "99999999999"]),
        (["--steps", " 5"], 64, ["--steps", "' 5'"]),
        (["--steps", ""], 64, ["--steps", "''"]),
        (["--guidance", "nan"], 64, ["--guidance", "'nan' is not a number"]),
        (["--guidance", "inf"], 64, ["--guidance", "'inf'"]),
        (["--guidance", "1e999"], 64, ["--guidance", "1e999"]),
        (["-g", "7,5"], 64, ["--guidance", "'7,5'"]),
        (["--seed", "-1"], 64, ["--seed", "'-1'", f"0 ... {SEED_MAX}", "random"]),
        (["--seed", str(2**64)], 64, ["--seed", str(2**64)]),
        (["--seed", str(SEED_MAX), "-n", "2"], 64, [str(SEED_MAX)]),
        (["--count", "0"], 64, ["count 0"]),
        (["--size", "64"], 64, ["--size", "640x480"]),
        (["--size", "64x"], 64, ["--size", "640x480"]),
        (["--sampler", "eulr"], 64, ["eulr", "did you mean", "euler"]),
        (["--schedule", "karas"], 64, ["karas", "karras"]),
        (["--crop", "1.9,0"], 64, ["--crop", "'1.9,0' is not TOP,LEFT in whole pixels"]),
        (["--crop", "1e300,0"], 64, ["--crop", "'1e300,0'"]),
        (["--crop", "0,99999999999"], 64, ["--crop", "'0,99999999999'"]),
        (["--crop", "1,2,3"], 64, ["--crop", "'1,2,3'"]),
        (["--eta", "2"], 64, ["--eta", "eta 2", "0 to 1"]),
        (["--eta", "0.5", "--sampler", "heun"], 64, ["eta has no meaning for sampler heun", "ddim, tcd"]),
        (["--s-churn", "nan"], 64, ["--s-churn", "s_churn nan"]),
        (["--solver-order", "2.5"], 64, ["--solver-order", "'2.5' is not a number"]),
        (["--solver-type", "bh3"], 64, ["--solver-type", "did you mean 'bh1'?"]),
        (["--sampler", "dpmpp_2m", "--solver-type", "bh1"], 64, ["no solver_type bh1", "midpoint, heun"]),
        (["--sampler", "edm_euler"], 64, ["EDM preconditioning", "use euler"]),
        (["--sampler", "pndm"], 64, ["pndm needs a model that predicts epsilon or v"]),
        (["--sampler", "lcm", "--schedule", "karras"], 64, ["lcm has no karras schedule"]),
        (["--sampler", "DPM++ 2S a"], 64, ["this version does not have the sampler 'DPM++ 2S a'"]),
        (["--sigmas", "1,x"], 64, ["--sigmas", "'x' is not a number"]),
        (["--sigmas", "1,,0"], 64, ["--sigmas", "'' is not a number"]),
        (["--sigmas", "1,2,0", "--sampler", "euler"], 64, ["sigmas have to fall"]),
        (["--timesteps", "5,2.5"], 64, ["whole timesteps"]),
        (["--timesteps", "900,10", "--steps", "5"], 64, ["steps 5", "makes 2"]),
        (["--timesteps", "900,10", "--schedule", "trailing"], 64, ["schedule trailing and a list"]),
        (["--rho", "5", "--sampler", "euler"], 64, ["rho has a meaning only with schedule karras"]),
        (["--clip-skip", "9"], 64, ["clip skip 9"]),
        (["--device", "gpu"], 64, ["--device", "'gpu'", "cuda:N"]),
        (["--device", "cuda:-1"], 64, ["--device"]),
        (["--dtype", "float8"], 64, ["--dtype", "float8"]),
        (["--batch-size", "0"], 64, ["--batch-size"]),
        (["--threads", "-1"], 64, ["--threads"]),
        (["--on-exists", "renam"], 64, ["--on-exists", "'rename'"]),
        (["--progress", "bars"], 64, ["--progress", "'bar'"]),
        (["--list", "sampler"], 64, ["--list", "'samplers'"]),
        (["--stpes", "5"], 64, ["unknown option '--stpes'", "did you mean '--steps'?"]),
        (["--xyzzy=1"], 64, ["unknown option '--xyzzy'", "--help"]),
        (["-z"], 64, ["unknown option '-z'"]),
        (["-steps", "5"], 64, ["two dashes"]),
        (["--dry-run", "--show"], 64, ["--show needs a value"]),
        (["-o", "--json"], 64, ["--output needs a value", "'--json' looks like another option"]),
        (["-N", "-n", "3"], 64, ["--negative needs a value"]),
        (["-o", "x.jpg"], 64, ["x.jpg", "PNG"]),
        (["-o", ""], 64, ["--output"]),
        (["-o", "{indx}.png"], 64, ["{indx}", "did you mean 'index'?"]),
        (["-o", "{index.png"], 64, ["single '{'"]),
        (["-o", "{prompt:05}.png"], 64, ["{prompt:05}"]),
        (["-o", "{prompt}.png", "--on-exists", "error", "-n", "2"], 64, ["{index}"]),
        (["-o", "x.png", "-o", "y.png"], 64, ["--output is given twice, with x.png and y.png"]),
        (["-s", "1", "--seed", "2"], 64, ["--seed is given twice"]),
        (["-N", "fog", "-N", "rain"], 64, ["--negative is given twice, with fog and rain"]),
        (["-m", "a", "-m", "b"], 64, ["--model is given twice"]),
        (["--list", "samplers", "--list", "models"], 64, ["--list is given twice"]),
        (["--guidance_scale", "7"], 64, ["unknown option '--guidance_scale'; it is called --guidance here"]),
        (["--num_inference_steps=7"], 64, ["it is called --steps here"]),
        (["--n_iter", "2"], 64, ["it is called --count here"]),
        (["--sampling-method", "euler"], 64, ["it is called --sampler here"]),
        (["--negative_prompt", "fog"], 64, ["it is called --negative here"]),
        (["--restore-faces"], 64, ["unknown option '--restore-faces': faces are not restored"]),
        (["--init-img", "x.png"], 64, ["pictures are drawn from text only"]),
        (["- a list", "-list of things"], 64, ["--prompt='-list of things ...'"]),
        (["-o", "-", "-n", "2"], 64, ["standard output takes one picture"]),
        (["--show", "x.png", "--list", "samplers"], 64, ["two different things"]),
        (["--from", "x.png", "--verify", "y.png"], 64, ["give one"]),
        (["--model", "nowhere/at-all"], 66, ["nowhere/at-all"]),
        (["--config", "nowhere.toml"], 66, ["nowhere.toml"]),
        (["-o", "/dev/null/x.png"], 73, ["/dev/null"]),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(
    program: Program, arguments: list[str], code: int, words: list[str]
) -> None:
    result = program.run(*arguments, *([] if "--show" in arguments else ["a red apple", "--dry-run"]))
    assert result.code == code, result.err
    for word in words:
        assert word in result.error
    assert result.out == b""
    assert program.files() == []


def test_no_arguments_at_all_show_two_examples_on_stderr(program: Program) -> None:
    result = program.run()
    assert result.code == 64
    assert result.out == b""
    assert result.err.count('  txt2img "') == 2


def test_options_without_a_prompt_are_not_enough(program: Program) -> None:
    result = program.run("--steps", "3")
    assert result.code == 64
    assert "give a prompt" in result.error


@pytest.mark.parametrize(
    ("arguments", "prompts"),
    [
        (["one", "two"], ["one", "two"]),
        (["-p", "one", "two", "--prompt=three"], ["one", "two", "three"]),
        (["[a, b]"], ["[a, b]"]),
        (["-p", "[a, b]", "[]"], ["[a, b]", "[]"]),
        (["a=b, {c}"], ["a=b, {c}"]),
        (["--", "-x", "--json", "--", "-5", "--x="], ["-x", "--json", "--", "-5", "--x="]),
        (["- a list", "-"], ["- a list", "from standard input"]),
        (["--prompt=-x"], ["-x"]),
        ([""], [""]),
        (["--prompt="], [""]),
        (["two\nlines"], ["two\nlines"]),
        (["蓝色的鱼 🐟"], ["蓝色的鱼 🐟"]),
    ],
)
def test_prompts_arrive_as_they_were_typed(program: Program, arguments: list[str], prompts: list[str]) -> None:
    assert [record["prompt"] for record in program.dry_run(*arguments, stdin=b"from standard input")] == prompts


def test_an_empty_negative_prompt_does_not_swallow_the_next_word(program: Program) -> None:
    (record,) = program.dry_run("--negative=", "a red apple")
    assert (record["negative"], record["prompt"]) == ("", "a red apple")


def test_a_prompt_that_begins_with_a_dash_needs_two_dashes_before_it(program: Program) -> None:
    for slip in ("-5", "-x", "--a-red-apple"):
        result = program.run("--dry-run", slip)
        assert result.code == 64
        assert f"unknown option '{slip}'" in result.error


@pytest.mark.parametrize("text", [b"from a file\n", b"from a file\r\n", b"from a file"])
def test_a_dash_reads_the_prompt_from_standard_input(program: Program, text: bytes) -> None:
    assert [r["prompt"] for r in program.dry_run("first", "-", stdin=text)] == ["first", "from a file"]


@pytest.mark.parametrize("text", [b"\xff\xfe", b"a\0b", b"x" * (1 << 20 | 1)])
def test_standard_input_that_is_no_prompt_is_bad_data(program: Program, text: bytes) -> None:
    result = program.run("--dry-run", "-", stdin=text)
    assert result.code == 65
    assert "standard input" in result.error


def test_standard_input_can_be_read_once_only(program: Program) -> None:
    assert program.run("--dry-run", "-", "-").code == 64


def test_a_prompt_that_is_not_utf8_is_refused(program: Program) -> None:
    result = program.run("--dry-run", os.fsdecode(b"caf\xe9"))
    assert result.code == 64
    assert "not UTF-8" in result.error


def test_text_from_outside_cannot_control_the_terminal(program: Program) -> None:
    result = program.run("--dry-run", "x", "-m", "\x1b]0;title\x07\x1b[2J")
    assert "\x1b" not in result.err
    assert "\\x1b" in result.error
    assert "\x1b" not in program.run("--dry-run", "red\x1b[31m").out.decode()


def test_the_last_of_two_values_wins_and_that_is_said(program: Program) -> None:
    result = program.run("--dry-run", "--json", "x", "--steps", "3", "--steps", "5", "--size", "24x16", "-W", "16")
    (record,) = result.records
    assert (record["steps"], record["width"], record["height"]) == (5, 16, 16)
    assert result.err.splitlines() == [
        "txt2img: warning: --steps is given twice: 5 counts, not 3",
        "txt2img: warning: --size and --width differ: 16 counts, not 24",
    ]
    same = program.run("--dry-run", "x", "--steps", "3", "--steps", "3", "-s", 7, "-s", 7, "-o", "x.png", "-o", "x.png")
    assert (same.code, same.err) == (0, "")
    both = program.run("--dry-run", "x", "--keep-going", "--fail-fast", "--device", "cuda", "--device", "cpu")
    assert both.err.count("warning") == 2


@pytest.mark.parametrize("label_first", [True, False])
def test_a_schedule_counts_more_than_the_one_in_a_label_of_a_sampler(program: Program, label_first: bool) -> None:
    label, schedule = ["--sampler", "DPM++ 2M Karras"], ["--schedule", "exponential"]
    options = label + schedule if label_first else schedule + label
    result = program.run("--dry-run", "--json", "x", *options)
    assert (result.records[0]["sampler"], result.records[0]["schedule"]) == ("dpmpp_2m", "exponential")
    assert result.err == "txt2img: warning: --sampler and --schedule differ: exponential counts, not karras\n"
    same = program.run("--dry-run", "x", "--schedule", "Karras", *label)
    assert (same.code, same.err) == (0, "")


def test_a_schedule_of_a_line_counts_more_than_the_one_in_its_label(program: Program) -> None:
    (program.folder / "p.csv").write_text("prompt,schedule,sampler\nx,exponential,DPM++ 2M Karras\n")
    assert program.dry_run("-f", "p.csv")[0]["schedule"] == "exponential"


@pytest.mark.parametrize("words", [["a", "red", "apple"], ["red", "apple,"], ["un", "café"], ["a cat", "red", "apple"]])
def test_words_that_look_like_one_prompt_are_pointed_out(program: Program, words: list[str]) -> None:
    result = program.run("--dry-run", "--json", *words)
    assert [record["prompt"] for record in result.records] == words
    assert "is a prompt of its own; as one prompt: " in result.err
    assert ('"a red apple"' in result.err) == (words[0] == "a")


@pytest.mark.parametrize(
    "words", [["apple"], ["a red apple", "a blue cat"], ["蓝猫", "红苹果"], ["-p", "cat", "-p", "dog"], ["7", "8"]]
)
def test_prompts_that_are_meant_so_are_not_pointed_out(program: Program, words: list[str]) -> None:
    assert program.run("--dry-run", *words).err == ""


def test_the_name_of_a_prompt_file_is_pointed_out(program: Program) -> None:
    (program.folder / "p.txt").write_text("a cat\n")
    assert "to draw the lines of the file: --file p.txt" in program.run("--dry-run", "p.txt").err
    assert program.run("--dry-run", "q.txt").err == ""


def test_a_short_option_may_have_an_equals_sign(program: Program) -> None:
    (record,) = program.dry_run("-p=a cat", "-s=7", "-o=x.png", "-N=", "-q=false")
    assert [record[key] for key in ("prompt", "seed", "path", "negative")] == ["a cat", 7, "x.png", ""]
    (record,) = program.dry_run("a cat", "-o==.png")
    assert record["path"] == "=.png"


@pytest.mark.parametrize("text", ["\ufeffa cat", "\ufeffa cat\r\n"])
def test_a_byte_order_mark_is_no_part_of_a_prompt(program: Program, text: str) -> None:
    assert program.dry_run("-", stdin=text.encode())[0]["prompt"] == "a cat"
    assert program.dry_run(text.strip())[0]["prompt"] == "a cat"
    assert "UTF-16" in program.run("-", stdin=text.encode("utf-16")).error


def test_every_setting_reaches_the_record(program: Program) -> None:
    (record,) = program.dry_run(
        "x", "-N", "fog", "-s", SEED_MAX, "--steps", 7, "-g", 2.5, "--guidance-rescale", 0.5,
        "-W", 24, "-H", 8, "--sampler", "DPM++ 2M Karras", "--clip-skip", 2,
    )  # fmt: skip
    expected = {
        "prompt": "x", "negative": "fog", "seed": SEED_MAX, "steps": 7, "guidance": 2.5, "guidance_rescale": 0.5,
        "width": 24, "height": 8, "sampler": "dpmpp_2m", "schedule": "karras", "eta": 0, "clip_skip": 2,
    }  # fmt: skip
    assert {name: record[name] for name in expected} == expected


def test_parameters_of_samplers_reach_the_record_unless_at_their_default(program: Program) -> None:
    arguments = ["--sampler", "euler", "--schedule", "karras", "--s-churn", "3", "--s-tmax", "9.5", "--rho", "5"]
    record = program.dry_run("x", *arguments, "--sigma-max", "10", "--s-noise", "1")[0]
    assert (record["s_churn"], record["s_tmax"], record["rho"], record["sigma_max"]) == (3, 9.5, 5, 10)
    assert "s_noise" not in record and "s_tmin" not in record and "solver_order" not in record
    record = program.dry_run("x", "--sampler", "dpmpp_3m", "--lower-order-final", "false", "--euler-at-final")[0]
    assert (record["lower_order_final"], record["euler_at_final"]) == (False, True)


def test_lists_of_levels_make_the_steps(program: Program) -> None:
    record = program.dry_run("x", "--sampler", "euler", "--sigmas", "12, 3.5,0.5 ,0")[0]
    assert (record["steps"], record["sigmas"], record["schedule"]) == (3, [12, 3.5, 0.5, 0], "model")
    record = program.dry_run("x", "--timesteps", "900,500,20")[0]
    assert (record["steps"], record["timesteps"]) == (3, [900, 500, 20])


def test_a_dry_run_shows_the_token_ids_without_padding(program: Program) -> None:
    (record,) = program.dry_run("ab", "-N", "b")
    # The toy's alphabet: a character of its own is its byte minus 33, at the end of a word 256 more.
    assert record["tokens"] == {"ids": [[512, 64, 65 + 256, 513]], "cut": ""}
    assert record["negative_tokens"] == {"ids": [[512, 65 + 256, 513]], "cut": ""}
    assert (record["item"], record["image"], record["status"], record["error"]) == (0, 0, "planned", None)
    assert "stages" not in record
    assert "seconds" not in record


def test_text_that_does_not_fit_is_quoted(program: Program) -> None:
    result = program.run("--dry-run", "--json", "abcde " * 6 + "kl mn")
    assert result.records[0]["tokens"]["cut"].strip() == "kl mn"
    assert result.err.startswith("txt2img: warning: the prompt is longer than the model can read")
    assert 'kl mn"' in result.err


def test_a_dry_run_draws_and_writes_nothing(program: Program) -> None:
    result = program.run("--dry-run", "a red apple", "--seed", 7)
    assert result.code == 0
    assert "a-red-apple-7.png  (seed 7)" in result.out.decode()
    assert 'prompt    "a red apple" (11 tokens)' in result.out.decode()
    assert program.files() == []


def test_all_prompts_of_a_run_share_a_random_seed(program: Program) -> None:
    first, second = program.dry_run("one", "two")
    assert first["seed"] == second["seed"]
    (other,) = program.dry_run("one")
    assert other["seed"] != first["seed"]  # one in 2^32


def test_a_negative_prompt_without_guidance_is_pointed_out(program: Program) -> None:
    assert "no effect" in program.run("--dry-run", "x", "-N", "fog", "-g", 1).err
    assert program.run("--dry-run", "x", "-N", "fog", "-g", 2).err == ""


def test_an_interval_of_guidance_is_recorded_unless_it_is_all_of_the_run(program: Program) -> None:
    whole = program.dry_run("x", "-g", 5)[0]
    assert "guidance_interval" not in whole
    (record,) = program.dry_run("x", "-g", 5, "--guidance-interval", "0,1")
    assert "guidance_interval" not in record
    (record,) = program.dry_run("x", "-g", 5, "--steps", 8, "--guidance-interval", "0.25,0.5")
    assert record["guidance_interval"] == [0.25, 0.5]
    result = program.run("--dry-run", "x", "-g", 1, "--guidance-interval", "0.25,0.5")
    assert "the guidance interval has no effect without guidance" in result.err
    lines = "".join(json.dumps({"prompt": "x", "steps": steps}) + "\n" for steps in (8, 9))
    (program.folder / "p.jsonl").write_text(lines)
    result = program.run("--dry-run", "-f", "p.jsonl", "-g", 1, "--guidance-interval", "0.25,0.5")
    assert result.err.count("the guidance interval has no effect") == 1
    result = program.run("--dry-run", "x", "--guidance-interval", "0.5")
    assert (result.code, "give BEGIN,END" in result.err) == (64, True)
