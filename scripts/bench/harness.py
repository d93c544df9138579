"""What the harnesses for CUDA and for the CPU share: the time left, results on file, helpers that answer, tables."""

import json
import statistics
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class Clock:
    """The time that is left for everything."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return self.end - time.monotonic()


class Results:
    """FOLDER/STEM.json, lists of values by name, and FOLDER/STEM.md; written anew after each addition."""

    def __init__(self, folder: Path, stem: str = "summary") -> None:
        self.folder, self.stem = folder, stem
        self.values: dict[str, Any] = {}
        self.lines: list[str] = []

    def put(self, name: str, value: Any) -> None:
        self.values.setdefault(name, []).append(value)
        (self.folder / f"{self.stem}.json").write_text(json.dumps(self.values, indent=1))

    def say(self, line: str) -> None:
        print(line, flush=True)
        self.lines.append(line)
        (self.folder / f"{self.stem}.md").write_text("\n".join(self.lines) + "\n")


class Helper:
    """A process that keeps what it has loaded, and answers each line of its input with a line `PREFIX{...}`.

    Its standard error goes to the end of `log`.
    """

    def __init__(
        self,
        command: Sequence[Any],
        log: Path,
        environment: Mapping[str, str] | None = None,
        prefix: str = "ANSWER ",
    ) -> None:
        self.prefix = prefix
        with log.open("a") as errors:
            self.process = subprocess.Popen(
                list(map(str, command)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment,
            )

    def ask(self, line: str, seconds: float) -> dict[str, Any]:
        """The answer, or {"error": why there is none}; a helper that takes longer than `seconds` is ended."""
        assert self.process.stdin is not None and self.process.stdout is not None
        guard = threading.Timer(max(seconds, 1), self.process.kill)
        guard.start()
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            for told in self.process.stdout:
                if told.startswith(self.prefix):
                    return json.loads(told.removeprefix(self.prefix))
            self.process.wait()  # its output may end before it does
            return {"error": "no answer in time" if guard.finished.is_set() else "it ended without an answer"}
        except OSError as error:
            self.process.wait()
            return {"error": str(error)}
        finally:
            guard.cancel()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Median, least and most of one value or more, and the values themselves."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "values": list(values)}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, *rows)]
    return [lines[0], "|" + "---|" * len(head), *lines[1:]]
