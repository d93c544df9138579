"""scripts/setup, scripts/build and scripts/txt2img in a tree of their own: toy tools, toy packages, no network."""

import os
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

import move_venv
import pytest
from cli_program import ROOT, TIMEOUT

# Configures and builds a program that prints its arguments.
CMAKE = """#!/bin/sh
case $1 in
  --version) echo "cmake version 3.31.0" ;;
  -S) mkdir -p build/release
      echo "configure $*" >>"$TOY_LOG"
      echo "CMAKE_HOME_DIRECTORY:INTERNAL=$2" >build/release/CMakeCache.txt
      for argument; do
        case $argument in
          -DTorch_ROOT=*) echo "Torch_ROOT:UNINITIALIZED=${argument#*=}" >>build/release/CMakeCache.txt ;;
        esac
      done
      : >build/release/build.ninja ;;
  --build) echo build >>"$TOY_LOG"
      echo "[1/120] Building CXX object a.o"
      printf '#!/bin/sh\\necho "$@"\\n' >"$2/txt2img"
      chmod +x "$2/txt2img" ;;
esac
"""
NINJA = """#!/bin/sh
if [ -x "$2/txt2img" ]; then echo "ninja: no work to do."; else echo "[120/120] Linking CXX executable txt2img"; fi
"""
SCRIPTS = ("setup", "build", "txt2img", "move_venv.py")


class Tree:
    """A checkout that has only the scripts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tools = folder.parent / "tools"
        self.log = folder.parent / "log"
        self.log.touch()
        for name in SCRIPTS:
            self.write(f"scripts/{name}", (ROOT / "scripts" / name).read_text(), mode=0o755)
        self.write("scripts/requirements-torch.txt", "torch==9.9\n")
        self.write("scripts/requirements.txt", "outer==1.0\n")
        self.write(".deps/.stamp", (ROOT / ".deps" / ".stamp").read_text())
        for name, text in (("cmake", CMAKE), ("ninja", NINJA)):
            self.write(f"../tools/{name}", text, mode=0o755)

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def run(self, script: str, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "Torch_", "PYTHON", "CMAKE"))}
        own = {"PATH": f"{self.tools}:{os.environ['PATH']}", "TOY_LOG": str(self.log), "PIP_CONFIG_FILE": os.devnull}
        command = [str(self.folder / "scripts" / script), *map(str, arguments)]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=inherited | own | variables,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT,
        )

    def steps(self) -> list[str]:
        """What the toy tools were asked for since the last call."""
        steps = [line.split()[0] for line in self.log.read_text().splitlines()]
        self.log.write_text("")
        return steps

    def python(self, code: str) -> str:
        command = [str(self.folder / ".venv" / "bin" / "python"), "-c", code]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIMEOUT).stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "checkout")


def function_of(script: str, name: str) -> str:
    """The text of a shell function."""
    text = (ROOT / "scripts" / script).read_text()
    return f"{name}() {{" + text.split(f"\n{name}() {{")[1].split("\n}")[0] + "\n}\n"


# --- scripts/txt2img and scripts/build ---
@pytest.fixture
def built(tree: Tree) -> Tree:
    """Nothing to set up, and built once."""
    tree.write("scripts/setup", "#!/bin/sh\n", mode=0o755)
    for name in ("CMakeLists.txt", "CMakePresets.json", "cmake/a", "include/a", "src/a", ".venv/.torch"):
        tree.write(name, "")
    assert tree.run("txt2img", "a cat").stdout == "a cat\n"
    assert tree.steps() == ["configure", "build"]
    return tree


def test_a_build_says_beforehand_how_many_steps_there_are(tree: Tree) -> None:
    tree.write("scripts/setup", "#!/bin/sh\n", mode=0o755)
    result = tree.run("build", "--program", CMAKE_BUILD_PARALLEL_LEVEL="2")
    assert "compiling build/release (txt2img): 120 steps, about 3 minutes" in result.stderr


def test_a_build_in_a_log_says_now_and_then_how_far_it_is() -> None:
    function = function_of("build", "tell_progress")
    clock = (
        'say() { echo "$*" >&2; }; printf() { builtin printf "$@"; SECONDS=$((SECONDS + 10)); }; '
        "SECONDS=500; exec 3>&2;"
    )
    lines = "".join(f"[{i}/9] Building {i}.o\n" for i in range(1, 6)) + "[ 75%] Building for make\n"
    result = subprocess.run(
        ["bash", "-c", function + clock + "tell_progress"], input=lines, capture_output=True, text=True
    )
    assert result.stdout == lines
    assert [line.strip() for line in result.stderr.splitlines()] == [
        "2 of 9 after 20 s",
        "4 of 9 after 40 s",
        "75% after 60 s",
    ]


def test_what_is_built_is_run_and_not_built_again(built: Tree) -> None:
    assert built.run("txt2img", "a", "dog").stdout == "a dog\n"
    assert built.steps() == []


@pytest.mark.parametrize("move", [shutil.move, shutil.copytree])
def test_a_checkout_elsewhere_is_built_again_there(built: Tree, move) -> None:
    elsewhere = built.folder.parent / "else where"
    move(built.folder, elsewhere)
    built.folder = elsewhere
    result = built.run("txt2img", "a cat")
    assert (result.stdout, built.steps()) == ("a cat\n", ["configure", "build"]), result.stderr
    assert built.run("txt2img", "a cat").stdout == "a cat\n"
    assert built.steps() == []


def test_another_name_of_the_same_checkout_builds_nothing(built: Tree) -> None:
    link = built.folder.parent / "link"
    link.symlink_to(built.folder)
    built.folder = link
    assert built.run("build", "--program").returncode == 0
    assert built.run("txt2img", "a cat").stdout == "a cat\n"
    assert built.steps() == []


def test_another_libtorch_is_built_with(built: Tree, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    relative = os.path.relpath(tmp_path / "other")
    assert built.run("txt2img", "a cat", Torch_ROOT=relative).stdout == "a cat\n"
    assert f"-DTorch_ROOT={tmp_path / 'other'}" in built.log.read_text()
    assert built.steps() == ["configure", "build"]
    assert built.run("txt2img", "a cat", Torch_ROOT=str(tmp_path / "other")).stdout == "a cat\n"
    assert built.steps() == []


def test_a_libtorch_that_is_nowhere_is_named(built: Tree) -> None:
    result = built.run("txt2img", "a cat", Torch_ROOT="/nonexistent/libtorch")
    assert (result.returncode, result.stdout) == (1, "")
    assert "Torch_ROOT=/nonexistent/libtorch is no folder" in result.stderr


# --- scripts/setup ---
def write_wheel(folder: Path, name: str, version: str, requires: str = "", **files: str) -> None:
    folder.mkdir(exist_ok=True)
    information = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + (
        f"Requires-Dist: {requires}\n" if requires else ""
    )
    wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    contents = {f"{name}/__init__.py": f'__version__ = "{version}"\n'}
    contents |= {f"{information}/METADATA": metadata, f"{information}/WHEEL": wheel}
    record = "".join(f"{path},,\n" for path in [*contents, f"{information}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in (contents | {f"{information}/RECORD": record}).items():
            archive.writestr(path, text)


@pytest.fixture
def index(tmp_path: Path) -> Mapping[str, str]:
    """Variables for a pip that knows two tools: outer needs PyTorch and inner."""
    folder = tmp_path / "index"
    write_wheel(folder, "outer", "1.0", "torch\nRequires-Dist: inner")
    write_wheel(folder, "inner", "1.0")
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


@pytest.fixture
def pytorch(tmp_path: Path) -> Path:
    """The folder of a PyTorch of another environment, which has an old inner too."""
    packages = tmp_path / "other" / "site-packages"
    write_wheel(tmp_path / "wheels", "inner", "0.1")
    write_wheel(tmp_path / "wheels", "torch", "2.14.1")
    for wheel in (tmp_path / "wheels").iterdir():
        zipfile.ZipFile(wheel).extractall(packages)
    folder = packages / "torch"
    # As those of the usual index: it has a build in its own version, and none in that of its package.
    (folder / "__init__.py").write_text('__version__ = "2.14.1+cu130"\n')
    (folder / "include" / "torch").mkdir(parents=True)
    (folder / "lib").mkdir()
    (folder / "lib" / "libtorch.so").touch()
    return folder


def test_the_tools_come_beside_a_pytorch_that_no_index_has(tree: Tree, index: Mapping[str, str], pytorch: Path) -> None:
    result = tree.run("setup", "--torch", pytorch, **index)
    assert result.returncode == 0, result.stderr
    seen = "import outer, inner, torch; print(inner.__version__, torch.__version__, torch.__file__)"
    assert tree.python(seen) == f"1.0 2.14.1+cu130 {pytorch / '__init__.py'}"
    assert (tree.folder / ".venv" / ".torch").read_text().splitlines()[0] == str(pytorch)
    assert tree.run("setup", **index).stderr == ""

    # As an interrupted run leaves it, with one package half there.
    (tree.folder / ".venv" / ".tools").unlink()
    (tree.folder / ".venv" / ".unfinished-tools").touch()
    shutil.rmtree(next((tree.folder / ".venv" / "lib").glob("*/site-packages/inner")))
    assert tree.run("setup", **index).returncode == 0
    assert tree.python(seen) == f"1.0 2.14.1+cu130 {pytorch / '__init__.py'}"

    # Back to one of the index.
    write_wheel(Path(index["PIP_FIND_LINKS"]), "torch", "9.9")
    result = tree.run("setup", "--torch", "default", **index)
    assert result.returncode == 0, result.stderr
    assert tree.python("import torch; print(torch.__version__)") == "9.9"

    # And again: the one of .venv is not in its way.
    assert tree.run("setup", "--torch", pytorch, **index).returncode == 0
    assert tree.python(seen) == f"1.0 2.14.1+cu130 {pytorch / '__init__.py'}"

    # One that is not there any more is named, and not left to the compiler.
    (pytorch / "lib" / "libtorch.so").unlink()
    result = tree.run("setup", **index)
    assert result.returncode == 1
    assert f"'{pytorch}' is no LibTorch" in result.stderr


def test_a_download_in_a_log_is_told_with_its_size() -> None:
    lines = (
        "Collecting torch==2.13.0",
        "  Downloading torch-2.13.0-cp313-cp313-manylinux_2_28_x86_64.whl.metadata (31 kB)",
        "Downloading torch-2.13.0-cp313-cp313-manylinux_2_28_x86_64.whl (526.6 MB)",
        "  Downloading https://index.example/packages/ab/cd/nvidia_cublas-13.1.0-py3-none-any.whl (1.2 GB)",
        "Installing collected packages: torch",
    )
    function = function_of("setup", "tell_what_takes_time") + 'say() { echo "$*"; }; tell_what_takes_time'
    told = subprocess.run(
        ["bash", "-c", function], input="\n".join(lines) + "\n", capture_output=True, text=True
    ).stdout
    assert [line.strip() for line in told.splitlines()] == [
        "downloading torch-2.13.0-cp313-cp313-manylinux_2_28_x86_64.whl (526.6 MB)",
        "downloading nvidia_cublas-13.1.0-py3-none-any.whl (1.2 GB)",
        "unpacking",
    ]


def test_a_version_that_says_more_than_the_index_is_no_constraint(tree: Tree, index: Mapping[str, str]) -> None:
    write_wheel(Path(index["PIP_FIND_LINKS"]), "torch", "9.9")
    assert tree.run("setup", "--only", "program", **index).returncode == 0
    module = tree.python("import torch; print(torch.__file__)")
    Path(module).write_text('__version__ = "9.9+cu130"\n')
    result = tree.run("setup", **index)
    assert result.returncode == 0, result.stderr


def test_a_virtual_environment_follows_its_checkout(tree: Tree, index: Mapping[str, str]) -> None:
    write_wheel(Path(index["PIP_FIND_LINKS"]), "torch", "9.9")
    assert tree.run("setup", **index).returncode == 0
    elsewhere = tree.folder.parent / "else where"
    shutil.move(tree.folder, elsewhere)
    tree.folder = elsewhere
    result = tree.run("setup", **index)
    assert result.returncode == 0
    assert "was moved or copied" in result.stderr
    version = subprocess.run(
        [elsewhere / ".venv" / "bin" / "pip", "--version"], capture_output=True, text=True, timeout=TIMEOUT
    )
    assert str(elsewhere) in version.stdout
    assert tree.run("setup", **index).stderr == ""


def test_a_moved_script_names_its_interpreter_whatever_its_path() -> None:
    old, new = b"/old/.venv", b"/the new one/.venv"
    exec_line = b"""#!/bin/sh\n'''exec' "/the new one/.venv/bin/python" "$0" "$@"\n' '''\n"""
    assert move_venv.moved(b"#!/old/.venv/bin/python\nimport re\n", old, new) == exec_line + b"import re\n"
    assert move_venv.moved(exec_line.replace(new, old) + b"import re\n", old, new) == exec_line + b"import re\n"
    assert move_venv.moved(b'VIRTUAL_ENV="/old/.venv"\n', old, new) == b'VIRTUAL_ENV="/the new one/.venv"\n'
    for foreign in (b"#!/usr/bin/python3\n", b"\x7fELF\0/old/.venv/bin/python"):
        assert move_venv.moved(foreign, old, new) == foreign


def test_a_python_that_is_none_is_refused_and_not_replaced(tree: Tree) -> None:
    result = tree.run("setup", PYTHON="/nonexistent/python")
    assert result.returncode == 1
    assert "PYTHON=/nonexistent/python is no Python 3.10 to 3.13" in result.stderr


# --- what README's commands leave in the checkout ---
def test_pictures_and_models_of_our_own_are_nothing_to_commit() -> None:
    git = ["git", "-C", str(ROOT)]
    if subprocess.run([*git, "rev-parse"], capture_output=True).returncode != 0:
        pytest.skip("not a git checkout")
    made = ["apples.png", "a-blue-cat-1234567.png", "models/sd15/model.json", "build/release/txt2img", ".venv"]
    ignored = subprocess.run([*git, "check-ignore", "--no-index", *made], capture_output=True, text=True)
    assert ignored.stdout.split() == made
    tracked = subprocess.run(
        [*git, "ls-files", "--cached", "--ignored", "--exclude-standard"], capture_output=True, text=True
    )
    assert tracked.stdout == ""
