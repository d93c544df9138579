"""Runs the real program, $TXT2IMG_BINARY or build/release/txt2img, away from the user's settings."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BINARY = Path(os.environ.get("TXT2IMG_BINARY", ROOT / "build" / "release" / "txt2img")).resolve()
TIMEOUT = 300  # seconds; only a program that hangs gets there


def restore_signals() -> None:
    """A test run in the background of a shell ignores SIGINT, and so would the program."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@dataclass
class Result:
    code: int
    out: bytes
    err: str

    @property
    def paths(self) -> list[Path]:
        return [Path(line) for line in self.out.decode().splitlines()]

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> str:
        """The one line that a failed run says."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("txt2img: error: "), self.err
        return lines[0].removeprefix("txt2img: error: ")


@dataclass
class Program:
    folder: Path  # current folder of the program, and its home
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TXT2IMG_", "XDG_"))}
        home = {"HOME": str(self.folder / "home"), "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
        kept.pop("NO_COLOR", None)
        return {**kept, **home, **self.variables, **(extra or {})}

    def arguments(self, *arguments: object) -> list[str]:
        return [str(BINARY), *map(str, arguments)]

    def start(self, *arguments: object, **options: Any) -> subprocess.Popen[bytes]:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(
            self.arguments(*arguments),
            cwd=self.folder,
            env=self.environment(options.pop("env", None)),
            preexec_fn=restore_signals,
            **options,
        )

    def run(self, *arguments: object, stdin: bytes = b"", **options: Any) -> Result:
        process = self.start(*arguments, stdin=subprocess.PIPE, **options)
        out, err = process.communicate(stdin, timeout=TIMEOUT)
        return Result(process.returncode, out or b"", (err or b"").decode())

    def dry_run(self, *arguments: object, **options: Any) -> list[dict[str, Any]]:
        """The records of what would be drawn."""
        result = self.run("--dry-run", "--json", *arguments, **options)
        assert result.code == 0, result.err
        return result.records

    def shell(self, script: str, *arguments: object) -> Result:
        """Runs `script` in sh, where "$@" is the program with the arguments."""
        process = subprocess.run(
            ["sh", "-c", script, "sh", *self.arguments(*arguments)],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            timeout=TIMEOUT,
            preexec_fn=restore_signals,
        )
        return Result(process.returncode, process.stdout, process.stderr.decode())

    def files(self) -> list[str]:
        """What lies in the current folder, all levels, hidden files too."""
        paths = (path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file())
        return sorted(str(path) for path in paths if path.parts[0] != "home")
