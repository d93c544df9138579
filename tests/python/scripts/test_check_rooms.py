"""scripts/check_rooms on trees of a few lines, and on the sources themselves."""

import subprocess
import sys
from pathlib import Path

import pytest
from cli_program import ROOT


def check(root: Path) -> tuple[int, list[str]]:
    """Exit status and lines of scripts/check_rooms."""
    command = [sys.executable, str(ROOT / "scripts" / "check_rooms"), str(root)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def write(root: Path, files: dict[str, str]) -> Path:
    """The files with these lines."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_no_include_of_this_tree_points_upward() -> None:
    assert check(ROOT) == (0, [])


@pytest.mark.parametrize(
    ("file", "include", "refused"),
    [
        ("src/cli/screen/bar.cpp", "plan/plan.h", "cli/screen may not include cli/plan"),
        ("src/cli/plan/plan.cpp", "screen/bar.h", None),
        ("src/cli/main.cpp", "info/help.h", None),
        ("src/cli/info/help.cpp", "main.h", "cli/info may not include cli"),
        ("src/engine/graph/graph.cpp", "module/unet.h", "engine/graph may not include engine/module"),
        ("src/engine/module/unet.cpp", "graph/graph.h", None),
        ("src/engine/pipeline.cpp", "cpu/winograd.h", "engine may not include engine/cpu"),
        ("src/engine/graph/graph.cpp", "txt2img/record.h", None),
        ("src/front/bundle/bundle.cpp", "request/settle.h", "front/bundle may not include front/request"),
        ("src/front/bundle/bundle.cpp", "txt2img/record.h", "front/bundle may not include front/request"),
        ("src/front/request/record.cpp", "txt2img/bundle.h", None),
        ("src/front/file/file.cpp", "txt2img/export.h", None),
        ("include/txt2img/bundle.h", "txt2img/record.h", "front/bundle may not include front/request"),
        ("src/front/text/text.cpp", "nlohmann/json.hpp", None),
        ("src/cli/attic/old.cpp", "plan/plan.h", "cli/attic is no room of the table in scripts/check_rooms"),
    ],
)
def test_what_points_upward_is_named(tmp_path: Path, file: str, include: str, refused: str | None) -> None:
    owners = {"src/front/bundle/bundle.cpp": "", "src/front/request/record.cpp": ""}
    write(tmp_path, {**owners, file: f'// a line\n#include "{include}"\n'})
    place = file if refused and "no room" in refused else f"{file}:2"
    assert check(tmp_path) == ((1, [f"{place}: {refused}"]) if refused else (0, []))


def test_a_public_header_of_no_room_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"include/txt2img/new.h": "", "include/txt2img/export.h": ""})
    words = "no source of src/front has its name; name its room in scripts/check_rooms"
    assert check(tmp_path) == (1, [f"include/txt2img/new.h: {words}"])
