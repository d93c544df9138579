"""Tells people how far an export is: lines, and on a terminal a bar as well."""

import sys
from collections.abc import Callable

from tqdm import tqdm


class Progress:
    """`say` gets what stays on the screen; the bar goes away with it."""

    def __init__(self, say: Callable[[str], None], total: float) -> None:
        self._say = say
        self._pending = 0.0
        form = "{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]"
        self._bar = tqdm(total=total, bar_format=form, leave=False, file=sys.stderr, disable=not sys.stderr.isatty())

    def stage(self, what: str, worth: float = 0) -> None:
        """The stage before is over, and the next begins, which is `worth` so much of the total."""
        self._bar.update(self._pending)
        self._pending = worth
        self._bar.set_description(what)

    def say(self, line: str) -> None:
        """A line that stays."""
        self._bar.clear()
        self._say(line)

    def done(self) -> None:
        self._bar.close()
