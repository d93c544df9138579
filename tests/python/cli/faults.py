"""Runs the program with tests/programs/fault_shim.cpp: system calls that fail, and a process that dies at one."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli_program import BINARY, Program, Result

SHIM = BINARY.parent / "libfault_shim.so"


@dataclass
class Faults:
    """Calls that change files in `folder`, of each run of `program`, numbered from 1."""

    program: Program
    folder: Path

    def calls(self, *arguments: object, **options: Any) -> list[str]:
        """Runs undisturbed; the calls, as "write a.png"."""
        log = self.program.folder.parent / "calls.txt"
        log.unlink(missing_ok=True)
        result = self.program.run(*arguments, env={**self.environment(), "TXT2IMG_FAULT_LOG": str(log)}, **options)
        assert result.code == 0, result.err
        return log.read_text().splitlines()

    def fail(self, at: int, error: int, *arguments: object, **options: Any) -> Result:
        return self.program.run(*arguments, env=self.environment(at, str(error)), **options)

    def kill(self, at: int, *arguments: object, how: str = "kill") -> Result:
        """`how`: "kill" before the call, or "torn" in the middle of a write."""
        return self.program.run(*arguments, env=self.environment(at, how))

    def environment(self, at: int = 0, fault: str = "") -> dict[str, str]:
        assert SHIM.exists(), f"{SHIM} is not there; run scripts/build"
        return {
            "LD_PRELOAD": str(SHIM),
            "TXT2IMG_FAULT_FOLDER": str(self.folder),
            "TXT2IMG_FAULT_AT": str(at),
            "TXT2IMG_FAULT": fault,
        }


def error_name(error: int) -> str:
    return errno.errorcode[error]


def tree(folder: Path) -> dict[str, bytes]:
    """Name -> content of every file below, hidden ones too."""
    files = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}
