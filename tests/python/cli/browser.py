"""A headless Chromium, driven over a pipe by the DevTools protocol (https://chromedevtools.github.io/devtools-protocol)."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from cli_program import TIMEOUT

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
COMMANDS, ANSWERS = 3, 4  # the descriptors that --remote-debugging-pipe speaks on


def find_browser() -> str | None:
    """$TXT2IMG_BROWSER, or the first that is installed."""
    return os.environ.get("TXT2IMG_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)


def pipe_above(descriptor: int) -> tuple[int, int]:
    """A pipe whose ends are not in the way of the descriptors that a child is to have."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, descriptor + 1) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]


class Browser:
    """One page. What it complains of (errors, warnings, refused scripts) and which scripts ran is in its lists."""

    def __init__(self, executable: str) -> None:
        self.complaints: list[str] = []
        self.scripts: list[str] = []
        self._number = 0
        self._session: str | None = None
        self._pending = b""
        self._profile = tempfile.TemporaryDirectory(prefix="txt2img-browser-", ignore_cleanup_errors=True)
        commands, self._commands = pipe_above(ANSWERS)
        self._answers, answers = pipe_above(ANSWERS)

        def take_descriptors() -> None:
            os.dup2(commands, COMMANDS)
            os.dup2(answers, ANSWERS)

        options = ["--headless", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run", "--window-size=1000,800"]
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # Chromium refuses root with one
        self._process = subprocess.Popen(
            [executable, *options, f"--user-data-dir={self._profile.name}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(COMMANDS, ANSWERS),
            preexec_fn=take_descriptors,
        )
        os.close(commands)
        os.close(answers)
        self._attach()

    def _attach(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Runtime", "Debugger", "Accessibility"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)
        self._profile.cleanup()

    def call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while (message := self._next()).get("id") != self._number:
            pass
        assert "error" not in message, f"{method}: {message['error']}"
        return message["result"]

    def open(self, page: Path) -> None:
        self.complaints.clear()
        self.scripts.clear()
        self.call("Page.navigate", url=page.resolve().as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, expression: str) -> Any:
        """The value of JavaScript as seen by the page; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._pending:
            assert select.select([self._answers], [], [], TIMEOUT)[0], "the browser says nothing any more"
            piece = os.read(self._answers, 1 << 20)
            assert piece, "the browser has ended"
            self._pending += piece
        text, self._pending = self._pending.split(b"\0", 1)
        message = json.loads(text)
        self._note(message)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        event, details = message.get("method"), message.get("params", {})
        if event == "Log.entryAdded":
            self.complaints.append(details["entry"]["text"])
        elif event in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.complaints.append(json.dumps(details))
        elif event == "Debugger.scriptParsed" and details["url"].startswith(("file:", "data:")):
            self.scripts.append(details["url"])
