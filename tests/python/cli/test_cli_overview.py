"""--contact-sheet and --gallery: what is on them, for runs of any kind, and what is refused."""

import errno
import html
import json
import os
import re
import signal
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from cli_program import TIMEOUT, Program
from faults import Faults, error_name
from PIL import Image

SIDE, GAP, CELL_WIDTH, CELL_HEIGHT = 256, 8, 264, 352  # pixels of a sheet
BOTH = ("--contact-sheet", "sheet.png", "--gallery", "index.html")


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def cell(sheet: np.ndarray, index: int) -> np.ndarray:
    columns = (sheet.shape[1] - GAP) // CELL_WIDTH
    top, left = GAP + index // columns * CELL_HEIGHT, GAP + index % columns * CELL_WIDTH
    return sheet[top : top + SIDE, left : left + SIDE]


def enlarged(path: Path) -> np.ndarray:
    """A 16 x 16 picture in the size of a cell: each pixel is a square."""
    return pixels(path).repeat(SIDE // 16, axis=0).repeat(SIDE // 16, axis=1)


def prompts(page: Path) -> list[str]:
    return [html.unescape(text) for text in re.findall(r'"prompt">.*?"auto">(.*?)</span>', page.read_text(), re.S)]


def sources(page: Path) -> list[str]:
    return [unquote(source) for source in re.findall(r'<img src="(.*?)"', page.read_text())]


def notes(page: Path) -> list[str]:
    return [html.unescape(note) for note in re.findall(r'class="note">(.*?)</p>', page.read_text())]


def is_shown(sheet: np.ndarray, index: int, picture: Path) -> bool:
    return np.array_equal(cell(sheet, index), enlarged(picture))


def is_plain(area: np.ndarray) -> bool:
    return len(np.unique(area)) == 1


def test_all_pictures_are_there_in_their_order(program: Program) -> None:
    result = program.run("a cat", "a dog", "-n", 3, "-s", 7, "-o", "out/{index}.png", *BOTH)
    assert result.code == 0, result.err
    assert [str(path) for path in result.paths] == [f"out/{i}.png" for i in range(1, 7)]
    assert result.err.splitlines()[-2:] == ["txt2img: contact sheet sheet.png", "txt2img: gallery index.html"]
    sheet = pixels(program.folder / "sheet.png")
    assert sheet.shape == (2 * CELL_HEIGHT + GAP, 3 * CELL_WIDTH + GAP, 3)
    assert all(is_shown(sheet, i, program.folder / path) for i, path in enumerate(result.paths))
    page = program.folder / "index.html"
    assert prompts(page) == ["a cat"] * 3 + ["a dog"] * 3
    assert sources(page) == [str(path) for path in result.paths]
    assert re.findall(r"seed (\d+), 16x16, 4 steps of ddim", page.read_text()) == ["7", "8", "9"] * 2


def test_standard_output_has_the_pictures_only(program: Program) -> None:
    result = program.run("a", "-n", 2, "-s", 7, "-o", "{index}.png", *BOTH, "--json", "-q")
    assert [record["path"] for record in result.records] == ["1.png", "2.png"]
    assert result.err == ""


def test_the_same_run_makes_the_same_overviews(program: Program) -> None:
    arguments = ("a", "-n", 3, "-s", 7, "-o", "{index}.png", *BOTH)
    assert program.run(*arguments).code == 0
    first = [(program.folder / name).read_bytes() for name in ("sheet.png", "index.html")]
    assert program.run(*arguments).code == 0
    assert [(program.folder / name).read_bytes() for name in ("sheet.png", "index.html")] == first


@pytest.mark.parametrize("metadata", [[], ["--no-metadata"]])
def test_pictures_of_an_earlier_run_belong_to_it(program: Program, metadata: list[str]) -> None:
    (program.folder / "p.txt").write_text("a\nb\nc\nd\n")
    arguments = ("-f", "p.txt", "-s", 7, "-o", "out/", *metadata)
    assert program.run(*arguments, *BOTH).code == 0
    whole = [(program.folder / name).read_bytes() for name in ("sheet.png", "index.html")]
    for name in ("sheet.png", "index.html", "out/00002-b.png"):
        (program.folder / name).unlink()
    assert program.run(*arguments, *BOTH, "--resume").code == 0
    assert [(program.folder / name).read_bytes() for name in ("sheet.png", "index.html")] == whole
    again = program.run(*arguments, *BOTH, "--resume", "-v")
    assert "LibTorch" not in again.err
    assert [(program.folder / name).read_bytes() for name in ("sheet.png", "index.html")] == whole


def test_a_picture_that_was_there_is_shown_with_what_it_says_itself(program: Program) -> None:
    assert program.run("an old one", "-s", 3, "--steps", 2, "-o", "1.png").code == 0
    assert program.run("untold", "-o", "2.png", "--no-metadata").code == 0
    (program.folder / "3.png").write_bytes(b"no picture at all")
    result = program.run("new", "-n", 4, "-s", 7, "-o", "{index}.png", "--on-exists", "skip", *BOTH)
    assert result.code == 0, result.err
    page = program.folder / "index.html"
    assert prompts(page) == ["an old one", "new"]
    assert sources(page) == ["1.png", "2.png", "4.png"]
    assert notes(page)[0] == "was there before; it does not say how it was drawn"
    assert notes(page)[1].startswith("3.png cannot be read as a PNG picture")
    assert "txt2img: warning: 1 file could not be read for the contact sheet" in result.err
    sheet = pixels(program.folder / "sheet.png")
    shown = [i < 4 and is_shown(sheet, i, program.folder / f"{i + 1}.png") for i in (0, 1, 3)]
    assert shown == [True] * 3
    assert not is_plain(cell(sheet, 2))


def test_pictures_that_failed_are_shown_as_such(failing: Program) -> None:
    (failing.folder / "p.txt").write_text("a\n! b\nc\n")
    result = failing.run("-f", "p.txt", "-s", 7, "-o", "{item}.png", *BOTH)
    assert result.code == 1
    page = failing.folder / "index.html"
    assert prompts(page) == ["a", "! b", "c"]
    assert sources(page) == ["0.png", "2.png"]
    assert len(notes(page)) == 1
    assert notes(page)[0].startswith("failed: ")
    sheet = pixels(failing.folder / "sheet.png")
    assert is_shown(sheet, 0, failing.folder / "0.png")
    assert is_shown(sheet, 2, failing.folder / "2.png")
    assert is_plain(cell(sheet, 1)[:100])
    assert not is_plain(cell(sheet, 1))


def test_a_renamed_picture_is_shown_under_the_name_it_got(program: Program) -> None:
    for _ in range(2):
        assert program.run("a", "-s", 7, "--gallery", "index.html").code == 0
    assert sources(program.folder / "index.html") == ["a-7-2.png"]


def test_a_large_run_gets_several_parts(program: Program) -> None:
    count = 1001
    result = program.run("a", "-n", count, "-s", 1, "--steps", 1, "--size", "8x8", "-o", "out/{index}.png", *BOTH)
    assert result.code == 0, result.err
    assert result.err.splitlines()[-2:] == [
        "txt2img: contact sheet sheet.png to sheet-0011.png",
        "txt2img: gallery index.html to index-0002.html",
    ]
    sheets = ["sheet.png", *(f"sheet-{i:04}.png" for i in range(2, 12))]
    assert sorted(name for name in program.files() if "/" not in name) == sorted(
        [*sheets, "index.html", "index-0002.html"]
    )
    for name, picture in (("sheet.png", 1), ("sheet-0007.png", 601), ("sheet-0011.png", 1001)):
        level = pixels(program.folder / f"out/{picture}.png")[0, 0]
        assert np.all(cell(pixels(program.folder / name), 0) == level), name
    pages = [program.folder / name for name in ("index.html", "index-0002.html")]
    assert [source for page in pages for source in sources(page)] == [f"out/{i}.png" for i in range(1, count + 1)]
    assert re.findall(r'rel="(next|prev)" href="(.*?)"', pages[0].read_text()) == [("next", "index-0002.html")] * 2
    assert re.findall(r'rel="(next|prev)" href="(.*?)"', pages[1].read_text()) == [("prev", "index.html")] * 2


def peak(program: Program, count: int) -> int:
    """Bytes that the program takes at most to show that many large pictures."""
    process = program.start("a", "-n", count, "-s", 1, "-o", "{index}.png", "--on-exists", "skip", *BOTH)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.communicate()
    assert process.returncode == 0
    return usage.ru_maxrss * 1024


def test_the_number_of_pictures_takes_no_memory(program: Program) -> None:
    side, count = 2048, 20
    Image.new("RGB", (side, side), (200, 100, 50)).save(program.folder / "1.png")
    for i in range(2, count + 1):
        os.link(program.folder / "1.png", program.folder / f"{i}.png")
    sheets = 4 * 3 * 1328 * 1768  # the larger one, its encoded form, and what the encoder takes
    assert peak(program, count) - peak(program, 2) < sheets + 3 * side * side
    sheet = pixels(program.folder / "sheet.png")
    assert np.all(cell(sheet, count - 1 if sheet.shape[1] > 1000 else 1) == (200, 100, 50))


def test_a_shard_shows_its_own_pictures(program: Program) -> None:
    (program.folder / "p.txt").write_text("a\nb\nc\nd\n")
    result = program.run("-f", "p.txt", "-s", 7, "-o", "out/", "--shard", "1/2", "--gallery", "1.html")
    assert result.code == 0, result.err
    assert prompts(program.folder / "1.html") == ["b", "d"]
    assert re.findall(r'class="number">(\d+)<', (program.folder / "1.html").read_text()) == ["2", "4"]


def test_folders_are_made_and_old_overviews_replaced(program: Program) -> None:
    (program.folder / "index.html").write_text("old")
    result = program.run("a", "-o", "a.png", "--contact-sheet", "x/y/Sheet.PNG", "--gallery", "index.html")
    assert result.code == 0, result.err
    assert program.files() == ["a.png", "index.html", "x/y/Sheet.PNG"]
    assert prompts(program.folder / "index.html") == ["a"]


def test_a_dry_run_checks_and_writes_nothing(program: Program) -> None:
    assert program.run("a", "-o", "a.png", "--dry-run", *BOTH).code == 0
    assert program.run("a", "-o", "sheet.png", "--dry-run", *BOTH).code == 64
    assert program.files() == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["--contact-sheet", "sheet.jpg"],
            64,
            "--contact-sheet: 'sheet.jpg' is not the name of a file that ends in .png",
        ),
        (["--contact-sheet", ".png"], 64, "ends in .png"),
        (["--contact-sheet", "-"], 64, "ends in .png"),
        (["--contact-sheet="], 64, "ends in .png"),
        (["--gallery", "out/"], 64, "--gallery: 'out/' is not the name of a file that ends in .html"),
        (["--gallery", "index.png"], 64, "ends in .html"),
        (["--gallery", "index.html", "-o", "-"], 64, "this run writes none"),
        (["--gallery", "index.html", "-o", "/dev/null"], 64, "this run writes none"),
        (["--contact-sheet", "a.png", "-o", "a.png"], 64, "a picture of the run has the name a.png; choose another"),
        (["--contact-sheet", "x/../{f}/a.png", "-o", "a.png"], 64, "a picture of the run has the name a.png"),
        (["--contact-sheet", "t.png", "-n", "101", "-o", "t-{index:04}.png"], 64, "has the name t-0002.png"),
        (["--contact-sheet", "folder.png"], 73, "cannot create folder.png: it is a folder"),
        (
            ["--contact-sheet", "s.png", "-n", "101", "-o", "x{index}.png"],
            73,
            "cannot create s-0002.png: it is a folder",
        ),
        (["--gallery", "file/index.html"], 73, "cannot create file/index.html: "),
        (["--gallery", "g.html", "-f", "-", "--format", "txt", "--stream"], 64, "leave them out of --verify"),
    ],
)
def test_nonsense_is_refused_before_anything_is_drawn(
    program: Program, arguments: list[str], code: int, message: str
) -> None:
    for folder in ("folder.png", "s-0002.png"):
        (program.folder / folder).mkdir()
    (program.folder / "file").touch()
    prompt = [] if "-f" in arguments else ["a"]
    result = program.run(*prompt, *(argument.replace("{f}", f"../{program.folder.name}") for argument in arguments))
    assert result.code == code, result.err
    assert message in result.error
    assert program.files() == ["file"]


@pytest.mark.parametrize("action", [["--show", "a.png"], ["--verify", "a.png"], ["--list", "samplers"], ["--check"]])
def test_other_actions_have_no_overview(program: Program, action: list[str]) -> None:
    assert program.run("a", "-o", "a.png").code == 0
    result = program.run(*action, "--gallery", "index.html")
    assert result.code == 64
    assert "--contact-sheet and --gallery go with drawing" in result.error


def test_a_sheet_never_takes_the_place_of_a_picture(program: Program) -> None:
    assert program.run("a", "-s", 7).code == 0
    result = program.run("a", "-s", 7, "--contact-sheet", "a-7-2.png")  # the name that --on-exists rename will find
    assert result.code == 64
    assert "a picture of the run has the name a-7-2.png" in result.err.splitlines()[-1]
    assert pixels(program.folder / "a-7-2.png").shape == (16, 16, 3)


def test_they_are_said_on_the_command_line_only(program: Program) -> None:
    (program.folder / "c.toml").write_text('gallery = "index.html"\n')
    result = program.run("a", "--config", "c.toml")
    assert result.code == 78
    assert "gallery: not a key of the configuration" in result.error
    (program.folder / "p.jsonl").write_text(json.dumps({"prompt": "a", "contact_sheet": "s.png"}) + "\n")
    result = program.run("-f", "p.jsonl")
    assert result.code == 65
    assert "contact_sheet" in result.err


def test_an_interrupted_run_leaves_the_earlier_overview(program: Program, toy) -> None:
    (program.folder / "index.html").write_text("old")
    program.variables["TXT2IMG_MODEL"] = str(toy("slow"))
    arguments = ("x", "-n", 1000, "-s", 5, "--steps", 20, "--progress", "json", "-o", "out/{index}.png")
    process = program.start(*arguments, *BOTH)
    assert process.stderr is not None
    next(line for line in process.stderr if b'"done"' in line)
    process.send_signal(signal.SIGINT)
    process.stderr.read()
    assert process.wait(TIMEOUT) == 130
    assert (program.folder / "index.html").read_text() == "old"
    assert not (program.folder / "sheet.png").exists()


def test_a_disk_that_fails_leaves_no_half_overview(program: Program) -> None:
    pages = program.folder / "pages"
    pages.mkdir()
    arguments = ("a", "-s", 7, "-o", "a.png", "--contact-sheet", "pages/s.png", "--gallery", "pages/g.html")
    faults = Faults(program, pages)
    calls = faults.calls(*arguments)
    whole = {path.name: path.read_bytes() for path in pages.iterdir()}
    assert sorted(whole) == ["g.html", "s.png"]
    for number, call in enumerate(calls, start=1):
        if call.startswith("unlink"):
            continue
        for path in pages.iterdir():
            path.unlink()
        result = faults.fail(number, errno.ENOSPC, *arguments)
        where = f"{error_name(errno.ENOSPC)} at call {number}, {call}"
        assert result.code == 74, f"{where}: {result.err}"
        assert result.err.splitlines()[-1].startswith("txt2img: error: cannot write pages"), where
        assert {path.name: path.read_bytes() for path in pages.iterdir()}.items() <= whole.items(), where
        assert [str(path) for path in result.paths] == ["a.png"], where
