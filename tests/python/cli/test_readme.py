"""Every command of README.md is run, in order and in one folder, and the pictures show what their prompts say.

A command that is new is run by itself: what cannot be is listed here. Programs and files that the README takes as given
are made in the folder.
"""

import json
import re
import subprocess
from pathlib import Path

import classifier
import numpy as np
import oracles
import pytest
from cli_program import BINARY, ROOT, TIMEOUT, Program
from PIL import Image

# Begins of commands -> why they are not run.
NOT_RUN = {
    "scripts/test": "runs this test",
    "scripts/setup": "needs a network",
    "cmake ": "is what scripts/build does, which made the program",
    ".venv/bin/python scripts/export_model.py": "needs a model of someone else",
    'scripts/txt2img "a lighthouse': "needs a model of someone else",
    'scripts/txt2img "a coast"': "needs a model of someone else",
    "scripts/txt2img --check models/sd15": "needs a model of someone else",
    "txt2img -f prompts.jsonl -s 7 -o out/ --devices all": "needs CUDA",
}

FILES = {
    "prompts.txt": "a red apple on a white background\na blue car on a white background\n",
    "prompts.jsonl": '{"id": "heart", "prompt": "a green heart on a pink background"}\n'
    '{"id": "star", "prompt": "a purple star on a white background"}\n',
    "evaluation_metadata.jsonl": '{"tag": "single_object", "prompt": "a blue cat", "include": []}\n',
}

PROGRAMS = {
    "txt2img": f'exec "{BINARY}" "$@"',
    "scripts/txt2img": f'exec "{BINARY}" "$@"',
    "display": "cat > displayed.png",
    "make_prompts": """echo '{"prompt": "an orange cat on a white background"}'""",
    "requests": """echo '{"prompt": "a yellow car on a white background"}'""",
}

# Prompt -> concept, colour and number of what is to be seen.
SHOWN = {
    "two red apples on a yellow background": ("apple", "red", 2),
    "a blue cat": ("cat", "blue", 1),
    "a green star": ("star", "green", 1),
    "黄色背景上的两只蓝色的猫": ("cat", "blue", 2),
    "a red apple on a white background": ("apple", "red", 1),
    "a blue car on a white background": ("car", "blue", 1),
    "a green heart on a pink background": ("heart", "green", 1),
    "a purple star on a white background": ("star", "purple", 1),
    "an orange cat on a white background": ("cat", "orange", 1),
    "a yellow car on a white background": ("car", "yellow", 1),
}


def commands() -> list[str]:
    """The lines of the indented blocks, without comments, continued lines joined."""
    blocks = re.findall(r"(?m)^\n((?: {4}\S.*\n(?: {4,}\S.*\n)*)+)", (ROOT / "README.md").read_text())
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [re.sub(r"\s+#\s.*$", "", line).strip() for line in lines]


def is_run(command: str) -> bool:
    return not command.startswith(tuple(NOT_RUN))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all commands were run."""
    folder = tmp_path_factory.mktemp("readme")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    for name, script in PROGRAMS.items():
        path = folder / ("bin" if "/" not in name else "") / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    # Another seed each time would now and then draw a picture that the oracles do not like.
    program = Program(folder, {"TXT2IMG_MODELS": str(ROOT / "models"), "TXT2IMG_DEVICE": "cpu", "TXT2IMG_SEED": "7"})
    environment = program.environment()
    environment["PATH"] = f"{folder / 'bin'}:{environment['PATH']}"
    for command in filter(is_run, commands()):
        done = subprocess.run(
            ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert "warning" not in done.stderr, f"{command}\n{done.stderr}"
    return folder


def test_what_is_not_run_is_in_the_readme() -> None:
    for begin in NOT_RUN:
        assert any(command.startswith(begin) for command in commands()), begin


def test_most_commands_are_run() -> None:
    assert sum(map(is_run, commands())) >= 20


def shown(path: Path) -> str | None:
    """Its prompt; nothing for a sheet of pictures."""
    with Image.open(path) as image:
        text = getattr(image, "text", {}).get("txt2img")
    return json.loads(text)["settings"]["prompt"] if text else None


def is_right(path: Path, prompt: str, judge: classifier.Judge) -> bool:
    picture = np.asarray(Image.open(path).convert("RGB"))
    concept, colour, count = SHOWN[prompt]
    return (classifier.identify(judge, picture[None])[0], oracles.object_colour(picture), oracles.count(picture)) == (
        concept,
        colour,
        count,
    )


def test_the_pictures_show_what_their_prompts_say(folder: Path) -> None:
    pictures = {path: prompt for path in sorted(folder.rglob("*.png")) if (prompt := shown(path))}
    assert set(pictures.values()) == set(SHOWN)
    judge = classifier.load_judge()
    wrong = [path for path, prompt in pictures.items() if not is_right(path, prompt, judge)]
    named = [path for path in wrong if path.name in {"apples.png", "star.png", "cats.png", "cat.png", "displayed.png"}]
    assert not named
    assert len(wrong) <= len(pictures) / 10, wrong  # one of a row of seeds may be off


def test_overviews_are_made(folder: Path) -> None:
    assert {"sheet.png", "index.html"} <= {path.name for path in folder.iterdir()}
